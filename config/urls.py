"""Pages, the API at the root of the host where its clients expect it, webhooks and the admin."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("billing/", include("billing.urls")),
    path("", include("findings.api.urls")),
]
