"""Workers killed in the middle of scans, the broker emptied, the database restarted: in the end
every image has its verdict, each digest one charge, and nothing is stuck.

VIGIE_CRASH_SCANS chooses another size than that of CI.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from subprocess import Popen

import pytest
import redis
from django.db import connection
from django.db.models import Count, Max, Min

from billing.models import Charge
from findings import advisories
from findings.models import Feed, Finding, ImageVerdict
from registries import inventory, plans
from registries.models import Image, Registry, Subscription
from scans.models import Inventory, Layer, Scan
from tests.findings.estate import an_advisory, write_records
from tests.flows.conftest import debian, kill, wait_until
from tests.pushing import image, write_layout

pytestmark = pytest.mark.flow

SCANS = int(os.environ.get("VIGIE_CRASH_SCANS", "40"))
LAYER_BYTES = 10_000_000  # so many take long enough to be caught in their midst
SHARED_PACKAGES = {f"pkg{number}": "1.0" for number in range(50)}
LEASE = {"VIGIE_SCAN_LEASE_SECONDS": "3"}


@pytest.fixture
def registry(tmp_path: Path, transactional_db) -> Registry:
    """A folder of images that share a base and have a layer each, big enough to die in."""
    base = debian(**SHARED_PACKAGES)
    for number in range(SCANS):
        own = debian(**SHARED_PACKAGES, **{f"own{number}": "1.0"})
        own[f"srv/{number}"] = bytes(LAYER_BYTES)
        built = image(base, own, packing="")
        write_layout(tmp_path / "registry" / f"app{number}", built, "latest")
    subscription = Subscription.objects.create(display_name="Team")
    plans.switch(subscription, True, None)
    return Registry.objects.create(
        subscription=subscription,
        name="crashes",
        kind="layout",
        location=str(tmp_path / "registry"),
    )


@pytest.fixture
def feed(tmp_path: Path, transactional_db) -> None:
    folder = tmp_path / "feed"
    write_records(folder, an_advisory("CVE-2026-1001", "pkg7", "2.0"))
    advisories.update(Feed.objects.create(name="Debian", location=str(folder)))


def finished() -> int:
    return Scan.objects.filter(state="done").count()


def half_read(worker: Popen, registry: Registry) -> bool:
    """The kernel says that one of the worker's processes is in the midst of a layer."""
    children = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()
    return any(
        0 < position < LAYER_BYTES / 2
        for child in children
        for position in positions(Path("/proc", child), registry.location)
    )


def positions(process: Path, folder: str) -> Iterator[int]:
    """How far it has read the big files below a folder that it holds open."""
    for handle in (process / "fd").glob("*"):
        with suppress(OSError):  # closed meanwhile
            if str(handle.readlink()).startswith(folder) and handle.stat().st_size > LAYER_BYTES:
                yield int((process / "fdinfo" / handle.name).read_text().split()[1])


def test_nothing_is_lost_stuck_or_charged_twice(registry, feed, worker, broker, postgres):
    inventory.sync(registry)
    process = worker(**LEASE)
    for share in (0.1, 0.3, 0.5):
        wait_until(lambda share=share: finished() >= SCANS * share)
        wait_until(partial(half_read, process, registry), every=0.001)
        kill(process)
        process = worker(**LEASE)

    redis.Redis(unix_socket_path=broker.removeprefix("redis+socket://")).flushall()
    wait_until(lambda: finished() >= SCANS * 0.7)

    if postgres:
        connection.close()
        postgres.stop()
        postgres.start()
    wait_until(lambda: Charge.objects.count() >= SCANS, 120)
    wait_until(lambda: ImageVerdict.objects.count() == SCANS)

    assert set(ImageVerdict.objects.values_list("state", flat=True)) == {"unhealthy"}
    assert Scan.objects.exclude(state="done").count() == 0
    assert Scan.objects.filter(result="indexed").count() == Image.objects.count() == SCANS
    charged = Charge.objects.values("digest").annotate(times=Count("pk"))
    assert charged.count() == SCANS
    assert {row["times"] for row in charged} == {1}
    assert Layer.objects.count() == SCANS + 1
    assert Inventory.objects.count() == SCANS
    assert Finding.objects.filter(closed_at=None).count() == SCANS
    # Some were hit in their midst and read again; those that were not, once.
    attempts = Scan.objects.aggregate(least=Min("attempts"), most=Max("attempts"))
    assert attempts["least"] == 1
    assert attempts["most"] > 1
