"""Against a real `docker-registry`: its catalogue, its notifications, its three deletes."""

import time
from collections.abc import Callable

import httpx
import pytest

from registries import connection, events, inventory
from registries.models import Image, Placement, Registry, RegistryEvent, Tag, TagMove
from tests import pushing
from tests.factories import a_registry
from tests.registry_server import LOGIN

pytest_plugins = ["tests.registry_server"]


def an_image(content: str, **more) -> pushing.Built:
    return pushing.image({"file": content}, **more)


def tags() -> dict[str, str]:
    return dict(Tag.objects.values_list("name", "image__digest"))


def test_a_walk_finds_what_was_pushed_and_notices_what_was_deleted(db, docker_registry):
    server = docker_registry(auth="htpasswd")
    registry = a_registry(location=server.url)
    connection.set_credentials(registry, *LOGIN)
    registry.save()
    built = pushing.index(an_image("a"), an_image("b", architecture="arm64", variant="v8"))
    index = pushing.push(server.url, "team/app", built, "v1", login=LOGIN)
    single = pushing.push(server.url, "base", an_image("c", docker=True), "latest", login=LOGIN)

    inventory.sync(registry)
    assert registry.problem == ""
    assert tags() == {"v1": index, "latest": single}
    platforms = {image.platform for image in Image.objects.filter(kind="image")}
    assert platforms == {"linux/amd64", "linux/arm64/v8"}

    deleted = httpx.delete(f"{server.url}/v2/base/manifests/{single}", auth=LOGIN)
    assert deleted.status_code == 202
    inventory.sync(registry)
    assert tags() == {"v1": index}
    assert not Image.objects.filter(digest=single).exists()


def test_a_walk_without_the_password_says_so_and_removes_nothing(db, docker_registry):
    server = docker_registry(auth="htpasswd")
    pushing.push(server.url, "app", an_image("a"), "v1", login=LOGIN)
    registry = a_registry(location=server.url)
    connection.set_credentials(registry, *LOGIN)
    inventory.sync(registry)
    connection.set_credentials(registry, LOGIN[0], "wrong")
    inventory.sync(registry)
    assert registry.problem
    assert set(tags()) == {"v1"}


@pytest.fixture
def announced(transactional_db, live_server, docker_registry, monkeypatch):
    """A registry that announces to this server what is pushed, pulled and deleted there."""
    monkeypatch.setattr("registries.tasks.soon", lambda *_: None)  # no broker; the test applies
    registry = a_registry()
    secret = connection.new_webhook_secret(registry)
    server = docker_registry(
        notify=f"{live_server.url}/webhooks/distribution/{registry.pk}",
        headers={"Authorization": f"Bearer {secret}"},
    )
    Registry.objects.filter(pk=registry.pk).update(location=server.url)
    registry.refresh_from_db()
    return server, registry


def once(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Apply events as they come, until something is true of the tables."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        events.apply_due()
        if condition():
            return
        time.sleep(0.05)
    problems = list(RegistryEvent.objects.values_list("action", "tag", "applied_at", "problem"))
    pytest.fail(f"It did not come true in {seconds} s; events: {problems}")


def test_what_a_registry_announces_is_known_at_once(announced):
    server, registry = announced
    first = pushing.push(server.url, "app", an_image("a"), "v1")
    once(lambda: tags() == {"v1": first})
    assert Placement.objects.get(image__digest=first).pushed_at is not None
    registry.refresh_from_db()
    assert registry.pulls_known_since is not None

    second = pushing.push(server.url, "app", an_image("b"), "v1")
    once(lambda: tags() == {"v1": second})
    history = TagMove.objects.order_by("at").values_list("digest_before", "digest_after")
    assert list(history) == [("", first), (first, second)]

    httpx.get(
        f"{server.url}/v2/app/manifests/{first}",
        headers={"Accept": pushing.OCI_MANIFEST, "User-Agent": "containerd/2"},
    ).raise_for_status()
    once(lambda: Placement.objects.filter(image__digest=first, pulled_at__isnull=False).exists())
    assert Placement.objects.get(image__digest=second).pulled_at is None  # Vigie read it, no more

    httpx.delete(f"{server.url}/v2/app/manifests/{first}").raise_for_status()
    once(lambda: not Image.objects.filter(digest=first).exists())
    assert tags() == {"v1": second}

    httpx.delete(f"{server.url}/v2/app/manifests/v1")
    httpx.delete(f"{server.url}/v2/app/manifests/{second}")
    once(lambda: not Image.objects.exists())
    assert not RegistryEvent.objects.exclude(problem="").exists()
    assert not RegistryEvent.objects.filter(user_agent__startswith="Vigie/").exists()


def test_events_lost_while_nobody_listened_are_made_good_by_the_walk(announced):
    server, registry = announced
    digest = pushing.push(server.url, "app", an_image("a"), "v1")
    once(lambda: tags() == {"v1": digest})
    connection.new_webhook_secret(registry)  # the registry is refused from here on
    moved = pushing.push(server.url, "app", an_image("b"), "v1")
    inventory.sync(registry)
    assert tags() == {"v1": moved}
    assert Image.objects.count() == 2
