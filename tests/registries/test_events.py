import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from registries import events, inventory
from registries.models import Placement, Registry, RegistryEvent
from registries.oci.client import USER_AGENT
from registries.oci.errors import AccessDenied, BadContent, DigestMismatch, Unreachable
from registries.providers import Event
from registries.providers.layout import LayoutSource
from tests.factories import a_digest, a_number, a_registry
from tests.registries.layouts import Shelf
from tests.registries.threads import together


def an_event(**fields) -> Event:
    defaults = {
        "delivery": f"delivery-{a_number()}",
        "action": "push",
        "repository": "app",
        "digest": a_digest(),
        "tag": "",
        "media_type": "",
        "actor": "alice",
        "user_agent": "docker/27",
        "occurred_at": timezone.now() - timedelta(minutes=1),
    }
    return Event(**(defaults | fields))


def test_an_event_is_stored_once_however_often_it_is_delivered(registry):
    one, two = an_event(), an_event()
    assert events.accept(registry, [one, one]) == 1
    assert events.accept(registry, [two, one]) == 1
    assert events.accept(registry, [two, one]) == 0
    assert RegistryEvent.objects.count() == 2


def test_the_same_delivery_of_another_registry_is_another_event(registry):
    event = an_event()
    assert events.accept(registry, [event]) == events.accept(a_registry(), [event]) == 1


def test_what_is_stored_is_what_was_said(registry):
    event = an_event(tag="v1", media_type="application/json")
    events.accept(registry, [event])
    row = RegistryEvent.objects.get()
    for name in ("delivery", "action", "repository", "digest", "tag", "media_type", "actor"):
        assert getattr(row, name) == getattr(event, name)
    assert (row.occurred_at, row.user_agent) == (event.occurred_at, event.user_agent)
    assert (row.applied_at, row.attempts, row.problem) == (None, 0, "")


def test_a_hundred_events_take_one_statement(registry, django_assert_num_queries):
    events.accept(registry, [an_event()])
    registry.refresh_from_db()
    with django_assert_num_queries(1):
        assert events.accept(registry, [an_event() for _ in range(100)]) == 100


def test_pulls_are_known_since_the_first_event(registry):
    assert registry.pulls_known_since is None
    events.accept(registry, [])
    registry.refresh_from_db()
    assert registry.pulls_known_since is None
    events.accept(registry, [an_event()])
    registry.refresh_from_db()
    since = registry.pulls_known_since
    assert since is not None
    events.accept(registry, [an_event()])
    registry.refresh_from_db()
    assert registry.pulls_known_since == since


def test_what_vigie_pulls_itself_is_not_kept(registry):
    own = an_event(action="pull", user_agent=USER_AGENT)
    assert events.accept(registry, [own, an_event(action="pull")]) == 1
    assert RegistryEvent.objects.get().user_agent == "docker/27"


@pytest.mark.parametrize(
    "fields",
    [
        {"repository": "x" * 256},
        {"repository": ""},
        {"tag": "x" * 129},
        {"digest": "sha512:" + "0" * 129},
        {"repository": "nul\0"},
    ],
)
def test_an_event_no_table_can_hold_is_left_out_and_takes_no_other_with_it(registry, fields):
    assert events.accept(registry, [an_event(**fields), an_event()]) == 1


def test_a_clock_that_runs_ahead_does_not_stop_what_comes_after(registry):
    events.accept(registry, [an_event(occurred_at=timezone.now() + timedelta(days=9999))])
    assert RegistryEvent.objects.get().occurred_at <= timezone.now()


def test_events_are_applied_once(shelves, folder):
    digest = Shelf(folder, "app").image("a")
    events.accept(shelves, [an_event(digest=digest, tag="v1")])
    assert events.apply_due() == 1
    assert events.apply_due() == 0
    assert RegistryEvent.objects.get().applied_at is not None
    assert Placement.objects.get().image.digest == digest


def test_no_more_are_applied_than_asked_for(shelves):
    events.accept(shelves, [an_event(action="delete-tag", tag="v1") for _ in range(3)])
    assert events.apply_due(limit=2) == 2
    assert events.apply_due(limit=2) == 1


