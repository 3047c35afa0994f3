"""The doors of one image, by its digest: who sees none of it is told that there is none."""

from django.http import Http404, HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from findings import sarif, sarifs
from findings.actions import plan_for
from findings.api import acting, explaining
from findings.api import image_schema as schema
from findings.explain import explain
from registries import scope
from registries.arm import BearerToken, OrjsonRenderer, ResourceError, parameter
from registries.models import Image, Placement
from scans import sboms


class ImageDoor:
    """What a view adds to the framework's APIView to be a door of one image."""

    authentication_classes = [BearerToken]
    permission_classes = [IsAuthenticated]


class FileDoor(ImageDoor):
    """Of a document in a format of its own: whatever a client accepts, it gets that."""

    def perform_content_negotiation(self, request, force: bool = False):
        return OrjsonRenderer(), OrjsonRenderer.media_type


def the_placement(user, digest: str) -> Placement:
    """Where that image stands first, as far as the user sees."""
    image = the_image(user, digest)
    placed = scope.visible(Placement.objects.filter(image=image), user)
    standing = placed.select_related("image", "repository__registry").order_by("pk").first()
    if standing is None:
        raise Http404
    return standing


def the_image(user, digest: str) -> Image:
    """Of the images of that digest that the user sees, the one that was scanned last; what is known
    of a digest is the same wherever it stands."""
    images = scope.visible(Image.objects.filter(digest=digest), user)
    newest = images.order_by("-report__scanned_at", "pk").exclude(report=None).first()
    image = newest or images.order_by("pk").first()
    if image is None:
        raise Http404
    return image


class Explain(ImageDoor, APIView):
    @extend_schema(**schema.EXPLAIN)
    def get(self, request, digest: str, name: str) -> Response:
        """Say why a vulnerability is, or is not, reported for an image."""
        return Response(explaining.as_json(explain(the_image(request.user, digest), name)))


class Remediation(ImageDoor, APIView):
    @extend_schema(**schema.REMEDIATION)
    def get(self, request, digest: str) -> Response:
        """Say what to do about an image: the fewest actions that close the most findings."""
        image = the_image(request.user, digest)
        return Response(acting.as_json(image.digest, plan_for(request.user, image)))


class Sbom(FileDoor, APIView):
    @extend_schema(**schema.SBOM)
    def get(self, request, digest: str) -> HttpResponse:
        """Export the SBOM of an image, in CycloneDX or SPDX."""
        placement = the_placement(request.user, digest)
        name = parameter(request.query_params, "format").lower() or "cyclonedx"
        if name not in sboms.FORMATS:
            formats = ", ".join(sboms.FORMATS)
            raise ResourceError(400, "InvalidFormat", f"The format is one of {formats}.", "format")
        try:
            body = sboms.export(placement, name)
        except sboms.NotKnown as error:
            raise ResourceError(409, "ImageNotRead", str(error)) from None
        return HttpResponse(body, content_type=sboms.FORMATS[name].media_type)


class Sarif(FileDoor, APIView):
    @extend_schema(**schema.SARIF)
    def get(self, request, digest: str) -> HttpResponse:
        """Export the findings of an image as SARIF 2.1.0."""
        body = sarifs.export(the_placement(request.user, digest))
        return HttpResponse(body, content_type=sarif.MEDIA_TYPE)
