"""Why a vulnerability is, or is not, reported for an image: a page."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from findings.explain import explain
from findings.views.image import placement_or_404


@require_safe
@login_required
def show(request: HttpRequest, repository: int, digest: str) -> HttpResponse:
    placement = placement_or_404(request, repository, digest)
    asked = request.GET.get("id", "").strip()
    context = {
        "placement": placement,
        "image": placement.image,
        "repository": placement.repository,
        "registry": placement.repository.registry,
        "asked": asked,
        "explanation": explain(placement.image, asked) if asked else None,
    }
    return render(request, "findings/explanation.html", context)
