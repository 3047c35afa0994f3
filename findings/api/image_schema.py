"""What the doors of one image promise, for the OpenAPI document."""

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from findings.api.schema import RefusalShape
from findings.explanation import Reason, State

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


def _operation(name: str, answers: dict, *parameters) -> dict:
    return {
        "operation_id": name,
        "tags": ["Images"],
        "parameters": [_DIGEST, *parameters],
        "responses": {**answers, **_REFUSALS},
    }


EXPLAIN = _operation("Images_Explain", {200: ExplanationShape}, _VULNERABILITY)
