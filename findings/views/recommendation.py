"""The recommendation: its header numbers, what to do, and the registries it concerns."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from findings import recommendations
from findings.recommendations import IN_STATE, WORST_FIRST
from findings.views.listing import by_name, by_state, render_list
from registries import scope
from registries.models import Image

MOST_VULNERABLE = 3


@require_safe
@login_required
def show(request: HttpRequest, key: str) -> HttpResponse:
    if key.lower() != recommendations.KEY:
        raise Http404("There is no such recommendation.")
    registries = recommendations.registries_of(request.user)
    images = scope.visible(Image.objects.all(), request.user)
    subscriptions = list(scope.visible_subscriptions(request.user))
    subscription = request.GET.get("subscription", "")
    if subscription in {str(row.pk) for row in subscriptions}:
        registries = registries.filter(subscription=subscription)
        images = images.filter(registry__subscription=subscription)
    context = by_state(request, registries, IN_STATE, by_name)
    context |= {
        "registry_count": sum(context["counts"].values()),
        "name": recommendations.name(),
        "description": recommendations.DESCRIPTION,
        "steps": recommendations.REMEDIATION_STEPS,
        "subscriptions": subscriptions,
        "subscription": subscription,
        "tally": recommendations.total(images),
        "worst": list(registries.filter(unhealthy__gt=0).order_by(*WORST_FIRST)[:MOST_VULNERABLE]),
    }
    return render_list(
        request, "findings/recommendation.html", "findings/parts/registries.html", context
    )
