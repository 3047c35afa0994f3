import base64
import json

import pytest
from django.urls import reverse

from registries import connection, tasks, webhooks
from registries.models import Registry, RegistryEvent
from tests.factories import a_digest, a_registry

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@pytest.fixture(autouse=True)
def nudges(monkeypatch) -> list[dict]:
    """The calls for a worker; there is no broker in these tests."""
    calls: list[dict] = []
    monkeypatch.setattr(tasks.apply_events, "apply_async", lambda *_, **more: calls.append(more))
    return calls


@pytest.fixture
def secret(registry) -> str:
    return connection.new_webhook_secret(registry)


def notification(*ids: str, **target) -> dict:
    target = {"mediaType": MANIFEST, "digest": a_digest(), "repository": "app"} | target
    return {
        "events": [
            {"id": one, "timestamp": "2026-01-01T00:00:00Z", "action": "push", "target": target}
            for one in ids
        ]
    }


def post(client, registry_id: int, body, authorization: str = "", **more):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    headers = {"Authorization": authorization} if authorization else {}
    return client.post(
        reverse("webhook", args=[registry_id]),
        body,
        content_type="application/vnd.docker.distribution.events.v2+json",
        headers=headers,
        **more,
    )


def test_a_notification_is_stored_and_a_worker_called(
    client, registry, secret, nudges, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        answer = post(client, registry.pk, notification("1", "2"), f"Bearer {secret}")
    assert (answer.status_code, answer.json()) == (202, {"received": 2, "stored": 2})
    assert RegistryEvent.objects.filter(registry=registry, applied_at=None).count() == 2
    assert len(nudges) == 1


def test_a_notification_delivered_again_is_answered_alike_and_calls_nobody(
    client, registry, secret, nudges, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        post(client, registry.pk, notification("1"), f"Bearer {secret}")
        answer = post(client, registry.pk, notification("1"), f"Bearer {secret}")
    assert (answer.status_code, answer.json()) == (202, {"received": 1, "stored": 0})
    assert len(nudges) == 1


def test_the_secret_may_be_the_password_of_basic(client, registry, secret):
    basic = base64.b64encode(f"anyone:{secret}".encode()).decode()
    assert post(client, registry.pk, notification("1"), f"Basic {basic}").status_code == 202


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Bearer wrong", "Basic !!!", "Basic d3Jvbmc6d3Jvbmc=", "Digest x"],
)
def test_a_wrong_secret_is_refused_without_a_word(client, registry, secret, authorization):
    answer = post(client, registry.pk, notification("1"), authorization)
    assert (answer.status_code, answer.content) == (401, b"")
    assert not RegistryEvent.objects.exists()


def test_an_unknown_registry_cannot_be_told_from_a_wrong_secret(client, registry, secret):
    wrong = post(client, registry.pk, notification("1"), "Bearer wrong")
    for unknown in (registry.pk + 1, 10**30):
        answer = post(client, unknown, notification("1"), f"Bearer {secret}")
        assert (answer.status_code, answer.content) == (401, b"")
        assert dict(answer.headers) == dict(wrong.headers)


def test_a_registry_without_a_secret_lets_nobody_in(client, registry):
    for authorization in ("", "Bearer ", "Bearer " + "\0" * 32):
        assert post(client, registry.pk, notification("1"), authorization).status_code == 401


def test_the_secret_of_another_registry_opens_nothing(client, registry, secret):
    other = a_registry()
    connection.new_webhook_secret(other)
    assert post(client, other.pk, notification("1"), f"Bearer {secret}").status_code == 401


def test_a_registry_of_another_kind_has_no_such_door(client, registry, secret):
    Registry.objects.update(kind=Registry.Kind.LAYOUT)
    assert post(client, registry.pk, notification("1"), f"Bearer {secret}").status_code == 401


def test_a_new_secret_ends_the_old_one(client, registry, secret):
    new = connection.new_webhook_secret(registry)
    assert post(client, registry.pk, notification("1"), f"Bearer {secret}").status_code == 401
    assert post(client, registry.pk, notification("1"), f"Bearer {new}").status_code == 202


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"[]", b"{}", b'{"events": 1}', b'{"events": [1]}', b"[" * 100_000]
)
def test_garbage_is_refused_with_a_sentence(client, registry, secret, body):
    answer = post(client, registry.pk, body, f"Bearer {secret}")
    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")


def test_a_body_that_is_too_large_is_refused(client, registry, secret):
    answer = post(client, registry.pk, b" " * (webhooks.MAX_BODY + 1), f"Bearer {secret}")
    assert answer.status_code == 413
    assert "1,048,576 bytes" in answer.json()["error"]


def test_only_posts_are_answered(client, registry):
    assert client.get(reverse("webhook", args=[registry.pk])).status_code == 405


def test_no_token_against_forgery_is_asked_of_a_registry(registry, secret):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    assert post(strict, registry.pk, notification("1"), f"Bearer {secret}").status_code == 202


def test_so_many_events_take_as_many_queries_as_one(
    client, registry, secret, django_assert_num_queries
):
    post(client, registry.pk, notification("0"), f"Bearer {secret}")
    for number in (1, 500):
        ids = [f"{number}-{n}" for n in range(number)]
        with django_assert_num_queries(2):
            post(client, registry.pk, notification(*ids), f"Bearer {secret}")


def test_a_broker_that_is_down_loses_nothing(
    client, registry, secret, monkeypatch, django_capture_on_commit_callbacks, caplog
):
    monkeypatch.undo()
    with django_capture_on_commit_callbacks(execute=True):
        answer = post(client, registry.pk, notification("1"), f"Bearer {secret}")
    assert answer.status_code == 202
    assert RegistryEvent.objects.count() == 1


def test_the_published_examples_of_notifications_are_accepted(client, registry, secret, shared):
    for path in sorted((shared / "samples" / "events").glob("distribution-*.json")):
        answer = post(client, registry.pk, path.read_bytes(), f"Bearer {secret}")
        assert answer.status_code == 202, path.name
