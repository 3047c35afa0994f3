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


def test_one_that_fails_is_not_kept_and_the_sentence_is_shown(
    client, operator, subscription, shelf
):
    page = client.post(PATH, fields(subscription, location=str(shelf / "nowhere")))
    assert "nowhere" in page.content.decode()
    assert not Registry.objects.exists()


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
