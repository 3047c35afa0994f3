"""The pages an analyst walks: from the dashboard down to the finding."""

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from findings.views import (
    dashboard,
    download,
    explain,
    finding,
    image,
    importing,
    package,
    recommendation,
    registry,
    repository,
    scan,
    search,
    vulnerability,
)


class DigestConverter(StringConverter):
    regex = "[a-z0-9]+:[0-9a-fA-F]+"


class NameConverter(StringConverter):
    """An id as some advisory spells it: anything that can be stored."""

    regex = "[^\0]+"


register_converter(DigestConverter, "digest")
register_converter(NameConverter, "name")

IMAGE = "repositories/<int:repository>/images/<digest:digest>"

urlpatterns = [
    path("", dashboard.show, name="dashboard"),
    path("activity", dashboard.activity, name="activity"),
    path("plans/<uuid:subscription>", dashboard.switch_plan, name="switch-plan"),
    path("recommendations/<str:key>", recommendation.show, name="recommendation"),
    path("registries/<int:pk>", registry.show, name="registry"),
    path("registries/<int:pk>/sboms", importing.upload, name="import-sbom"),
    path("repositories/<int:pk>", repository.show, name="repository"),
    path(IMAGE, image.show, name="image"),
    path(f"{IMAGE}/scan", scan.start, name="scan-image"),
    path(f"{IMAGE}/status", scan.status, name="image-status"),
    path(f"{IMAGE}/sbom", download.sbom, name="image-sbom"),
    path(f"{IMAGE}/sarif", download.findings, name="image-sarif"),
    path(f"{IMAGE}/explain", explain.show, name="explain-image"),
    path(f"{IMAGE}/findings/<int:pk>", finding.show, name="finding"),
    path("vulnerabilities/<name:name>", vulnerability.show, name="vulnerability"),
    path("packages/<int:pk>", package.show, name="package"),
    path("search", search.show, name="search"),
]
