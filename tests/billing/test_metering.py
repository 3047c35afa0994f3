import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from billing import metering, tasks
from billing.models import Charge
from registries.models import Subscription
from scans import queue
from scans.models import Scan
from tests.factories import a_digest, a_subscription, an_image

pytestmark = pytest.mark.django_db


def a_scan(subscription: Subscription | None = None, **more) -> Scan:
    """A finished scan that read its image."""
    defaults = {
        "digest": a_digest(), "registry": "main", "repository": "team/app", "trigger": "push",
        "state": "done", "result": "indexed", "finished_at": timezone.now(),
    }  # fmt: skip
    return Scan.objects.create(subscription=subscription or a_subscription(), **(defaults | more))


def test_the_first_finished_scan_of_a_digest_is_charged_at_the_price_set(settings):
    settings.PRICE_PER_IMAGE, settings.PRICE_CURRENCY = Decimal("0.31"), "CHF"
    scan = a_scan()

    assert metering.derive() == 1

    charge = Charge.objects.get()
    assert (charge.subscription, charge.digest) == (scan.subscription, scan.digest)
    assert (charge.registry, charge.repository) == ("main", "team/app")
    assert (charge.scan, charge.scanned_at) == (scan.pk, scan.finished_at)
    assert (charge.amount, charge.currency) == (Decimal("0.31"), "CHF")


def test_metering_again_charges_nothing():
    a_scan()
    assert [metering.derive(), metering.derive()] == [1, 0]


def test_of_several_scans_the_earliest_is_charged():
    now = timezone.now()
    first = a_scan(finished_at=now - timedelta(days=3))
    a_scan(first.subscription, digest=first.digest, finished_at=now - timedelta(days=9),
           result="unverified")  # fmt: skip
    a_scan(first.subscription, digest=first.digest, finished_at=now)

    metering.derive()

    assert Charge.objects.get().scan == first.pk


@pytest.mark.parametrize(
    "again",
    [
        {"trigger": "weekly"},
        {"trigger": "on-demand"},
        {"repository": "another/app"},
        {"registry": "another"},
    ],
)
def test_a_digest_is_charged_once_to_its_subscription_for_ever(again, settings):
    first = a_scan()
    metering.derive()
    settings.PRICE_PER_IMAGE = Decimal("99")

    a_scan(first.subscription, digest=first.digest, **again)

    assert metering.derive() == 0


def test_another_subscription_pays_for_itself():
    first = a_scan()
    a_scan(digest=first.digest)
    assert metering.derive() == 2


@pytest.mark.parametrize(
    "scan",
    [
        {"result": "unverified", "reason": "windows"},
        {"state": "queued", "result": "", "finished_at": None},
        {"state": "running", "result": "", "finished_at": None},
    ],
)
def test_what_was_not_read_is_not_charged(scan):
    a_scan(**scan)
    assert metering.derive() == 0


def test_an_image_that_is_read_at_the_second_try_is_charged_then():
    first = a_scan(result="unverified", reason="no-access")
    assert metering.derive() == 0
    a_scan(first.subscription, digest=first.digest)
    assert metering.derive() == 1


def test_without_a_plan_there_is_no_scan_to_charge(django_capture_on_commit_callbacks):
    image = an_image()
    Subscription.objects.update(plan_enabled=False)
    assert queue.request([image.pk]) == 0
    assert metering.derive() == 0


def test_the_charge_outlives_the_image():
    image = an_image()
    a_scan(image.registry.subscription, digest=image.digest, image=image)
    image.delete()
    assert metering.derive() == 1


def test_a_scan_whose_transaction_was_slow_to_commit_is_charged_all_the_same():
    now = timezone.now()
    a_scan(finished_at=now)
    metering.derive()
    a_scan(finished_at=now - timedelta(hours=3))
    assert metering.derive() == 1


def test_one_clock_that_runs_ahead_hides_no_later_scan():
    a_scan(finished_at=timezone.now() + timedelta(days=400))
    metering.derive()
    a_scan()
    assert metering.derive() == 1


def test_the_task_tells_how_many_charges_are_new():
    a_scan()
    assert tasks.meter() == 1
    assert tasks.meter() == 0


@pytest.mark.django_db(transaction=True)
def test_metering_in_parallel_charges_once():
    subscription = a_subscription()
    for _ in range(200):
        a_scan(subscription)
    together = threading.Barrier(4)
    counts = []

    def meter() -> None:
        together.wait()
        try:
            counts.append(metering.derive())
        finally:
            connection.close()

    threads = [threading.Thread(target=meter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(counts) == 4
    assert sum(counts) == Charge.objects.count() == 200


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE billing_charge SET amount = 0",
        "DELETE FROM billing_charge",
        "TRUNCATE billing_charge",
        "INSERT INTO billing_charge SELECT * FROM billing_charge"
        " ON CONFLICT (id) DO UPDATE SET amount = 0",
    ],
)
def test_the_database_refuses_to_change_the_ledger(statement):
    a_scan()
    metering.derive()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE billing_charge ENABLE TRIGGER append_only_whole")
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            cursor.execute(statement)
    assert Charge.objects.count() == 1