def test_a_thousand_pulls_of_known_images_take_few_queries(
    shelves, folder, django_assert_max_num_queries
):
    shelf = Shelf(folder, "app")
    one, two = shelf.image("a", "v1"), shelf.image("b", "v2")
    inventory.sync(shelves)
    now = timezone.now()
    pulls = [
        an_event(action="pull", digest=digest, actor=f"{n}", occurred_at=now - timedelta(minutes=n))
        for n in range(1, 501)
        for digest in (one, two)
    ]
    events.accept(shelves, pulls)
    with django_assert_max_num_queries(12):
        assert events.apply_due(limit=2000) == 1000
    pulled = Placement.objects.values_list("pulled_at", "pulled_by")
    assert list(pulled) == [(now - timedelta(minutes=1), "1")] * 2
    assert not events.due().exists()
    events.accept(shelves, [an_event(action="pull", digest=one, occurred_at=now - timedelta(9))])
    assert events.apply_due() == 1
    assert set(pulled.all()) == {(now - timedelta(minutes=1), "1")}


def test_a_pull_of_what_is_not_known_is_asked_of_the_registry_all_the_same(shelves, folder):
    shelf = Shelf(folder, "app")
    known = shelf.image("a", "v1")
    inventory.sync(shelves)
    unknown = shelf.image("b")
    events.accept(shelves, [an_event(action="pull", digest=d) for d in (unknown, known)])
    assert events.apply_due() == 2
    assert Placement.objects.filter(pulled_at__isnull=False).count() == 2


def test_one_image_that_is_spoilt_holds_no_other_event_of_its_registry_up(
    shelves, folder, monkeypatch
):
    digest = Shelf(folder, "app").image("a")
    failing(monkeypatch, DigestMismatch("It is not what it promises."))
    events.accept(shelves, [an_event(), an_event(digest=digest)])
    assert events.apply_due() == 1
    assert RegistryEvent.objects.filter(retry_at__isnull=False).count() == 1
    assert Placement.objects.get().image.digest == digest


def failing(monkeypatch, *errors: Exception) -> None:
    """Let the registry fail with each of the errors, then answer."""
    real, left = LayoutSource.manifest, list(errors)

    def manifest(self, repository, reference):
        if left:
            raise left.pop(0)
        return real(self, repository, reference)

    monkeypatch.setattr(LayoutSource, "manifest", manifest)


def test_a_registry_that_is_down_is_asked_again_later_and_the_reason_shown(
    shelves, folder, monkeypatch
):
    digest = Shelf(folder, "app").image("a")
    failing(monkeypatch, Unreachable("It hung up."), Unreachable("It hung up again."))
    events.accept(shelves, [an_event(digest=digest)])
    waits = []
    for sentence in ("It hung up.", "It hung up again."):
        assert events.apply_due() == 0
        row = RegistryEvent.objects.get()
        assert (row.problem, row.applied_at) == (sentence, None)
        assert not events.due().exists()
        waits.append(row.retry_at - timezone.now())
        RegistryEvent.objects.update(retry_at=timezone.now())
    assert waits[1] > waits[0] > timedelta(0)
    assert events.apply_due() == 1
    row = RegistryEvent.objects.get()
    assert (row.problem, row.retry_at, row.attempts) == ("", None, 3)


def test_a_retry_never_waits_longer_than_an_hour(shelves, folder, monkeypatch):
    digest = Shelf(folder, "app").image("a")
    failing(monkeypatch, Unreachable("It hung up."))
    events.accept(shelves, [an_event(digest=digest)])
    RegistryEvent.objects.update(attempts=30_000)
    events.apply_due()
    assert RegistryEvent.objects.get().retry_at <= timezone.now() + events.LAST_RETRY


def test_a_registry_that_is_down_is_asked_once_and_holds_no_other_up(
    shelves, folder, monkeypatch, tmp_path
):
    Shelf(folder, "app").image("a")
    other = a_registry(kind=Registry.Kind.LAYOUT, location=str(tmp_path / "other"))
    digest = Shelf(tmp_path / "other", "app").image("b")
    real, asked = LayoutSource.manifest, []

    def manifest(self, repository, reference):
        if reference == digest:
            return real(self, repository, reference)
        asked.append(reference)
        raise Unreachable("It hung up.")

    monkeypatch.setattr(LayoutSource, "manifest", manifest)
    events.accept(shelves, [an_event() for _ in range(5)])
    events.accept(other, [an_event(digest=digest)])
    assert events.apply_due() == 1
    assert len(asked) == 1
    waiting = RegistryEvent.objects.filter(problem="It hung up.", retry_at__isnull=False)
    assert waiting.count() == 5


