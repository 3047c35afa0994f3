"""Switch a subscription's container-registries plan, and leave an audit entry of each switch."""

from django.db import transaction
from django.utils import timezone

from registries.models import PlanSwitch, Subscription


@transaction.atomic
def switch(subscription: Subscription, enabled: bool, actor) -> bool:
    """Whether this call changed anything; of two at the same time only one does."""
    at = timezone.now() if enabled else None
    changed = Subscription.objects.filter(pk=subscription.pk, plan_enabled=not enabled).update(
        plan_enabled=enabled, plan_enabled_at=at
    )
    if changed:
        PlanSwitch.objects.create(
            subscription=subscription,
            actor=actor,
            enabled_before=not enabled,
            enabled_after=enabled,
        )
    subscription.refresh_from_db(fields=["plan_enabled", "plan_enabled_at"])
    return bool(changed)
