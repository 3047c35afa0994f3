"""One scan from the registry's folder to the stored inventory: real layouts, a real PostgreSQL."""

import os
import threading
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from tarfile import SYMTYPE, TarFile, TarInfo

import pytest
from django.db import DataError, connection

from registries import inventory, plans
from registries.models import Image, Registry, Subscription
from scans import indexing, lease, queue
from scans.layers import LayerRecord
from scans.models import Inventory, Layer, Package, Report, Scan
from tests.pushing import digest_of, image, tar_of, write_layout
from tests.scans import tars

pytestmark = pytest.mark.django_db

OS_RELEASE = 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'


def a_status(*packages: tuple[str, str]) -> str:
    return "\n".join(
        f"Package: {name}\nStatus: install ok installed\nVersion: {version}\nArchitecture: amd64\n"
        for name, version in packages
    )


BASE = {
    "etc/os-release": OS_RELEASE,
    "var/lib/dpkg/status": a_status(("bash", "5.2.15-2"), ("zlib1g", "1:1.2.13")),
}
APP = {
    "opt/venv/lib/python3.11/site-packages/flask-2.0.0.dist-info/METADATA": (
        "Metadata-Version: 2.1\nName: flask\nVersion: 2.0.0\n\n"
    )
}


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    subscription = Subscription.objects.create(display_name="Team")
    plans.switch(subscription, True, None)
    folder = tmp_path / "registry"
    folder.mkdir()
    return Registry.objects.create(
        subscription=subscription, name="main", kind="layout", location=str(folder)
    )


def put(registry: Registry, repository: str, built, tag: str = "latest") -> None:
    folder = Path(registry.location) / repository
    folder.mkdir(parents=True, exist_ok=True)
    write_layout(folder, built, tag)


def scan_all(registry: Registry) -> None:
    inventory.sync(registry)
    queue.enqueue_due()
    while scan := queue.claim():
        indexing.index(scan)


def test_an_image_is_read_to_its_packages_layers_and_history(registry):
    built = image(
        BASE,
        APP,
        history=[
            {"created_by": "ADD rootfs.tar /"},
            {"created_by": "ENV A=1", "empty_layer": True},
            {"created_by": "RUN pip install flask"},
        ],
    )
    put(registry, "app", built)
    scan_all(registry)
    report = Report.objects.get()
    assert (report.result, report.distro_id, report.package_count) == ("indexed", "debian", 3)
    assert set(Package.objects.values_list("name", "ecosystem")) == {
        ("bash", "Debian:12"), ("zlib1g", "Debian:12"), ("flask", "PyPI"),
    }  # fmt: skip
    first, empty, last = report.layers.all()
    assert (empty.digest, empty.created_by) == ("", "ENV A=1")
    assert last.created_by == "RUN pip install flask"
    entry = Inventory.objects.get(ecosystem="PyPI").entries.get()
    assert (entry.layer.digest, entry.path) == (last.digest, next(iter(APP)))
    assert first.digest != last.digest


def test_a_layer_is_fetched_once_for_all_images_that_share_it(registry):
    put(registry, "base", image(BASE))
    put(registry, "app", image(BASE, APP))
    put(registry, "other", image(BASE, {"srv/file": "x"}))
    scan_all(registry)
    assert Layer.objects.count() == 3
    totals = Scan.objects.values_list("layers_fetched", "layers_reused")
    assert [sum(column) for column in zip(*totals, strict=True)] == [3, 2]
    assert Inventory.objects.filter(ecosystem="Debian:12").count() == 1


def test_a_package_file_that_is_a_hard_link_is_found(registry):
    """As package managers with one store for all projects write them."""
    stored = tars.file("store/c0ffee", b'{"name": "left-pad", "version": "1.3.0"}')
    linked = tars.hard_link("app/node_modules/left-pad/package.json", "store/c0ffee")
    put(registry, "app", image(tars.tar(stored, linked)))
    scan_all(registry)
    assert list(Package.objects.values_list("name", "version")) == [("left-pad", "1.3.0")]
    assert Scan.objects.get().layers_fetched == 1


