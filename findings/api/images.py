"""The doors of one image, by its digest: who sees none of it is told that there is none."""

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from findings.actions import plan_for
from findings.api import acting, explaining
from findings.api import image_schema as schema
from findings.explain import explain
from registries import scope
from registries.arm import BearerToken
from registries.models import Image


class ImageDoor:
    """What a view adds to the framework's APIView to be a door of one image."""

    authentication_classes = [BearerToken]
    permission_classes = [IsAuthenticated]


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
