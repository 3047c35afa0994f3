import re

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db import connection as database
from django.urls import reverse
from django.utils import timezone

from registries import credentials, inventory, plans, tasks, tokens
from registries.models import (
    AccessToken,
    Image,
    ManagementGroup,
    PlanSwitch,
    Registry,
    RegistryEvent,
    Role,
    RoleAssignment,
    Subscription,
)
from tests.factories import a_registry, a_subscription, an_image
from tests.registries.layouts import Shelf

READ_ONLY = ["repository", "image", "placement", "tag", "tagmove", "registryevent"]
MODELS = [*READ_ONLY, "registry", "subscription", "managementgroup", "roleassignment"]
MODELS += ["accesstoken"]


@pytest.fixture(autouse=True)
def asked(monkeypatch) -> list[tuple]:
    """What workers were called for; there is no broker in these tests."""
    calls: list[tuple] = []
    monkeypatch.setattr(tasks, "soon", lambda task, *more: calls.append((task.name, *more)))
    return calls


@pytest.fixture
def staff(db) -> User:
    """May log in to the admin and, so far, do nothing there."""
    return User.objects.create_user("staff", is_staff=True)


def grant(user: User, *codenames: str) -> None:
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))


def page(model: str, name: str = "changelist", *args) -> str:
    return reverse(f"admin:registries_{model}_{name}", args=args)


def act(client, model: str, action: str, *rows):
    data = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    return client.post(page(model), data, follow=True)


def told(answer) -> str:
    return " ".join(str(message) for message in answer.context["messages"])


def an_event(registry: Registry, **fields) -> RegistryEvent:
    number = registry.events.count()
    defaults = {
        "delivery": str(number),
        "action": "push",
        "repository": "app",
        "occurred_at": timezone.now(),
    }
    return registry.events.create(**(defaults | fields))


@pytest.mark.parametrize("model", MODELS)
def test_a_list_takes_as_many_queries_for_many_rows_as_for_few(
    admin_client, admin_user, model, django_assert_num_queries
):
    def more(times: int) -> None:
        for _ in range(times):
            registry = a_registry()
            registry.repositories.create(name="app").tag_moves.create(name="v1")
            an_image(tags=("v1",))
            an_event(registry)
            group = ManagementGroup.objects.create(name=f"g{registry.pk}", display_name="g")
            RoleAssignment.objects.create(user=admin_user, role="owner", management_group=group)
            tokens.issue(admin_user, "laptop")

    more(1)
    admin_client.get(page(model))
    with database.execute_wrapper(counter := Counter()):
        assert admin_client.get(page(model)).status_code == 200
    more(8)
    with django_assert_num_queries(counter.count):
        admin_client.get(page(model))


class Counter:
    count = 0

    def __call__(self, execute, sql, params, many, context):
        self.count += 1
        return execute(sql, params, many, context)


@pytest.mark.parametrize("model", MODELS)
def test_staff_without_a_permission_see_nothing(client, staff, model):
    client.force_login(staff)
    assert client.get(page(model)).status_code == 403


def registry_form(subscription: Subscription, **fields) -> dict:
    defaults = {
        "subscription": subscription.pk,
        "resource_group": "default",
        "name": "mine",
        "kind": "distribution",
        "location": "https://registry.example",
        "username": "alice",
        "secret": "hunter2",
    }
    return defaults | fields


def test_a_registry_is_connected_with_its_password_sealed_and_walked(
    admin_client, subscription, asked
):
    admin_client.post(page("registry", "add"), registry_form(subscription))
    registry = Registry.objects.get()
    assert credentials.unseal(registry.sealed_secret) == "hunter2"
    assert asked == [("registries.tasks.walk", registry.pk)]


def test_neither_a_password_nor_its_seal_is_ever_shown(admin_client, subscription):
    admin_client.post(page("registry", "add"), registry_form(subscription))
    registry = Registry.objects.get()
    shown = admin_client.get(page("registry", "change", registry.pk)).text
    assert "hunter2" not in shown
    assert bytes(registry.sealed_secret).decode() not in shown


def test_saving_without_a_password_keeps_the_old_one_and_verifies_nothing_anew(
    admin_client, subscription, asked
):
    admin_client.post(page("registry", "add"), registry_form(subscription))
    registry = Registry.objects.get()
    Registry.objects.update(verified_at=timezone.now())
    admin_client.post(
        page("registry", "change", registry.pk),
        registry_form(subscription, name="renamed", secret=""),
    )
    registry.refresh_from_db()
    assert registry.name == "renamed"
    assert registry.verified_at is not None
    assert credentials.unseal(registry.sealed_secret) == "hunter2"
    assert len(asked) == 1


