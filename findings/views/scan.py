"""Scan an image now, and how far that is."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from findings import images
from findings.views.image import head, placement_or_404
from registries import scope
from registries.models import Image, Placement, Registry
from registries.roles import Action
from registries.tasks import soon
from scans import queue
from scans.tasks import dispatch


@require_POST
@login_required
def start(request: HttpRequest, repository: int, digest: str) -> HttpResponse:
    """Scan now, for whoever may ask for it."""
    allowed = scope.allowed(images.in_full(Placement.objects.all()), request.user, Action.SCAN)
    placement = get_object_or_404(allowed, repository=repository, image__digest=digest)
    if queue.request([placement.image_id]):
        soon(dispatch)
        messages.success(request, "A scan is queued. Its result appears here when it is done.")
    else:
        messages.warning(request, f"No scan was queued: {_why_not(placement)}")
    return redirect("image", repository, digest)


def _why_not(placement: Placement) -> str:
    subscription = placement.repository.registry.subscription
    if placement.image.kind == Image.Kind.INDEX:
        return "an index is not scanned itself, but each platform that it lists."
    if placement.image.kind == Image.Kind.ARTIFACT:
        return "this is an artifact and no image."
    if placement.repository.registry.kind == Registry.Kind.SBOM:
        return "it was imported as an SBOM; import a newer one."
    if not subscription.plan_enabled:
        return f"the container-registries plan of {subscription} is off."
    return "one is under way already."


@require_safe
@login_required
def status(request: HttpRequest, repository: int, digest: str) -> HttpResponse:
    """The head of the image's page while it is scanned or judged; then the whole page is new."""
    (row,) = images.describe([placement_or_404(request, repository, digest)])
    if not request.htmx:
        return redirect("image", repository, digest)
    if not row.active:
        return HttpResponseClientRefresh()
    return render(request, "findings/parts/image_head.html", head(request, row))
