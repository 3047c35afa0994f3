"""The recommendation: its header numbers, what to do, and the registries it concerns."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from findings import recommendations
from findings.keyset import Page, page_of_list
from findings.recommendations import ATTENTION, RegistryRow, Tally
from findings.views.listing import SORTS, choices, render_list
from registries import scope

MOST_VULNERABLE = 3


@require_safe
@login_required
def show(request: HttpRequest, key: str) -> HttpResponse:
    if key.lower() != recommendations.KEY:
        raise Http404("There is no such recommendation.")
    rows = recommendations.registries_of(request.user)
    subscription = request.GET.get("subscription", "")
    subscriptions = list(scope.visible_subscriptions(request.user))
    if subscription in {str(row.pk) for row in subscriptions}:
        rows = [row for row in rows if str(row.registry.subscription_id) == subscription]
    states = [row.tally.state for row in rows]
    context = choices(request, {state: states.count(state) for state in ATTENTION}, SORTS)
    context |= {
        "page": _page(request, rows, context),
        "what": "registries",
        "registry_count": len(rows),
        "name": recommendations.name(),
        "description": recommendations.DESCRIPTION,
        "steps": recommendations.REMEDIATION_STEPS,
        "subscriptions": subscriptions,
        "subscription": subscription,
        # A registry's images are its own, so that their sum counts distinct images.
        "tally": sum((row.tally for row in rows), Tally()),
        "worst": [row for row in rows if row.tally.unhealthy][:MOST_VULNERABLE],
    }
    return render_list(
        request, "findings/recommendation.html", "findings/parts/members.html", context
    )


def _page(request: HttpRequest, rows: list[RegistryRow], context: dict) -> Page:
    words = context["q"].casefold()
    selected = [
        row
        for row in rows
        if row.tally.state == context["state"] and words in row.registry.name.casefold()
    ]
    if context["sort"] == "name":
        selected.sort(key=lambda row: row.registry.name.casefold())
    return page_of_list(selected, lambda row: row.registry.pk, request.GET)
