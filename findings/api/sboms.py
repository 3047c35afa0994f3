"""The door through which SBOMs come in place of images."""

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import BaseParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from findings.api import image_schema as schema
from findings.tasks import evaluate
from registries import scope
from registries.arm import BearerToken, ResourceError, parameter
from registries.models import Registry
from registries.roles import Action
from registries.tasks import soon
from scans.importing import Refused, import_sbom
from scans.sbom.reading import MAX_BYTES


class Document(BaseParser):
    """The body as it is, whatever it is said to be; what is too long is cut, and refused later."""

    media_type = "*/*"

    def parse(self, stream, media_type=None, parser_context=None) -> bytes:
        return stream.read(MAX_BYTES + 1)


class Sboms(APIView):
    authentication_classes = [BearerToken]
    permission_classes = [IsAuthenticated]
    parser_classes = [Document]

    @extend_schema(**schema.IMPORT)
    def post(self, request, registry_id: int) -> Response:
        """Import an SBOM in place of an image, into a registry of the kind Imported SBOMs."""
        registries = Registry.objects.select_related("subscription")
        allowed = scope.allowed(registries, request.user, Action.SCAN)
        if registry_id > 2**63 - 1 or (registry := allowed.filter(pk=registry_id).first()) is None:
            raise Http404
        query = request.query_params
        body = request.data if isinstance(request.data, bytes) else b""
        try:
            image = import_sbom(
                registry,
                parameter(query, "repository"),
                body,
                parameter(query, "tag"),
                request.user.get_username(),
            )
        except Refused as error:
            raise ResourceError(400, "SbomRefused", str(error)) from None
        soon(evaluate)
        return Response({"digest": image.digest}, status=201)