def test_layers_are_read_again_when_the_catalogers_change(registry):
    put(registry, "app", image(BASE))
    scan_all(registry)
    Layer.objects.update(catalogers_version=0)
    queue.request(Image.objects.values_list("pk", flat=True))
    indexing.index(queue.claim())
    assert Scan.objects.latest("pk").layers_fetched == 1


@pytest.mark.parametrize(
    ("built", "reason"),
    [
        (image({"Files/Windows/System32/x.dll": "MZ"}, os="windows"), "windows"),
        (image({"app": "\x7fELF"}), "empty"),
        (image(), "empty"),
        (image(b"this is not a tar at all" * 100), "damaged"),
    ],
)
def test_what_cannot_be_judged_is_unverified_and_says_why(registry, built, reason):
    put(registry, "app", built)
    scan_all(registry)
    report, scan = Report.objects.get(), Scan.objects.get()
    assert (report.result, report.reason) == ("unverified", reason)
    assert report.detail.endswith(".")
    assert (scan.state, scan.result, scan.reason) == ("done", "unverified", reason)


def test_a_blob_that_is_not_what_its_digest_says_is_never_believed(registry):
    built = image(BASE, packing="")
    put(registry, "app", built)
    blob = digest_of(tar_of(BASE)).partition(":")[2]
    other = tar_of({**BASE, "var/lib/dpkg/status": a_status(("bash", "9.9.99-2"))})
    path = Path(registry.location) / "app" / "blobs" / "sha256" / blob
    path.write_bytes(other.ljust(path.stat().st_size, b"\0")[: path.stat().st_size])
    inventory.sync(registry)
    queue.enqueue_due()
    indexing.index(queue.claim())
    assert not Layer.objects.exists()
    assert not Report.objects.filter(result="indexed").exists()


def test_a_registry_that_is_gone_is_tried_again_and_then_said(registry, settings):
    put(registry, "app", image(BASE))
    inventory.sync(registry)
    queue.enqueue_due()
    blobs = Path(registry.location) / "app" / "blobs"
    blobs.rename(blobs.with_name("elsewhere"))
    for _ in range(settings.SCAN_MAX_ATTEMPTS):
        if scan := queue.claim():
            indexing.index(scan)
        Scan.objects.update(not_before="2020-01-01T00:00:00Z")
    assert Report.objects.get().result == "unverified"
    assert Scan.objects.get().state == "done"


def test_the_last_report_stands_until_the_next_replaces_it(registry):
    put(registry, "app", image(BASE))
    scan_all(registry)
    queue.request(Image.objects.values_list("pk", flat=True))
    queue.claim()
    assert Report.objects.get().result == "indexed"


def test_an_image_deleted_while_it_is_scanned_leaves_no_report(registry):
    put(registry, "app", image(BASE))
    inventory.sync(registry)
    queue.enqueue_due()
    scan = queue.claim()
    scan.image.registry  # loaded before the image goes  # noqa: B018
    Image.objects.all().delete()
    indexing.index(scan)
    assert not Report.objects.exists()
    Scan.objects.update(leased_until="2020-01-01T00:00:00Z")
    queue.reap()
    assert queue.withdraw() == 1


def test_a_worker_that_lost_its_lease_changes_nothing(registry):
    put(registry, "app", image(BASE))
    inventory.sync(registry)
    queue.enqueue_due()
    late = queue.claim()
    Scan.objects.update(leased_until="2020-01-01T00:00:00Z")
    queue.reap()
    current = queue.claim()
    indexing.index(late)
    assert not Report.objects.exists()
    indexing.index(current)
    assert Report.objects.get().result == "indexed"


@pytest.mark.django_db(transaction=True)
def test_workers_that_need_the_same_layer_at_once_fetch_it_once(registry):
    for number in range(6):
        put(registry, f"app{number}", image(BASE, {"srv/number": str(number)}))
    inventory.sync(registry)
    queue.enqueue_due()

    def work() -> None:
        try:
            while scan := queue.claim():
                indexing.index(scan)
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert Report.objects.filter(result="indexed").count() == 6
    assert sum(Scan.objects.values_list("layers_fetched", flat=True)) == 7
    assert Inventory.objects.count() == 1


