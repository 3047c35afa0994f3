import pytest

from registries.models import ManagementGroup, Role, Subscription
from registries.roles import GRANTS, Action, allowed

# The original's table of permissions, row by row, and three rows of our own: to connect is to
# change what exists there, to scan is to judge or to change it, to assign is an Owner's.
COLUMNS = [
    Role.READER, Role.SECURITY_READER, Role.SECURITY_ADMIN, Role.CONTRIBUTOR, Role.OWNER
]  # fmt: skip
ROWS = {
    Action.ASSIGN_ROLES:          "- - - - x",
    Action.EDIT_SECURITY_POLICY:  "- - x - x",
    Action.SWITCH_PLAN:           "- - x - x",
    Action.APPLY_RECOMMENDATIONS: "- - - x x",
    Action.VIEW:                  "x x x x x",
    Action.SCAN:                  "- - x x x",
    Action.MANAGE_REGISTRIES:     "- - - x x",
}  # fmt: skip
TABLE = {
    role: {action for action, row in ROWS.items() if row.split()[column] == "x"}
    for column, role in enumerate(COLUMNS)
}


def test_every_action_and_every_role_has_its_place_in_the_table():
    assert set(ROWS) == set(GRANTS) == set(Action)
    assert set(COLUMNS) == set(Role)


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
