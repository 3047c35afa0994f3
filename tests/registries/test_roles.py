import pytest

from registries.models import ManagementGroup, Role, Subscription
from registries.roles import GRANTS, Action, allowed

# The rows of the original's table of permissions.
TABLE = {
    Role.READER: {Action.VIEW},
    Role.SECURITY_READER: {Action.VIEW},
    Role.SECURITY_ADMIN: {
        Action.VIEW,
        Action.EDIT_SECURITY_POLICY,
        Action.SWITCH_PLAN,
        Action.SCAN,
    },
    Role.CONTRIBUTOR: {
        Action.VIEW,
        Action.SCAN,
        Action.MANAGE_REGISTRIES,
        Action.APPLY_RECOMMENDATIONS,
    },
    Role.OWNER: set(Action),
}


def test_every_action_is_granted_to_someone():
    assert set(GRANTS) == set(Action)


@pytest.mark.parametrize("role", Role)
def test_a_role_may_do_what_its_row_says_and_nothing_else(role, subscription, make_user):
    user = make_user(role, subscription)
    assert {action for action in Action if allowed(user, action, subscription)} == TABLE[role]


def test_a_role_says_nothing_about_another_subscription(subscription, make_user):
    other = Subscription.objects.create(display_name="Other")
    user = make_user(Role.OWNER, subscription)
    assert not any(allowed(user, action, other) for action in Action)


def test_a_superuser_may_do_everything(subscription, make_user):
    assert all(allowed(make_user(is_superuser=True), action, subscription) for action in Action)


@pytest.mark.parametrize("fields", [{"is_superuser": True}, {}])
def test_an_inactive_user_may_do_nothing(subscription, make_user, fields):
    user = make_user(Role.OWNER, subscription, is_active=False, **fields)
    assert not any(allowed(user, action, subscription) for action in Action)


def test_being_staff_grants_nothing(subscription, make_user):
    assert not allowed(make_user(is_staff=True), Action.VIEW, subscription)


def test_the_weaker_of_two_roles_takes_nothing_away(subscription, make_user):
    group = ManagementGroup.objects.create(name="root", display_name="Root")
    subscription.management_group = group
    subscription.save()
    user = make_user(Role.OWNER, group)
    user.role_assignments.create(role=Role.READER, subscription=subscription)
    assert allowed(user, Action.ASSIGN_ROLES, subscription)


def test_an_unknown_action_is_an_error_rather_than_a_no(subscription, make_user):
    with pytest.raises(ValueError, match="fly"):
        allowed(make_user(), "fly", subscription)
