from django.urls import path

from findings.views import (
    dashboard,
    finding,
    image,
    recommendation,
    registry,
    repository,
    search,
    vulnerability,
)

IMAGE = "repositories/<int:repository>/images/<str:digest>"

urlpatterns = [
    path("", dashboard.show, name="dashboard"),
    path("plans/<uuid:subscription>", dashboard.switch_plan, name="switch-plan"),
    path("recommendations/<str:key>", recommendation.show, name="recommendation"),
    path("registries/<int:pk>", registry.show, name="registry"),
    path("repositories/<int:pk>", repository.show, name="repository"),
    path(IMAGE, image.show, name="image"),
    path(f"{IMAGE}/scan", image.scan, name="scan-image"),
    path(f"{IMAGE}/findings/<int:pk>", finding.show, name="finding"),
    path("vulnerabilities/<str:name>", vulnerability.show, name="vulnerability"),
    path("search", search.show, name="search"),
]
