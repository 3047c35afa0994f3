"""Subscriptions, registries and users to test with."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from registries.models import ManagementGroup, Registry, Role, RoleAssignment, Subscription
from tests.factories import a_number, a_registry, a_subscription


@pytest.fixture
def subscription(db) -> Subscription:
    return a_subscription(plan_enabled=False)


@pytest.fixture
def registry(subscription) -> Registry:
    return a_registry(subscription)


@pytest.fixture
def make_user(db) -> Callable[..., User]:
    """make_user(role, scope): a user with that role on a management group or a subscription."""

    def make(role: Role | None = None, scope=None, **fields) -> User:
        user = User.objects.create_user(f"user{a_number()}", **fields)
        if role:
            field = "management_group" if isinstance(scope, ManagementGroup) else "subscription"
            RoleAssignment.objects.create(user=user, role=role, **{field: scope})
        return user

    return make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the layouts of `shelves` lie."""
    path = tmp_path / "layouts"
    path.mkdir()
    return path


@pytest.fixture
def shelves(db, folder) -> Registry:
    """A registry that serves the layouts in a folder."""
    return a_registry(kind=Registry.Kind.LAYOUT, location=str(folder))
