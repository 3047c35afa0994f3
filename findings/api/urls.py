"""Below the root of the host, where resource-manager clients expect them."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from findings.api import images, sboms, views
from registries.arm import resource_path

_security = "<path:scope>/providers/Microsoft.Security"
_assessment = f"{_security}/assessments/<str:assessment>"

# The script is a file of its own, as our policy lets no page run an inline one.
docs = SpectacularSwaggerSplitView.as_view(
    url_name="api-schema", template_name="findings/api_docs.html"
)

urlpatterns = [
    path("api/schema", SpectacularAPIView.as_view(), name="api-schema"),
    path("api/docs", docs, name="api-docs"),
    path("api/registries/<int:registry_id>/sboms", sboms.Sboms.as_view()),
    path("api/images/<digest:digest>/explain/<name:name>", images.Explain.as_view()),
    path("api/images/<digest:digest>/remediation", images.Remediation.as_view()),
    path("api/images/<digest:digest>/sbom", images.Sbom.as_view()),
    path("api/images/<digest:digest>/sarif", images.Sarif.as_view()),
    resource_path(f"{_security}/subAssessments", views.SubAssessments.as_view()),
    resource_path(f"{_assessment}/subAssessments", views.SubAssessmentsOfAssessment.as_view()),
    resource_path(f"{_assessment}/subAssessments/<str:name>", views.SubAssessment.as_view()),
    resource_path(f"{_security}/<path:rest>", views.UnknownType.as_view()),
]
