"""What the doors of one image promise, for the OpenAPI document."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from findings import sarif
from findings.api.schema import RefusalShape
from findings.explanation import Reason, State
from scans import sboms

_DIGEST = OpenApiParameter(
    "digest", str, OpenApiParameter.PATH, description="Of the image's manifest, as sha256:…"
)
_VULNERABILITY = OpenApiParameter(
    "name", str, OpenApiParameter.PATH, description="Any id of the vulnerability, such as a CVE."
)
_REFUSALS = {
    401: OpenApiResponse(RefusalShape, "The token is missing, expired or unknown."),
    404: OpenApiResponse(RefusalShape, "There is no such image, or not for this user."),
}


class PlaceShape(serializers.Serializer):
    path = serializers.CharField(help_text="The file that told of the package.")
    layer = serializers.CharField()
    instruction = serializers.CharField(help_text="What made the layer, where the image says.")


class ReasonShape(serializers.Serializer):
    reason = serializers.ChoiceField([str(reason) for reason in Reason])
    sentence = serializers.CharField()
    package = serializers.CharField()
    version = serializers.CharField()
    ecosystem = serializers.CharField()
    source = serializers.CharField(help_text="The source package and its version.")
    places = PlaceShape(many=True)
    advisory = serializers.CharField()
    feed = serializers.CharField()
    modified = serializers.DateTimeField(required=False, help_text="The advisory's revision.")
    range = serializers.CharField(help_text="The affected versions, in words.")
    comparison = serializers.CharField()


class ExplanationShape(serializers.Serializer):
    asked = serializers.CharField()
    vulnerability = serializers.CharField(help_text="Empty where no feed knows the id.")
    aliases = serializers.ListField(child=serializers.CharField())
    digest = serializers.CharField()
    state = serializers.ChoiceField([str(state) for state in State])
    sentence = serializers.CharField()
    reasons = ReasonShape(many=True)


class CountsShape(serializers.Serializer):
    critical = serializers.IntegerField()
    high = serializers.IntegerField()
    medium = serializers.IntegerField()
    low = serializers.IntegerField()
    unknown = serializers.IntegerField()
    total = serializers.IntegerField()


class TargetShape(serializers.Serializer):
    name = serializers.CharField(help_text="The source package, or the package itself.")
    packages = serializers.ListField(child=serializers.CharField())
    installed = serializers.ListField(child=serializers.CharField())
    version = serializers.CharField(help_text="The smallest that closes all that can be closed.")
    closes = CountsShape()


class ActionShape(serializers.Serializer):
    type = serializers.CharField(help_text="Of the packages: deb, apk, rpm, python, npm …")
    place = serializers.CharField(help_text="The application; empty for the distribution.")
    sentence = serializers.CharField()
    closes = CountsShape()
    command = serializers.CharField(help_text="For a shell; empty where there is none to give.")
    dockerfile = serializers.CharField()
    packages = TargetShape(many=True)


class StandingShape(serializers.Serializer):
    registry = serializers.CharField()
    repository = serializers.CharField()
    digest = serializers.CharField()


class BaseShape(StandingShape):
    tag = serializers.CharField(help_text="What it is, or was last, called; empty if nothing.")
    newer = StandingShape(required=False, help_text="What the tag leads to now.")


class RebuildShape(serializers.Serializer):
    closes = CountsShape()
    opens = CountsShape()


class RemediationShape(serializers.Serializer):
    digest = serializers.CharField()
    findings = CountsShape()
    actions = ActionShape(many=True, help_text="What closes most comes first.")
    waiting = CountsShape(help_text="Findings without a fix yet.")
    wontFix = CountsShape(help_text="Findings that the distribution will not fix.")
    ofBase = CountsShape(help_text="Findings of packages that the base brought.")
    own = CountsShape()
    base = BaseShape(required=False, help_text="The image it is built on, where that is known.")
    rebuild = RebuildShape(required=False, help_text="What building on the newer base changes.")
    endOfLife = serializers.DateField(
        required=False, help_text="The last day of the distribution's fixes, once past."
    )


def _operation(name: str, answers: dict, *parameters) -> dict:
    return {
        "operation_id": name,
        "tags": ["Images"],
        "parameters": [_DIGEST, *parameters],
        "responses": {**answers, **_REFUSALS},
    }


EXPLAIN = _operation("Images_Explain", {200: ExplanationShape}, _VULNERABILITY)
REMEDIATION = _operation("Images_Remediation", {200: RemediationShape})

_FORMAT = OpenApiParameter(
    "format", str, enum=list(sboms.FORMATS), description="CycloneDX if none is asked for."
)
_DOCUMENT = OpenApiTypes.OBJECT
SBOM = _operation(
    "Images_Sbom",
    {
        **{(200, each.media_type): _DOCUMENT for each in sboms.FORMATS.values()},
        400: OpenApiResponse(RefusalShape, "There is no such format."),
        409: OpenApiResponse(RefusalShape, "The image was not read, so it has no SBOM."),
    },
    _FORMAT,
)
SARIF = _operation("Images_Sarif", {(200, sarif.MEDIA_TYPE): _DOCUMENT})


class ImportedShape(serializers.Serializer):
    digest = serializers.CharField(help_text="SHA-256 of the document: the digest of its image.")


IMPORT = {
    "operation_id": "Sboms_Import",
    "tags": ["SBOMs"],
    "parameters": [
        OpenApiParameter(
            "repository", str, required=True, description="Where it is to stand: team/app."
        ),
        OpenApiParameter("tag", str, description="What is to point to it."),
    ],
    "request": {
        media_type: OpenApiTypes.BINARY
        for media_type in ("application/json", "application/vnd.cyclonedx+xml")
    },
    "responses": {
        201: ImportedShape,
        400: OpenApiResponse(RefusalShape, "It is no SBOM, or cannot be imported there."),
        401: _REFUSALS[401],
        404: OpenApiResponse(RefusalShape, "There is no such registry, or not for this user."),
    },
}
