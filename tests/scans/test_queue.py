"""Which images are due, and who may work on them: against a real PostgreSQL."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from registries import plans
from registries.models import Image, IndexMember, Placement, Registry, Repository, Subscription, Tag
from scans import queue, tasks
from scans.catalogers import VERSION
from scans.models import Report, Scan

pytestmark = pytest.mark.django_db

NOW = timezone.now


def days_ago(days: float):
    return NOW() - timedelta(days=days)


@pytest.fixture
def repository() -> Repository:
    subscription = Subscription.objects.create(display_name="Team")
    plans.switch(subscription, True, None)
    Subscription.objects.update(plan_enabled_at=days_ago(60))
    registry = Registry.objects.create(
        subscription=subscription,
        name="main",
        kind="distribution",
        location="http://registry.example",
        pulls_known_since=days_ago(60),
    )
    return Repository.objects.create(registry=registry, name="app")


def an_image(repository: Repository, number: int = 1, kind: str = "image", **placed) -> Image:
    image = Image.objects.create(
        registry=repository.registry, digest=f"sha256:{number:064x}", kind=kind
    )
    placement = Placement.objects.create(repository=repository, image=image, **placed)
    if "first_seen_at" not in placed:
        Placement.objects.filter(pk=placement.pk).update(first_seen_at=days_ago(90))
    return image


def a_report(image: Image, scanned_at, **fields) -> Report:
    fields = {"result": "indexed", "catalogers_version": VERSION} | fields
    return Report.objects.create(image=image, scanned_at=scanned_at, **fields)


def triggers() -> list[str]:
    queue.enqueue_due()
    return sorted(Scan.objects.filter(state="queued").values_list("trigger", flat=True))


def test_a_push_since_the_plan_is_on_is_due(repository):
    an_image(repository, pushed_at=days_ago(40))
    assert triggers() == ["push"]


def test_a_push_before_the_plan_was_on_is_not_due_unless_pulled_within_the_window(repository):
    an_image(repository, 1, pushed_at=days_ago(61))
    assert triggers() == []
    an_image(repository, 2, pushed_at=days_ago(61), pulled_at=days_ago(29))
    assert triggers() == ["discovery"]


@pytest.mark.parametrize(("days", "expected"), [(29, ["discovery"]), (31, [])])
def test_pulled_29_days_ago_is_due_and_31_is_not(repository, days, expected):
    an_image(repository, pulled_at=days_ago(days))
    assert triggers() == expected


@pytest.mark.parametrize("known_since", [None, 5])
def test_where_pulls_are_not_known_far_enough_every_tagged_image_is_due(repository, known_since):
    since = known_since and days_ago(known_since)
    Registry.objects.update(pulls_known_since=since)
    tagged = an_image(repository, 1)
    an_image(repository, 2)
    Tag.objects.create(repository=repository, name="latest", image=tagged)
    assert triggers() == ["discovery"]
    assert Scan.objects.get().image == tagged


def test_a_platform_of_a_tagged_index_counts_as_tagged(repository):
    Registry.objects.update(pulls_known_since=None)
    index, member = an_image(repository, 1, kind="index"), an_image(repository, 2)
    IndexMember.objects.create(index=index, image=member)
    Tag.objects.create(repository=repository, name="latest", image=index)
    queue.enqueue_due()
    assert [scan.image for scan in Scan.objects.all()] == [member]


def test_a_push_whose_event_was_missed_is_found_by_the_walk(repository):
    image = an_image(repository, first_seen_at=NOW())
    Tag.objects.create(repository=repository, name="latest", image=image)
    assert triggers() == ["push"]


def test_nothing_is_due_while_the_plan_is_off(repository):
    an_image(repository, pushed_at=NOW())
    plans.switch(repository.registry.subscription, False, None)
    assert triggers() == []
    assert queue.request(Image.objects.values_list("pk", flat=True)) == 0


def test_however_many_triggers_arrive_one_scan_is_active(repository):
    image = an_image(repository, pushed_at=NOW())
    assert [queue.enqueue_due(), queue.enqueue_due(), queue.request([image.pk])] == [1, 0, 0]
    assert queue.claim()
    assert queue.request([image.pk]) == 0


def test_indexes_and_artifacts_are_never_due(repository):
    an_image(repository, 1, kind="index", pushed_at=NOW())
    an_image(repository, 2, kind="artifact", pushed_at=NOW())
    assert triggers() == []


def test_an_indexed_image_is_not_due_again_until_the_catalogers_change(repository):
    image = an_image(repository, pulled_at=NOW())
    report = a_report(image, days_ago(3))
    assert triggers() == []
    Report.objects.filter(pk=report.pk).update(catalogers_version=VERSION - 1)
    assert triggers() == ["catalogers"]


@pytest.mark.parametrize(("reason", "expected"), [("no-access", ["weekly"]), ("windows", [])])
def test_what_could_not_be_reached_is_tried_again_after_a_week(repository, reason, expected):
    image = an_image(repository, pulled_at=NOW())
    a_report(image, days_ago(8), result="unverified", reason=reason)
    assert triggers() == expected


def test_the_weekly_rescan_is_recorded_and_fetches_nothing(repository):
    watched = an_image(repository, 1, pulled_at=days_ago(29))
    forgotten = an_image(repository, 2, pulled_at=days_ago(31))
    for image in (watched, forgotten):
        a_report(image, days_ago(8))
    assert [queue.record_rescans(), queue.record_rescans()] == [1, 0]
    scan = Scan.objects.get()
    assert (scan.image, scan.trigger, scan.state, scan.bytes_fetched) == (
        watched, "weekly", "done", 0,
    )  # fmt: skip
    assert Report.objects.get(image=watched).scanned_at > days_ago(1)


def test_switching_the_plan_off_withdraws_what_waits(repository):
    an_image(repository, pushed_at=NOW())
    queue.enqueue_due()
    plans.switch(repository.registry.subscription, False, None)
    assert queue.claim() is None
    assert queue.withdraw() == 1


def test_each_waiting_scan_is_announced_once_until_messages_are_known_to_be_lost(repository):
    images = [an_image(repository, n, pushed_at=NOW()) for n in (1, 2, 3)]
    queue.enqueue_due()
    assert queue.announce() == 3
    running = queue.claim()
    assert queue.announce() == 0, "a scan is running: the messages are still there"
    Scan.objects.filter(pk=running.pk).update(state="done", finished_at=days_ago(1))
    assert queue.announce() == len(images) - 1


def test_a_scan_is_given_back_when_its_worker_is_not_heard_of(repository):
    an_image(repository, pushed_at=NOW())
    queue.enqueue_due()
    first = queue.claim()
    assert queue.reap() == 0
    Scan.objects.update(leased_until=days_ago(1))
    assert queue.reap() == 1
    second = queue.claim()
    assert second.attempts == 2
    with pytest.raises(queue.LeaseLost):
        queue.extend(first)
    queue.extend(second)


def test_a_scan_that_loses_every_worker_is_claimed_to_be_given_up(repository, settings):
    an_image(repository, pushed_at=NOW())
    queue.enqueue_due()
    for _ in range(settings.SCAN_MAX_ATTEMPTS):
        assert queue.claim()
        assert queue.claim_exhausted() is None
        Scan.objects.update(leased_until=days_ago(1))
        queue.reap()
    assert queue.claim() is None
    assert queue.claim_exhausted()


def test_a_scan_put_back_waits_before_it_is_claimed_again(repository):
    an_image(repository, pushed_at=NOW())
    queue.enqueue_due()
    queue.put_back(queue.claim(), "The registry does not answer.")
    assert queue.claim() is None
    assert Scan.objects.get().detail == "The registry does not answer."


def test_a_backlog_of_one_subscription_keeps_no_other_waiting(repository):
    for number in range(5):
        an_image(repository, number, pushed_at=NOW())
    queue.enqueue_due()
    other = Subscription.objects.create(display_name="Other")
    plans.switch(other, True, None)
    registry = Registry.objects.create(
        subscription=other, name="other", kind="distribution", location="http://other.example"
    )
    late = an_image(Repository.objects.create(registry=registry, name="app"), 9, pushed_at=NOW())
    queue.enqueue_due()
    assert [queue.claim().image == late for _ in range(3)] == [False, True, False]


@pytest.mark.django_db(transaction=True)
def test_two_workers_never_claim_the_same_scan(repository):
    for number in range(40):
        an_image(repository, number, pushed_at=NOW())
    queue.enqueue_due()
    claimed: list[int] = []

    def work() -> None:
        try:
            while scan := queue.claim():
                claimed.append(scan.pk)
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(claimed) == sorted(Scan.objects.values_list("pk", flat=True))
    assert len(claimed) == 40


def test_a_scan_whose_image_went_while_its_last_worker_died_is_forgotten(repository, settings):
    """It could be given up for ever otherwise, and its attempts would outgrow their column."""
    image = an_image(repository, pushed_at=NOW())
    queue.enqueue_due()
    queue.claim()
    Scan.objects.update(attempts=settings.SCAN_MAX_ATTEMPTS, leased_until=days_ago(1))
    image.delete()
    tasks.dispatch()
    assert not Scan.objects.exists()
