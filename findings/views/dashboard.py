"""The workload-protection dashboard."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from findings import dashboard, recommendations
from findings.reasons import count_reasons
from findings.recommendations import Tally
from findings.views.trend import draw
from registries import plans, scope
from registries.models import Image
from registries.roles import Action
from registries.tasks import soon
from scans.tasks import dispatch

SHOWN = 8
SWITCHED_ON = (
    f"is on. Every image pulled in the last {settings.PULL_WINDOW_DAYS} days is scanned now, and "
    "every tagged image where the registry cannot tell who pulls."
)
SWITCHED_OFF = "is off. Nothing new is scanned or charged; what is known stays on view."


@require_safe
@login_required
def show(request: HttpRequest) -> HttpResponse:
    registries = recommendations.registries_of(request.user)
    coverage = dashboard.coverage(request.user, registries)
    tally = sum((row.tally for row in coverage), Tally())
    trend = dashboard.trend(request.user)
    feeds = dashboard.feeds()
    context = {
        "coverage": coverage,
        "switchable": set(_ids(request.user, Action.SWITCH_PLAN)),
        "may_connect": bool(_ids(request.user, Action.MANAGE_REGISTRIES)),
        "tally": tally,
        "protected": sum(row.protected for row in coverage),
        "registries": registries,
        "worst_registries": [row for row in registries if row.tally.unhealthy][:SHOWN],
        "reasons": count_reasons(scope.visible(Image.objects.all(), request.user)),
        "exploited": dashboard.exploited(request.user, SHOWN) if tally.exploited else [],
        "troubled": [row.registry for row in registries if row.registry.problem][:SHOWN],
        "worst_images": dashboard.worst_images(request.user, SHOWN),
        "activity": dashboard.activity(request.user),
        "feeds": feeds,
        "late_feeds": [row.feed for row in feeds if row.stale or row.feed.problem],
        "trend": trend,
        "chart": draw(trend),
        "recommendation": recommendations.name(),
    }
    return render(request, "findings/dashboard.html", context)


def _ids(user, action: Action) -> list:
    return list(scope.allowed_subscriptions(user, action).order_by().values_list("pk", flat=True))


@require_POST
@login_required
def switch_plan(request: HttpRequest, subscription: str) -> HttpResponse:
    """Switch the container-registries plan; who may only look is told so nowhere: 404."""
    allowed = scope.allowed_subscriptions(request.user, Action.SWITCH_PLAN)
    row = get_object_or_404(allowed, pk=subscription)
    enabled = request.POST.get("enabled") == "on"
    plans.switch(row, enabled, request.user)
    if enabled:
        soon(dispatch)
    told = SWITCHED_ON if enabled else SWITCHED_OFF
    messages.success(request, f"The container-registries plan of {row} {told}")
    return redirect("dashboard")


@require_safe
@login_required
def activity(request: HttpRequest) -> HttpResponse:
    """The scans under way, while there are any; then the whole page is new."""
    found = dashboard.activity(request.user)
    if not request.htmx:
        return redirect("dashboard")
    if not found.scans:
        return HttpResponseClientRefresh()
    return render(request, "findings/parts/scans.html", {"activity": found})