@pytest.mark.parametrize("error", [AccessDenied("It wants a login."), KeyError("surprise")])
def test_what_no_retry_can_help_stays_visible_until_somebody_asks(
    shelves, folder, monkeypatch, error
):
    digest = Shelf(folder, "app").image("a")
    failing(monkeypatch, error)
    events.accept(shelves, [an_event(digest=digest), an_event(action="delete-tag", tag="x")])
    assert events.apply_due() == 1
    row = RegistryEvent.objects.get(action="push")
    assert row.problem
    assert (row.applied_at, row.retry_at) == (None, None)
    assert not events.due().exists()
    assert events.apply_again(RegistryEvent.objects.all()) == 1
    assert events.apply_due() == 1
    row.refresh_from_db()
    assert (row.problem, row.applied_at is None) == ("", False)


def test_a_hostile_manifest_stops_no_event_behind_it(shelves, folder, monkeypatch):
    digest = Shelf(folder, "app").image("a")
    failing(monkeypatch, BadContent("It is no manifest."))
    events.accept(shelves, [an_event(digest=digest), an_event(action="delete-tag", tag="x")])
    assert events.apply_due() == 2
    assert Placement.objects.get().image.kind == "image"


def test_an_event_is_locked_while_it_is_applied_and_another_worker_takes_the_next(
    transactional_db, folder, monkeypatch
):
    shelves = a_registry(kind=Registry.Kind.LAYOUT, location=str(folder))
    digest = Shelf(folder, "app").image("a")
    events.accept(shelves, [an_event(digest=digest)])
    events.accept(shelves, [an_event(action="delete-tag", tag="x")])
    real, applying, other_done = LayoutSource.manifest, threading.Event(), threading.Event()

    def manifest(self, repository, reference):
        applying.set()
        assert other_done.wait(30)
        return real(self, repository, reference)

    monkeypatch.setattr(LayoutSource, "manifest", manifest)

    def other() -> int:
        assert applying.wait(30)
        try:
            return events.apply_due()
        finally:
            other_done.set()

    assert together(events.apply_due, other) == [1, 1]
    assert RegistryEvent.objects.filter(applied_at=None).count() == 0


@pytest.mark.django_db(transaction=True)
def test_the_same_events_delivered_at_the_same_time_are_stored_once(registry):
    batch = [an_event() for _ in range(50)]
    reversed_batch = [replace(event) for event in reversed(batch)]
    stored = together(
        lambda: events.accept(registry, batch),
        lambda: events.accept(registry, reversed_batch),
        lambda: events.accept(registry, batch[10:]),
    )
    assert sum(stored) == 50
    assert RegistryEvent.objects.count() == 50


def test_old_events_are_forgotten_unless_they_wait(registry):
    events.accept(registry, [an_event(delivery="old"), an_event(delivery="waiting")])
    RegistryEvent.objects.update(received_at=timezone.now() - events.KEPT_FOR - timedelta(days=1))
    RegistryEvent.objects.filter(delivery="old").update(applied_at=timezone.now())
    events.accept(registry, [an_event(delivery="new")])
    RegistryEvent.objects.filter(delivery="new").update(applied_at=timezone.now())
    assert events.forget_old() == 1
    assert set(RegistryEvent.objects.values_list("delivery", flat=True)) == {"waiting", "new"}


def test_an_error_nobody_expects_stops_no_event_behind_it(shelves, folder, monkeypatch, caplog):
    digest = Shelf(folder, "app").image("a", "v1")
    bad = an_event(repository="other")
    events.accept(shelves, [bad])
    events.accept(shelves, [an_event(digest=digest)])
    push = events.APPLY["push"]

    def fail_on_one(registry, event):
        if event.repository == "other":
            raise AttributeError("a bug")
        push(registry, event)

    monkeypatch.setitem(events.APPLY, "push", fail_on_one)
    assert events.apply_due() == 1
    failed = RegistryEvent.objects.get(delivery=bad.delivery)
    assert (failed.applied_at, failed.retry_at) == (None, None)
    assert "a bug" in failed.problem
    assert "a bug" in caplog.text
