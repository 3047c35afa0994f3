"""Which role may do what: one table, and the subscriptions a user's roles reach.

After the permissions table of the original product: Security Admin judges and switches plans,
Contributor changes what is connected, Owner does both and hands out roles, everyone may look. Its
latest edition lets a Contributor switch plans too, which costs money; ours is the stricter one.

Looking, switching the plan, scanning and managing registries have their doors among the pages.
Rules, remediation by a click and the roles themselves have none yet: operators hand roles out in
the admin.
"""

from collections.abc import Collection
from enum import StrEnum

from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from registries.models import Role, Subscription


class Action(StrEnum):
    VIEW = "view"
    EDIT_SECURITY_POLICY = "edit_security_policy"  # disable rules
    SWITCH_PLAN = "switch_plan"
    SCAN = "scan"  # ask for a scan now
    MANAGE_REGISTRIES = "manage_registries"  # connect, edit, disconnect
    APPLY_RECOMMENDATIONS = "apply_recommendations"
    ASSIGN_ROLES = "assign_roles"


GRANTS: dict[Action, frozenset[Role]] = {
    Action.VIEW: frozenset(Role),
    Action.EDIT_SECURITY_POLICY: frozenset({Role.SECURITY_ADMIN, Role.OWNER}),
    Action.SWITCH_PLAN: frozenset({Role.SECURITY_ADMIN, Role.OWNER}),
    Action.SCAN: frozenset({Role.SECURITY_ADMIN, Role.CONTRIBUTOR, Role.OWNER}),
    Action.MANAGE_REGISTRIES: frozenset({Role.CONTRIBUTOR, Role.OWNER}),
    Action.APPLY_RECOMMENDATIONS: frozenset({Role.CONTRIBUTOR, Role.OWNER}),
    Action.ASSIGN_ROLES: frozenset({Role.OWNER}),
}

# UNION, not UNION ALL: it also ends a walk round management groups that someone made a ring of.
_REACHED = """
    WITH RECURSIVE held AS (
        SELECT management_group_id, subscription_id FROM registries_roleassignment
        WHERE user_id = %s AND role = ANY(%s)
    ), reached (id) AS (
        SELECT management_group_id FROM held WHERE management_group_id IS NOT NULL
        UNION
        SELECT child.id FROM registries_managementgroup child JOIN reached
            ON child.parent_id = reached.id
    )
    SELECT subscription_id FROM held WHERE subscription_id IS NOT NULL
    UNION
    SELECT subscription.id FROM registries_subscription subscription JOIN reached
        ON subscription.management_group_id = reached.id
"""


def reached(user, action: Action | str) -> QuerySet[Subscription]:
    """The subscriptions in which the user may do this, in one query; a superuser may do all."""
    if not user.is_active:
        return Subscription.objects.none()
    if user.is_superuser:
        return Subscription.objects.all()
    return Subscription.objects.filter(pk__in=_ids_reached(user, GRANTS[Action(action)]))


def allowed(user, action: Action | str, subscription: Subscription) -> bool:
    return reached(user, action).filter(pk=subscription.pk).exists()


def _ids_reached(user, roles: Collection[Role]) -> RawSQL:
    return RawSQL(_REACHED, [user.pk, [role.value for role in roles]])  # noqa: S611 - bound values
