"""Find anything one may see: an id, a package, a digest, a tag, a repository."""

from django.contrib.auth.decorators import login_required
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from findings import images, packages, vulnerabilities
from findings.views.listing import searched
from registries import scope
from registries.models import Placement, Repository

SHOWN = 20
SHORTEST_DIGEST = 4


@require_safe
@login_required
def show(request: HttpRequest) -> HttpResponse:
    q = searched(request)
    if q and (exact := vulnerabilities.named(q)):
        return redirect("vulnerability", exact.name)
    context = {"q": q, "shown": SHOWN} | (_found(request, q) if q else {})
    return render(request, "findings/search.html", context)


def _found(request: HttpRequest, q: str) -> dict:
    repositories = Repository.objects.select_related("registry").filter(name__icontains=q)
    return {
        "vulnerabilities": list(vulnerabilities.beginning(q)[:SHOWN]),
        "packages": packages.search(request.user, q, SHOWN),
        "repositories": list(scope.visible(repositories, request.user)[:SHOWN]),
        "rows": images.describe(_placements(request, q)),
    }


def _placements(request: HttpRequest, q: str) -> list[Placement]:
    """The newest under a tag of that name, and of images whose digest begins so."""
    placed = scope.visible(Placement.objects.order_by("-id"), request.user)
    tagged = placed.filter(image__tags__name=q, image__tags__repository=F("repository"))
    found = set(tagged[:SHOWN])
    digest = q.lower().removeprefix("sha256:")
    if len(digest) >= SHORTEST_DIGEST and not set(digest) - set("0123456789abcdef"):
        begins = placed.filter(image__digest__startswith=f"sha256:{digest}")
        found.update(begins[:SHOWN])
    return sorted(found, key=lambda placement: -placement.pk)[:SHOWN]
