"""Pages, the API at the root of the host where its clients expect it, webhooks and the admin."""

from django.contrib import admin
from django.urls import path

urlpatterns = [
    path("admin/", admin.site.urls),
]