def test_a_changed_location_is_unverified_and_walked(admin_client, subscription, asked):
    admin_client.post(page("registry", "add"), registry_form(subscription))
    registry = Registry.objects.get()
    Registry.objects.update(verified_at=timezone.now(), walked_at=timezone.now())
    moved = registry_form(subscription, location="https://other.example", secret="")
    answer = admin_client.post(page("registry", "change", registry.pk), moved)
    assert "Enter the password again" in answer.text
    moved["secret"] = "correct horse"
    admin_client.post(page("registry", "change", registry.pk), moved)
    registry.refresh_from_db()
    assert (registry.verified_at, registry.walked_at) == (None, None)
    assert len(asked) == 2


def test_only_a_superuser_names_a_folder_of_this_machine(client, staff, subscription, folder):
    grant(staff, "add_registry", "view_registry", "view_subscription")
    client.force_login(staff)
    layout = registry_form(subscription, kind="layout", location=str(folder))
    assert "Select a valid choice" in client.post(page("registry", "add"), layout).text
    assert not Registry.objects.exists()
    client.post(page("registry", "add"), registry_form(subscription))
    assert Registry.objects.get().kind == "distribution"


def test_registries_are_synced_now(admin_client, asked):
    one, two = a_registry(), a_registry()
    act(admin_client, "registry", "sync_now", one, two)
    assert sorted(asked) == [
        ("registries.tasks.walk", one.pk),
        ("registries.tasks.walk", two.pk),
    ]


def test_verifying_tells_of_each_registry_what_is_wrong(admin_client, shelves, folder):
    lost = a_registry(kind=Registry.Kind.LAYOUT, location=str(folder / "nowhere"))
    words = told(act(admin_client, "registry", "verify", shelves, lost))
    assert f"{shelves} answers." in words
    assert "nowhere" in words


def test_a_new_webhook_secret_is_shown_once_and_works(admin_client, client, registry):
    answer = act(admin_client, "registry", "new_webhook_secret", registry)
    secret = re.search(r"Bearer ([\w-]+)", told(answer))[1]
    hook = client.post(
        reverse("webhook", args=[registry.pk]),
        b'{"events": []}',
        content_type="application/json",
        headers={"Authorization": f"Bearer {secret}"},
    )
    assert hook.status_code == 202
    assert secret not in admin_client.get(page("registry")).text


def test_a_registry_is_deleted_with_all_that_stood_there(admin_client, shelves, folder):
    Shelf(folder, "app").index("v1", "a", "b")
    inventory.sync(shelves)
    an_event(shelves)
    kept = an_image(tags=("v1",))
    asking = admin_client.get(page("registry", "delete", shelves.pk))
    assert asking.status_code == 200
    assert "images: 3" in re.sub(r"<[^>]+>", "", asking.text).lower()
    admin_client.post(page("registry", "delete", shelves.pk), {"post": "yes"})
    assert not Registry.objects.filter(pk=shelves.pk).exists()
    assert list(Image.objects.all()) == [kept]
    assert not RegistryEvent.objects.exists()


def test_the_plan_is_switched_with_an_audit_entry_for_each(admin_client, admin_user):
    off, on = a_subscription(plan_enabled=False), a_subscription(plan_enabled=True)
    answer = act(admin_client, "subscription", "switch_plan_on", off, on)
    assert "1 subscription" in told(answer)
    entry = PlanSwitch.objects.get()
    assert (entry.subscription, entry.actor) == (off, admin_user)
    act(admin_client, "subscription", "switch_plan_off", off, on)
    assert PlanSwitch.objects.count() == 3
    assert not Subscription.objects.filter(plan_enabled=True).exists()


def test_the_plan_cannot_be_switched_by_who_may_only_look(client, staff, subscription):
    grant(staff, "view_subscription")
    client.force_login(staff)
    act(client, "subscription", "switch_plan_on", subscription)
    subscription.refresh_from_db()
    assert not subscription.plan_enabled


