"""Pages, the API at the root of the host where its clients expect it, webhooks and the admin."""

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView

from registries import webhooks

admin.site.site_header = admin.site.site_title = "Vigie"

urlpatterns = [
    path("favicon.ico", RedirectView.as_view(url=static("vigie.svg"))),
    path("admin/", admin.site.urls),
    path("webhooks/distribution/<int:registry_id>", webhooks.distribution, name="webhook"),
    path("billing/", include("billing.urls")),
    path("", include("registries.urls")),
    path("", include("findings.urls")),
    path("", include("findings.api.urls")),
]
