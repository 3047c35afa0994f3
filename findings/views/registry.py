"""A registry: its repositories by state."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from findings import recommendations
from findings.reasons import count_reasons
from findings.recommendations import IN_STATE, count_states
from findings.views.listing import by_name, by_state, render_list
from registries import scope
from registries.models import Image, Registry
from registries.roles import Action


@require_safe
@login_required
def show(request: HttpRequest, pk: int) -> HttpResponse:
    visible = scope.visible(Registry.objects.select_related("subscription"), request.user)
    registry = get_object_or_404(visible, pk=pk)
    manageable = scope.allowed_subscriptions(request.user, Action.MANAGE_REGISTRIES)
    repositories = recommendations.repositories_of(registry)
    counts = count_states(repositories, IN_STATE)
    context = by_state(request, repositories, counts, IN_STATE, by_name) | {
        "what": "repositories",
        "registry": registry,
        "tally": recommendations.total(Image.objects.filter(registry=registry)),
        "reasons": count_reasons(Image.objects.filter(registry=registry)),
        "may_import": registry.kind == Registry.Kind.SBOM
        and scope.allowed_subscriptions(request.user, Action.SCAN)
        .filter(pk=registry.subscription_id)
        .exists(),
        "may_manage": manageable.filter(pk=registry.subscription_id).exists(),
    }
    return render_list(request, "findings/registry.html", "findings/parts/members.html", context)
