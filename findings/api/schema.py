"""What the doors promise, for the OpenAPI document: shapes only, nothing is rendered by these.

A test holds real answers against the document.
"""

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers


class BearerTokenScheme(OpenApiAuthenticationExtension):
    target_class = "registries.arm.BearerToken"
    name = "bearer"

    def get_security_definition(self, auto_schema) -> dict:
        return {"type": "http", "scheme": "bearer"}


class StatusShape(serializers.Serializer):
    code = serializers.ChoiceField(["Healthy", "Unhealthy", "NotApplicable"])
    cause = serializers.CharField(
        help_text="Why an image could not be verified, or not in full: a code."
    )
    severity = serializers.ChoiceField(
        ["Low", "Medium", "High"], required=False, help_text="Of findings only."
    )
    description = serializers.CharField()


class ResourceDetailsShape(serializers.Serializer):
    source = serializers.ChoiceField(["Azure"])
    id = serializers.CharField(help_text="repositories/NAME/images/DIGEST")


class LinkShape(serializers.Serializer):
    title = serializers.CharField()
    link = serializers.URLField()


class CvssShape(serializers.Serializer):
    base = serializers.FloatField(min_value=0, max_value=10)


class EpssShape(serializers.Serializer):
    score = serializers.FloatField(min_value=0, max_value=1)
    percentile = serializers.FloatField(min_value=0, max_value=1)


class AdditionalDataShape(serializers.Serializer):
    assessedResourceType = serializers.ChoiceField(["ContainerRegistryVulnerability"])
    type = serializers.ChoiceField(["Vulnerability"])
    registryHost = serializers.CharField()
    repositoryName = serializers.CharField()
    imageDigest = serializers.CharField()
    cvss = serializers.DictField(
        child=CvssShape(), required=False, help_text="By version: 2.0, 3.0 or 4.0."
    )
    threat = serializers.CharField(
        required=False, help_text="How it can be attacked, where a CVSS vector says."
    )
    patchable = serializers.BooleanField(
        required=False, help_text="A version that fixes it is known."
    )
    fixStatus = serializers.ChoiceField(
        ["FixAvailable", "NoFixAvailable", "WontFix", "Unknown"], required=False
    )
    fixedVersion = serializers.CharField(required=False)
    knownExploited = serializers.BooleanField(
        required=False, help_text="In CISA's catalogue of known exploited vulnerabilities."
    )
    knownExploitedSince = serializers.DateField(required=False)
    ransomware = serializers.BooleanField(
        required=False, help_text="Known to be used by ransomware."
    )
    epss = EpssShape(required=False)
    cve = LinkShape(many=True, required=False)
    publishedTime = serializers.DateTimeField(required=False)
    vendorReferences = LinkShape(many=True, required=False)


class SubAssessmentProperties(serializers.Serializer):
    id = serializers.CharField(
        help_text="The vulnerability; or healthy, or the code of why the image is not verified."
    )
    displayName = serializers.CharField()
    status = StatusShape()
    remediation = serializers.CharField()
    impact = serializers.CharField()
    category = serializers.CharField(help_text="The ecosystem of the package.")
    description = serializers.CharField()
    timeGenerated = serializers.DateTimeField(help_text="When the image was last judged.")
    resourceDetails = ResourceDetailsShape()
    additionalData = AdditionalDataShape()


class SubAssessmentShape(serializers.Serializer):
    id = serializers.CharField(help_text="The full resource id.")
    name = serializers.UUIDField(help_text="Stable across rescans.")
    type = serializers.ChoiceField(["Microsoft.Security/assessments/subAssessments"])
    properties = SubAssessmentProperties()


class SubAssessmentListShape(serializers.Serializer):
    value = SubAssessmentShape(many=True)
    nextLink = serializers.URLField(required=False, help_text="Absent on the last page.")


class ErrorShape(serializers.Serializer):
    code = serializers.CharField(help_text="For programs.")
    message = serializers.CharField(help_text="For people.")
    target = serializers.CharField()
    details = serializers.ListField(child=serializers.DictField())
    additionalInfo = serializers.ListField(child=serializers.DictField())


class RefusalShape(serializers.Serializer):
    error = ErrorShape()


_PATH = OpenApiParameter.PATH
_SCOPE = OpenApiParameter(
    "scope",
    str,
    _PATH,
    description="subscriptions/{id}, subscriptions/{id}/resourceGroups/{name}, the resource id of "
    "a container registry, or providers/Microsoft.Management/managementGroups/{name}; with or "
    "without a leading slash, in any case.",
)
_ASSESSMENT = OpenApiParameter(
    "assessment",
    str,
    _PATH,
    description="dbd0cb49-b563-45e7-9724-889e799fa648, the recommendation for container images.",
)
_NAME = OpenApiParameter("name", str, _PATH, description="The name of a sub-assessment.")
_API_VERSION = OpenApiParameter(
    "api-version",
    str,
    OpenApiParameter.QUERY,
    required=True,
    description="A date such as 2020-01-01 or 2019-01-01-preview.",
)
_SKIP_TOKEN = OpenApiParameter(
    "$skipToken", str, OpenApiParameter.QUERY, description="As nextLink gives it."
)
_NARROWED = [
    OpenApiParameter(
        "knownExploited", bool, description="Only findings that are known to be exploited."
    ),
    OpenApiParameter(
        "minEpss", float, description="Only findings at least so likely to be exploited (0 to 1)."
    ),
    OpenApiParameter(
        "fixState",
        str,
        enum=["fixed", "not-yet", "wont-fix"],
        description="Only findings of which there is a fixed version, is none yet, will be none.",
    ),
    OpenApiParameter(
        "kernel",
        bool,
        description="The findings of kernel packages, which count nowhere, instead of the others.",
    ),
]
_REFUSALS = {
    400: OpenApiResponse(RefusalShape, "The request is malformed."),
    401: OpenApiResponse(RefusalShape, "The token is missing, expired or unknown."),
    404: OpenApiResponse(RefusalShape, "It does not exist, or not for this user."),
}


def _operation(name: str, answer: type[serializers.Serializer], *parameters) -> dict:
    return {
        "operation_id": name,
        "tags": ["Sub-assessments"],
        "parameters": [_SCOPE, *parameters, _API_VERSION],
        "responses": {200: answer, **_REFUSALS},
    }


LIST_ALL = _operation("SubAssessments_ListAll", SubAssessmentListShape, *_NARROWED, _SKIP_TOKEN)
LIST = _operation(
    "SubAssessments_List", SubAssessmentListShape, _ASSESSMENT, *_NARROWED, _SKIP_TOKEN
)
GET = _operation("SubAssessments_Get", SubAssessmentShape, _ASSESSMENT, _NAME)
