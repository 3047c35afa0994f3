"""Below the root of the host, where resource-manager clients expect them."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from findings.api import views
from registries.arm import resource_path

_security = "<path:scope>/providers/Microsoft.Security"
_assessment = f"{_security}/assessments/<str:assessment>"

urlpatterns = [
    path("api/schema", SpectacularAPIView.as_view(), name="api-schema"),
    path("api/docs", SpectacularSwaggerView.as_view(url_name="api-schema"), name="api-docs"),
    resource_path(f"{_security}/subAssessments", views.SubAssessments.as_view()),
    resource_path(f"{_assessment}/subAssessments", views.SubAssessmentsOfAssessment.as_view()),
    resource_path(f"{_assessment}/subAssessments/<str:name>", views.SubAssessment.as_view()),
    resource_path(f"{_security}/<path:rest>", views.UnknownType.as_view()),
]