def test_an_error_nobody_expects_ends_as_a_verdict_with_a_sentence(
    registry, settings, monkeypatch, caplog
):
    """A bug, or what PostgreSQL refuses, must not look like workers that died."""

    def refuse(*_):
        raise DataError("value too long")

    monkeypatch.setattr(indexing.inventories, "store", refuse)
    put(registry, "app", image(BASE))
    inventory.sync(registry)
    queue.enqueue_due()
    for attempt in range(1, settings.SCAN_MAX_ATTEMPTS + 1):
        assert not Report.objects.exists()
        scan = queue.claim()
        assert scan.attempts == attempt
        indexing.index(scan)
        Scan.objects.update(not_before="2020-01-01T00:00:00Z")
    report, scan = Report.objects.get(), Scan.objects.get()
    assert (report.result, report.reason, scan.state) == ("unverified", "failed", "done")
    assert "(DataError)" in report.detail
    assert "value too long" in caplog.text


def test_an_image_deleted_between_claim_and_start_leaves_nothing(registry):
    put(registry, "app", image(BASE))
    inventory.sync(registry)
    queue.enqueue_due()
    scan = queue.claim()
    Image.objects.all().delete()
    indexing.index(scan)
    queue.withdraw()
    assert not Scan.objects.exists()
    assert not Report.objects.exists()


def test_links_that_lead_to_a_path_no_index_holds_leave_the_image_unverified(registry, tmp_path):
    made = BytesIO()
    with TarFile(fileobj=made, mode="w") as tar:
        link = TarInfo("node_modules")
        link.type, link.linkname = SYMTYPE, "/".join(os.urandom(60).hex() for _ in range(16))
        tar.addfile(link)
    app = "/".join(os.urandom(60).hex() for _ in range(14))
    package = {f"node_modules/{app}/package.json": '{"name": "left-pad", "version": "1.0.0"}'}
    put(registry, "app", image(made.getvalue(), package))
    scan_all(registry)
    report = Report.objects.get()
    assert (report.result, report.reason) == ("unverified", "too-large")


def test_the_records_of_layers_are_not_all_held_at_once(registry, monkeypatch):
    """One small layer may have a record of many megabytes, and stand in an image 500 times."""
    put(registry, "app", image(*[BASE] * 30))
    alive, most = set(), 0

    class Watched(LayerRecord):
        def __init__(self, *args, **kwargs) -> None:
            nonlocal most
            super().__init__(*args, **kwargs)
            alive.add(id(self))
            most = max(most, len(alive))

        def __del__(self) -> None:
            alive.discard(id(self))

    monkeypatch.setattr(indexing, "LayerRecord", Watched)
    scan_all(registry)
    assert Report.objects.get().result == "indexed"
    assert 0 < most <= 2


def test_an_image_that_takes_too_long_is_given_up(registry, monkeypatch):
    monkeypatch.setattr(lease, "MAX_SECONDS", -1)
    put(registry, "app", image(BASE))
    scan_all(registry)
    assert Report.objects.get().reason == "too-slow"


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_waits_for_anothers_layer_keeps_its_scan(registry, settings):
    """A base image of gigabytes may take many leases to fetch."""
    settings.SCAN_LEASE_SECONDS = 1
    built = image(BASE)
    put(registry, "app", built)
    inventory.sync(registry)
    queue.enqueue_due()
    scan = queue.claim()
    waiter = threading.Thread(target=in_a_thread, args=(indexing.index, scan))
    with indexing._alone_with(digest_of(built.blobs[-1])):
        waiter.start()
        first = Scan.objects.get().leased_until
        while Scan.objects.get().leased_until < first + timedelta(seconds=2):
            waiter.join(0.05)
        assert queue.reap() == 0
    waiter.join()
    assert Report.objects.get().result == "indexed"
    assert Scan.objects.get().attempts == 1


def in_a_thread(function, *args) -> None:
    try:
        function(*args)
    finally:
        connection.close()
