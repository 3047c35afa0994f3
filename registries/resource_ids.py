"""The paths of the resource manager: what a scope names, and what of it exists for a user."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from registries.arm import ResourceError
from registries.models import ManagementGroup, Registry
from registries.scope import visible_subscriptions

MAX_SCOPE_LENGTH = 1000


@dataclass(frozen=True)
class Scope:
    """What a path names, in the caller's casing: a management group, or a subscription and
    perhaps a resource group and a registry in it."""

    management_group: str = ""
    subscription: UUID | None = None
    resource_group: str = ""
    registry: str = ""


_NAMED = r"(?P<{}>[^/\x00-\x1f]{{1,100}})"
_SCOPE = re.compile(
    r"/?(?:"
    rf"providers/Microsoft\.Management/managementGroups/{_NAMED.format('management_group')}|"
    r"subscriptions/(?P<subscription>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
    rf"(?:/resourceGroups/{_NAMED.format('resource_group')}"
    rf"(?:/providers/Microsoft\.ContainerRegistry/registries/{_NAMED.format('registry')})?)?"
    r")/?",
    re.IGNORECASE | re.ASCII,
)


def parse_scope(path: str) -> Scope:
    """`path` with or without a leading slash; raises ResourceError where it names no scope."""
    parsed = _SCOPE.fullmatch(path) if len(path) <= MAX_SCOPE_LENGTH else None
    if parsed is None:
        raise ResourceError(
            400,
            "InvalidScope",
            "The scope must be a subscription, a resource group in it, a container registry in "
            "that, or a management group.",
            target=path[:MAX_SCOPE_LENGTH],
        )
    named = {name: value for name, value in parsed.groupdict().items() if value}
    if "subscription" in named:
        named["subscription"] = UUID(named["subscription"])
    return Scope(**named)


@dataclass(frozen=True)
class RegistryResource:
    """A registry as clients of the resource manager name it."""

    id: int
    subscription: UUID
    resource_group: str
    name: str
    kind: str
    location: str

    @property
    def resource_id(self) -> str:
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.ContainerRegistry/registries/{self.name}"
        )


@dataclass(frozen=True)
class VisibleScope:
    """A scope that exists for a user: its id in the stored casing and the registries in it."""

    id: str
    registries: Mapping[int, RegistryResource]


def resolve(scope: Scope, user) -> VisibleScope:
    """What `scope` holds for `user`; raises ResourceError 404 where he may see nothing of it."""
    if scope.management_group:
        return _management_group(scope, user)
    subscriptions = visible_subscriptions(user).filter(pk=scope.subscription)
    if not subscriptions:
        raise ResourceError(
            404, "SubscriptionNotFound", f"The subscription '{scope.subscription}' was not found."
        )
    found = _registries(subscription=scope.subscription, **_below_subscription(scope))
    return VisibleScope(_scope_id(scope, found), found)


def _below_subscription(scope: Scope) -> dict[str, str]:
    named = {"resource_group__iexact": scope.resource_group, "name__iexact": scope.registry}
    return {field: value for field, value in named.items() if value}


def _scope_id(scope: Scope, found: Mapping[int, RegistryResource]) -> str:
    subscription = f"/subscriptions/{scope.subscription}"
    if not scope.resource_group:
        return subscription
    first = next(iter(found.values()), None)
    if first is None:
        raise _nothing_named(scope)
    if scope.registry:
        return first.resource_id
    return f"{subscription}/resourceGroups/{first.resource_group}"


def _nothing_named(scope: Scope) -> ResourceError:
    if scope.registry:
        return ResourceError(
            404,
            "ResourceNotFound",
            f"The resource 'Microsoft.ContainerRegistry/registries/{scope.registry}' under "
            f"resource group '{scope.resource_group}' was not found.",
        )
    return ResourceError(
        404, "ResourceGroupNotFound", f"Resource group '{scope.resource_group}' was not found."
    )


def _registries(**conditions) -> dict[int, RegistryResource]:
    rows = (
        Registry.objects.filter(**conditions)
        .order_by("id")
        .values_list("id", "subscription_id", "resource_group", "name", "kind", "location")
    )
    return {row[0]: RegistryResource(*row) for row in rows}


# The group and all below it. UNION, not UNION ALL: a ring of groups must not run for ever.
_SUBTREE = """
    WITH RECURSIVE below (id) AS (
        SELECT id FROM registries_managementgroup WHERE lower(name) = lower(%s)
        UNION
        SELECT child.id FROM registries_managementgroup child JOIN below
            ON child.parent_id = below.id
    )
    SELECT id, name FROM registries_managementgroup JOIN below USING (id)
"""


def _management_group(scope: Scope, user) -> VisibleScope:
    groups = list(ManagementGroup.objects.raw(_SUBTREE, [scope.management_group]))
    subscriptions = list(visible_subscriptions(user).filter(management_group__in=groups))
    if not subscriptions:
        raise ResourceError(
            404,
            "ManagementGroupNotFound",
            f"The management group '{scope.management_group}' was not found.",
        )
    stored = next(
        group.name for group in groups if group.name.lower() == scope.management_group.lower()
    )
    return VisibleScope(
        f"/providers/Microsoft.Management/managementGroups/{stored}",
        _registries(subscription__in=subscriptions),
    )
