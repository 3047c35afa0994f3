"""Find anything one may see: an id, a digest, a tag, a repository."""

from django.contrib.auth.decorators import login_required
from django.db.models import F, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from findings import images, vulnerabilities
from findings.views.listing import searched
from registries import scope
from registries.models import Repository, Tag

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
    placements = images.placements().filter(_digest_or_tag(q)).order_by("-id")
    return {
        "vulnerabilities": list(vulnerabilities.beginning(q)[:SHOWN]),
        "repositories": list(scope.visible(repositories, request.user)[:SHOWN]),
        "rows": images.describe(list(scope.visible(placements, request.user)[:SHOWN])),
    }


def _digest_or_tag(q: str) -> Q:
    by_tag = Q(pk__in=_placed_by_tag(q))
    digest = q.lower().removeprefix("sha256:")
    if len(digest) < SHORTEST_DIGEST or set(digest) - set("0123456789abcdef"):
        return by_tag
    return by_tag | Q(image__digest__startswith=f"sha256:{digest}")


def _placed_by_tag(q: str):
    """Placements under a tag of that name in their own repository."""
    tags = Tag.objects.filter(name=q)
    return tags.filter(image__placements__repository=F("repository")).values("image__placements")
