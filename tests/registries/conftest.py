"""Subscriptions, registries and users to test with."""

import itertools
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User

from registries.models import (
    ManagementGroup,
    Registry,
    Role,
    RoleAssignment,
    Subscription,
)

_numbers = itertools.count(1)


@pytest.fixture
def subscription(db) -> Subscription:
    return Subscription.objects.create(display_name=f"Subscription {next(_numbers)}")


@pytest.fixture
def registry(subscription) -> Registry:
    return Registry.objects.create(
        subscription=subscription,
        name=f"registry{next(_numbers)}",
        kind=Registry.Kind.DISTRIBUTION,
        location="http://127.0.0.1:1",
    )


@pytest.fixture
def make_user(db) -> Callable[..., User]:
    """make_user(role, scope): a user with that role on a management group or a subscription."""

    def make(role: Role | None = None, scope=None, **fields) -> User:
        user = User.objects.create_user(f"user{next(_numbers)}", **fields)
        if role:
            field = "management_group" if isinstance(scope, ManagementGroup) else "subscription"
            RoleAssignment.objects.create(user=user, role=role, **{field: scope})
        return user

    return make
