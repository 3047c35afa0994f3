"""An image as it stands in a repository: what names it, its findings, packages and layers."""

from shlex import quote
from urllib.parse import urlsplit

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from findings import activity, images
from findings.actions import plan_for
from findings.filters import FindingFilter, PackageFilter
from findings.keyset import page
from findings.views.listing import Sort, chosen, render_list
from registries import scope
from registries.events import KEPT_FOR
from registries.models import Placement, Registry
from registries.roles import Action

TABS = {
    "findings": "Findings",
    "actions": "What to do",
    "packages": "Packages",
    "layers": "Layers",
    "kernel": "Kernel",
    "unread": "Unread",
    "closed": "Closed",
    "activity": "Activity",
}
FINDING_SORTS = {
    "severity": Sort("Severity", ("-severity", "vulnerability__name", "package__name", "id")),
    "package": Sort("Package", ("package__name", "-severity", "vulnerability__name", "id")),
    "newest": Sort("Newest first", ("-opened_at", "-id")),
    "likely": Sort("Most exploited first", ("-exploited", "-likely", "-severity", "id")),
}
PACKAGE_ORDER = ("package__name", "package__version", "id")
EVENT_ORDER = ("-occurred_at", "-id")


def placement_or_404(request: HttpRequest, repository: int, digest: str) -> Placement:
    visible = scope.visible(images.in_full(images.placements()), request.user)
    return get_object_or_404(visible, repository=repository, image__digest=digest)


@require_safe
@login_required
def show(request: HttpRequest, repository: int, digest: str) -> HttpResponse:
    placement = placement_or_404(request, repository, digest)
    tab = chosen(request, "tab", TABS, "findings")
    context = LISTS[tab](request, placement) | {"tab": tab}
    part = f"findings/parts/{PARTS[tab]}.html"
    return render_list(
        request, "findings/image.html", part, context | _header(request, placement) | {"part": part}
    )


def _header(request: HttpRequest, placement: Placement) -> dict:
    (row,) = images.describe([placement])
    moves = images.tag_moves(placement)
    registry = placement.repository.registry
    return {
        **head(request, row),
        "placement": placement,
        "registry": registry,
        "moves": moves,
        "moved_away": [] if row.tags else [move for move in moves if move.away],
        "elsewhere": list(images.elsewhere(placement)),
        "members": list(placement.image.members.order_by("os", "architecture", "variant")),
        "tabs": _tabs(row),
        "delete_command": _delete_command(placement),
    }


def _tabs(row: images.ImageRow) -> dict[str, str]:
    """The tabs, without those that only some images have."""
    verdict, report = (getattr(row.image, name, None) for name in ("verdict", "report"))
    some = {
        "kernel": verdict.uncounted if verdict else 0,
        "unread": report.unread_count if report else 0,
    }
    return {key: label for key, label in TABS.items() if some.get(key, 1)}


def head(request: HttpRequest, row: images.ImageRow) -> dict:
    """What the head of the page shows, which asks for itself while something is under way."""
    repository = row.placement.repository
    subscription = repository.registry.subscription
    scannable = scope.allowed_subscriptions(request.user, Action.SCAN)
    return {
        "row": row,
        "image": row.image,
        "repository": repository,
        "subscription": subscription,
        "may_scan": scannable.filter(pk=subscription.pk).exists(),
    }


def _delete_command(placement: Placement) -> str:
    """What removes the digest from its registry; a folder of layouts has no such command."""
    registry = placement.repository.registry
    if registry.kind != Registry.Kind.DISTRIBUTION:
        return ""
    host = urlsplit(registry.location).netloc.rpartition("@")[2] or registry.location
    reference = f"{host}/{placement.repository.name}@{placement.image.digest}"
    return f"skopeo delete {quote(f'docker://{reference}')}"


def _findings(request: HttpRequest, placement: Placement) -> dict:
    found = images.findings_of(placement.image_id).open()
    return _page_of_findings(request, found, FINDING_SORTS)


def _kernel(request: HttpRequest, placement: Placement) -> dict:
    found = images.findings_of(placement.image_id).open_kernel()
    return _page_of_findings(request, found, FINDING_SORTS)


def _unread(request: HttpRequest, placement: Placement) -> dict:
    return {}  # the report, which every tab shows, holds the files


def _closed(request: HttpRequest, placement: Placement) -> dict:
    found = images.findings_of(placement.image_id).closed()
    return _page_of_findings(request, found, {"closed": Sort("Closed", ("-closed_at", "-id"))})


def _page_of_findings(request: HttpRequest, found, sorts: dict[str, Sort]) -> dict:
    filters = FindingFilter(request.GET, found)
    sort = chosen(request, "sort", sorts, next(iter(sorts)))
    shown = page(filters.qs, sorts[sort].order, request.GET)
    return {
        "filters": filters,
        "page": shown,
        "findings": images.with_matches(shown.rows),
        "sort": sort,
        "sorts": sorts,
    }


def _actions(request: HttpRequest, placement: Placement) -> dict:
    return {"plan": plan_for(request.user, placement.image)}


def _packages(request: HttpRequest, placement: Placement) -> dict:
    filters = PackageFilter(request.GET, images.packages_of(placement.image_id))
    return {"filters": filters, "page": page(filters.qs, PACKAGE_ORDER, request.GET)}


def _layers(request: HttpRequest, placement: Placement) -> dict:
    return {"layers": images.layers_of(placement.image_id)}


def _activity(request: HttpRequest, placement: Placement) -> dict:
    return {
        "page": page(activity.events_of(placement), EVENT_ORDER, request.GET),
        "scans": activity.scans_of(placement),
        "kept_days": KEPT_FOR.days,
    }


LISTS = {
    "findings": _findings,
    "actions": _actions,
    "packages": _packages,
    "layers": _layers,
    "kernel": _kernel,
    "unread": _unread,
    "closed": _closed,
    "activity": _activity,
}
PARTS = {key: key for key in TABS} | {"closed": "findings", "kernel": "findings"}
