from hashlib import sha256

import pytest
from django.urls import reverse

from registries import connection
from registries.models import Registry
from tests.factories import a_registry, a_repository, a_user, an_image


@pytest.fixture
def registry(subscription, tmp_path):
    """A folder of layouts, so that it answers; one that anyone reads."""
    return a_registry(subscription, kind="layout", location=str(tmp_path))


@pytest.fixture
def remote(subscription):
    """A registry with a password, at a place the tests never call."""
    registry = a_registry(subscription, location="https://registry.example")
    connection.set_credentials(registry, "robot", "s3cret")
    registry.save()
    return registry


def settings_of(registry):
    return reverse("registry-settings", args=[registry.pk])


def test_a_reader_finds_no_settings(client, registry, subscription):
    client.force_login(a_user(subscription))
    for name in ("registry-settings", "registry-webhook", "sync-registry", "disconnect-registry"):
        assert client.post(reverse(name, args=[registry.pk])).status_code == 404


def test_another_subscriptions_registry_has_no_settings(client, contributor):
    assert client.get(settings_of(a_registry())).status_code == 404


def test_the_password_is_never_shown(client, contributor, remote):
    page = client.get(settings_of(remote)).content.decode()
    assert "robot" in page
    assert "s3cret" not in page


def test_saving_verifies_and_walks(
    client, contributor, registry, walks, django_capture_on_commit_callbacks
):
    Registry.objects.update(problem="It was down.", verified_at=None)
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post(settings_of(registry), {"username": "", "secret": ""}, follow=True)
    registry.refresh_from_db()
    assert "the registry answers" in response.content.decode()
    assert (registry.problem, walks) == ("", [registry.pk])


def test_a_contributor_moves_no_folder(client, contributor, registry, walks):
    before = registry.location
    assert "Only who runs this machine" in client.get(settings_of(registry)).content.decode()
    client.post(settings_of(registry), {"location": "/etc", "username": "", "secret": ""})
    registry.refresh_from_db()
    assert registry.location == before


def test_a_kept_password_is_not_sent_to_another_place(client, contributor, remote):
    moved = {"location": "https://evil.example", "username": "robot", "secret": ""}
    page = client.post(settings_of(remote), moved)
    assert "Enter the password again" in page.content.decode()
    remote.refresh_from_db()
    assert remote.location == "https://registry.example"


def test_the_webhook_stanza_is_shown_once(client, contributor, remote):
    response = client.post(reverse("registry-webhook", args=[remote.pk]))
    secret = response.context["secret"]
    remote.refresh_from_db()
    assert bytes(remote.webhook_secret_hash) == sha256(secret.encode()).digest()
    page = response.content.decode()
    assert f"Authorization: [Bearer {secret}]" in page
    assert f"url: http://testserver{reverse('webhook', args=[remote.pk])}" in page
    assert "no-store" in response["Cache-Control"]
    assert secret not in client.get(settings_of(remote)).content.decode()


def test_sync_now_asks_for_a_walk(
    client, contributor, registry, walks, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        client.post(reverse("sync-registry", args=[registry.pk]))
    assert walks == [registry.pk]


def test_without_a_broker_the_clock_will_walk_it(
    client, contributor, registry, settings, django_capture_on_commit_callbacks
):
    Registry.objects.update(walked_at="2026-01-01T00:00Z")
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post(reverse("sync-registry", args=[registry.pk]))
    registry.refresh_from_db()
    assert response.status_code == 302
    assert registry.walked_at is None


def test_a_registry_is_disconnected_after_a_question(client, contributor, registry):
    an_image(a_repository(registry))
    path = reverse("disconnect-registry", args=[registry.pk])
    assert path in client.get(settings_of(registry)).content.decode()
    assert "forgets 1 image" in client.get(path).content.decode()
    assert Registry.objects.exists()
    page = client.post(path, follow=True).content.decode()
    assert "is disconnected" in page
    assert not Registry.objects.exists()
