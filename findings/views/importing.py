"""An SBOM uploaded on the page of a registry, in place of an image."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from findings.tasks import evaluate
from registries import scope
from registries.models import Registry
from registries.roles import Action
from registries.tasks import soon
from scans.importing import Refused, import_sbom
from scans.sbom.reading import MAX_BYTES


@require_POST
@login_required
def upload(request: HttpRequest, pk: int) -> HttpResponse:
    registries = Registry.objects.select_related("subscription")
    registry = get_object_or_404(scope.allowed(registries, request.user, Action.SCAN), pk=pk)
    document = request.FILES.get("document")
    if document is None:
        messages.error(request, "Choose a file: CycloneDX (JSON or XML) or SPDX (JSON).")
        return redirect("registry", pk)
    try:
        image = import_sbom(
            registry,
            request.POST.get("repository", "").strip(),
            document.read(MAX_BYTES + 1),
            request.POST.get("tag", "").strip(),
            request.user.get_username(),
        )
    except Refused as error:
        messages.error(request, f"Not imported: {error}")
        return redirect("registry", pk)
    soon(evaluate)
    messages.success(request, "Imported. It is judged within seconds.")
    placement = image.placements.order_by("-pushed_at").first()
    return redirect("image", placement.repository_id, image.digest)
