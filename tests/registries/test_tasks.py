from datetime import timedelta

import pytest
from django.utils import timezone

from config.celery import CLOCK, NUDGES, app
from registries import connection, events, tasks
from registries.inventory import walk as walking
from registries.models import Placement, Registry, RegistryEvent
from tests.factories import a_registry
from tests.registries.layouts import Shelf


@pytest.fixture
def asked(monkeypatch) -> list[int]:
    """The registries a worker was asked to walk; there is no broker in these tests."""
    calls: list[int] = []
    monkeypatch.setattr(tasks.walk, "delay", lambda pk, only_if_due: calls.append(pk))
    return calls


def test_the_clock_and_the_nudges_know_these_tasks_by_name():
    named = {name for name in {**CLOCK, **NUDGES} if name.startswith("registries.")}
    app.loader.import_default_modules()
    assert named == {
        "registries.tasks.apply_events",
        "registries.tasks.walk_due",
        "registries.tasks.walk",
    }
    assert named <= set(app.tasks)


def test_a_registry_that_was_just_connected_is_walked_and_verified(shelves, folder, asked):
    Shelf(folder, "app").image("a", "v1")
    Registry.objects.update(verified_at=None)
    assert tasks.walk_due() == 1
    assert asked == [shelves.pk]
    assert tasks.walk(shelves.pk, only_if_due=True) > 0
    shelves.refresh_from_db()
    assert None not in (shelves.verified_at, shelves.walked_at)
    assert Placement.objects.count() == 1


def test_a_registry_is_not_walked_again_before_its_time(shelves, folder, asked):
    Shelf(folder, "app").image("a", "v1")
    tasks.walk(shelves.pk)
    assert tasks.walk_due() == 0
    assert tasks.walk(shelves.pk, only_if_due=True) == 0
    assert asked == []


@pytest.mark.parametrize(
    ("age", "problem", "due"),
    [
        (timedelta(minutes=59), "", False),
        (timedelta(minutes=61), "", True),
        (timedelta(minutes=1), "It was down.", False),
        (timedelta(minutes=6), "It was down.", True),
    ],
)
def test_a_walk_that_failed_is_tried_again_sooner(shelves, settings, age, problem, due):
    settings.WALK_INTERVAL_SECONDS = 3600
    Registry.objects.update(walked_at=timezone.now() - age, problem=problem)
    assert walking.due().exists() is due


def test_a_message_about_a_registry_that_is_gone_is_nothing(db):
    assert tasks.walk(10**9) == 0


def test_a_walk_asked_for_by_somebody_happens_at_once(shelves, folder):
    tasks.walk(shelves.pk)
    Shelf(folder, "new").image("a", "v1")
    assert tasks.walk(shelves.pk) > 0


def test_a_changed_connection_is_walked_at_the_next_tick(shelves, asked):
    tasks.walk(shelves.pk)
    connection.forget_outcome(shelves)
    assert tasks.walk_due() == 1


def test_events_are_applied_and_counted(shelves, monkeypatch):
    monkeypatch.setattr(tasks, "EVENTS_AT_ONCE", 2)
    again = []
    monkeypatch.setattr(tasks.apply_events, "delay", lambda: again.append(1))
    for number in range(3):
        shelves.events.create(
            delivery=str(number),
            action="delete-tag",
            repository="app",
            tag="v1",
            occurred_at=timezone.now(),
        )
    assert tasks.apply_events() == 2
    assert again == [1]
    assert tasks.apply_events() == 1
    assert again == [1]


def test_the_tick_forgets_old_events(registry, asked):
    old = timezone.now() - events.KEPT_FOR - timedelta(days=1)
    registry.events.create(
        delivery="1", action="push", repository="app", occurred_at=old, applied_at=old
    )
    RegistryEvent.objects.update(received_at=old)
    tasks.walk_due()
    assert not RegistryEvent.objects.exists()


def test_the_due_of_many_registries_is_asked_in_one_query(db, asked, django_assert_num_queries):
    for _ in range(5):
        a_registry()
    with django_assert_num_queries(2):
        assert tasks.walk_due() == 5
