"""The only place that decides who sees what; what one may not see does not exist (404, not 403).

A user's subscriptions are resolved to ids first, in one query, so that lists of a hundred
thousand images are filtered by a plain `subscription_id IN (...)` and never by a walk of roles.
"""

from typing import TypeVar

from django.db.models import Model, QuerySet

from registries.models import (
    Image,
    Placement,
    Registry,
    RegistryEvent,
    Repository,
    Subscription,
    Tag,
    TagMove,
)
from registries.roles import Action, reached

# Where each thing keeps its subscription.
PATHS: dict[type[Model], str] = {
    Subscription: "pk",
    Registry: "subscription",
    RegistryEvent: "registry__subscription",
    Repository: "registry__subscription",
    Image: "registry__subscription",
    Placement: "repository__registry__subscription",
    Tag: "repository__registry__subscription",
    TagMove: "repository__registry__subscription",
}

Row = TypeVar("Row", bound=Model)


def visible_subscriptions(user) -> QuerySet[Subscription]:
    return reached(user, Action.VIEW)


def allowed_subscriptions(user, action: Action | str) -> QuerySet[Subscription]:
    return reached(user, action)


def visible(queryset: QuerySet[Row], user, path: str | None = None) -> QuerySet[Row]:
    """What this user may see of a queryset; `path` leads to the subscription from other models."""
    return allowed(queryset, user, Action.VIEW, path)


def allowed(
    queryset: QuerySet[Row], user, action: Action | str, path: str | None = None
) -> QuerySet[Row]:
    """What of a queryset lies in subscriptions in which this user may do that."""
    if user.is_active and user.is_superuser:
        return queryset
    path = path or PATHS[queryset.model]
    ids = list(reached(user, action).order_by().values_list("pk", flat=True))
    return queryset.filter(**{f"{path}__in": ids})