def test_the_history_of_a_plan_is_shown_and_cannot_be_written(admin_client, subscription):
    plans.switch(subscription, True, None)
    shown = admin_client.get(page("subscription", "change", subscription.pk)).text
    assert "switches of the plan" in shown.lower()
    assert 'name="plan_enabled"' not in shown
    assert 'name="plan_switches-0-enabled_after"' not in shown


def test_a_subscription_with_registries_is_not_deleted(admin_client, registry):
    subscription = registry.subscription
    url = page("subscription", "delete", subscription.pk)
    assert admin_client.post(url, {"post": "yes"}).status_code == 403
    registry.delete()
    admin_client.post(url, {"post": "yes"})
    assert not Subscription.objects.exists()


def test_a_token_is_shown_once_and_opens(admin_client, admin_user):
    data = {"user": admin_user.pk, "name": "laptop", "expires_at_0": "", "expires_at_1": ""}
    answer = admin_client.post(page("accesstoken", "add"), data, follow=True)
    plain = re.search(r"vigie_[\w-]+", told(answer))[0]
    assert tokens.authenticate(plain) == admin_user
    assert plain not in admin_client.get(page("accesstoken")).text
    token = AccessToken.objects.get()
    assert plain not in admin_client.get(page("accesstoken", "change", token.pk)).text


def test_staff_make_tokens_for_themselves_alone(client, staff, admin_user):
    grant(staff, "add_accesstoken", "view_accesstoken")
    client.force_login(staff)
    data = {"name": "sly", "expires_at_0": "", "expires_at_1": ""}
    client.post(page("accesstoken", "add"), data | {"user": admin_user.pk})
    assert not AccessToken.objects.exists()
    client.post(page("accesstoken", "add"), data | {"user": staff.pk})
    assert AccessToken.objects.get().user == staff


def test_a_management_group_never_stands_below_itself(admin_client):
    top = ManagementGroup.objects.create(name="top", display_name="Top")
    below = ManagementGroup.objects.create(name="below", display_name="Below", parent=top)
    data = {"name": "top", "display_name": "Top", "parent": below.pk}
    data |= {"roleassignment_set-TOTAL_FORMS": 0, "roleassignment_set-INITIAL_FORMS": 0}
    answer = admin_client.post(page("managementgroup", "change", top.pk), data)
    assert "stands below it" in answer.text
    top.refresh_from_db()
    assert top.parent is None


def test_a_role_has_one_scope(admin_client, admin_user, subscription):
    group = ManagementGroup.objects.create(name="top", display_name="Top")
    data = {"user": admin_user.pk, "role": Role.READER}
    both = data | {"subscription": subscription.pk, "management_group": group.pk}
    assert "Choose either" in admin_client.post(page("roleassignment", "add"), both).text
    admin_client.post(page("roleassignment", "add"), data | {"subscription": subscription.pk})
    assert RoleAssignment.objects.get().subscription == subscription


def test_roles_are_given_on_the_page_of_a_user(admin_client, make_user, subscription):
    user = make_user(Role.OWNER, subscription)
    shown = admin_client.get(reverse("admin:auth_user_change", args=[user.pk])).text
    assert "role_assignments-0-role" in shown


def test_events_that_failed_are_found_and_applied_again(admin_client, registry, asked):
    failed = an_event(registry, problem="It wants a login.", attempts=1)
    waiting = an_event(registry, problem="It was down.", retry_at=timezone.now(), attempts=1)
    an_event(registry)
    shown = admin_client.get(page("registryevent"), {"state": "failed"}).text
    assert failed.problem in shown
    assert waiting.problem not in shown
    assert "2 event(s)" in told(act(admin_client, "registryevent", "apply_again", failed, waiting))
    assert RegistryEvent.objects.filter(problem="", retry_at=None, attempts=0).count() == 3
    assert asked == [("registries.tasks.apply_events",)]


def test_events_are_not_applied_again_by_who_may_only_look(client, staff, registry):
    failed = an_event(registry, problem="It wants a login.")
    grant(staff, "view_registryevent")
    client.force_login(staff)
    act(client, "registryevent", "apply_again", failed)
    failed.refresh_from_db()
    assert failed.problem


def test_no_action_of_the_admin_is_for_everyone_who_may_look():
    asking = {
        f"{listed}.{name}": set(getattr(action, "allowed_permissions", {"view"}))
        for listed in admin.site._registry.values()
        for action, name, _ in listed._get_base_actions()
    }
    assert len(asking) > 10
    assert not [action for action, permissions in asking.items() if "view" in permissions]
