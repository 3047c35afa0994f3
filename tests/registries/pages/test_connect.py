import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from registries import connection
from registries.models import Registry
from tests.factories import a_registry, a_subscription, a_user

PATH = "/registries/connect"


@pytest.fixture
def operator(client, db):
    user = get_user_model().objects.create_superuser("operator")
    client.force_login(user)
    return user


@pytest.fixture
def shelf(tmp_path):
    (tmp_path / "layouts").mkdir()
    return tmp_path / "layouts"


def fields(subscription, **more):
    return {
        "subscription": str(subscription.pk),
        "resource_group": "default",
        "name": "shop",
        "kind": "layout",
        "username": "",
        "secret": "",
    } | more


def test_a_registry_that_answers_is_connected_and_walked(
    client, operator, subscription, shelf, walks, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post(PATH, fields(subscription, location=str(shelf)), follow=True)
    registry = Registry.objects.get()
    assert registry.verified_at is not None
    assert walks == [registry.pk]
    assert response.redirect_chain[-1][0] == reverse("registry-settings", args=[registry.pk])


def test_credentials_are_sealed(client, operator, subscription, shelf, walks):
    given = fields(subscription, location=str(shelf), username="robot", secret=" s3cret ")
    client.post(PATH, given)
    registry = Registry.objects.get()
    assert b"s3cret" not in bytes(registry.sealed_secret)
    assert connection._credentials(registry).secret == " s3cret "


def test_one_that_fails_is_never_stored_and_the_sentence_is_shown(
    client, operator, subscription, shelf, monkeypatch
):
    monkeypatch.setattr(Registry, "save", lambda *_, **__: pytest.fail("it was stored"))
    page = client.post(PATH, fields(subscription, location=str(shelf / "nowhere")))
    assert "nowhere" in page.content.decode()
    assert not Registry.objects.exists()


def test_a_button_pressed_twice_connects_once(client, operator, subscription, shelf, monkeypatch):
    verify = connection.verify

    def meanwhile(registry):
        a_registry(subscription, name="shop")
        return verify(registry)

    monkeypatch.setattr(connection, "verify", meanwhile)
    page = client.post(PATH, fields(subscription, location=str(shelf)))
    assert "has a registry of that name by now" in page.content.decode()
    assert Registry.objects.count() == 1


def test_a_name_taken_in_its_resource_group_is_refused(client, operator, subscription, shelf):
    a_registry(subscription, name="SHOP")
    page = client.post(PATH, fields(subscription, location=str(shelf)))
    assert "already has a registry of that name" in page.content.decode()


def test_folders_are_for_who_runs_the_machine(client, contributor, subscription, shelf):
    page = client.post(PATH, fields(subscription, location=str(shelf)))
    assert "kind" in page.context["form"].errors
    assert not Registry.objects.exists()


def test_subscriptions_in_which_one_may_not_connect_are_not_offered(client, contributor):
    other = a_subscription()
    page = client.post(PATH, fields(other, kind="distribution", location="https://r.example"))
    assert "subscription" in page.context["form"].errors
    assert other.display_name not in page.content.decode()


def test_a_reader_is_told_what_it_needs(client, subscription):
    client.force_login(a_user(subscription))
    assert "needs the role Contributor or Owner" in client.get(PATH).content.decode()


def test_only_who_may_name_a_folder_is_told_of_folders(client, contributor, subscription):
    assert "folder" not in client.get(PATH).content.decode().lower()
    client.force_login(get_user_model().objects.create_superuser("operator"))
    assert "or a folder" in client.get(PATH).content.decode()


def test_the_only_subscription_is_chosen_already(client, contributor, subscription):
    assert f'value="{subscription.pk}" selected' in client.get(PATH).content.decode()


def test_of_several_subscriptions_none_is_chosen(client, operator, subscription):
    a_subscription()
    assert f'value="{subscription.pk}" selected' not in client.get(PATH).content.decode()
