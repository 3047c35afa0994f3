"""Small estates for tests of judgement: images with packages, and feeds of OSV records we write."""

import json
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from django.utils import timezone

from findings.models import Feed
from registries.models import Image, Placement, Registry, Repository, Subscription
from scans import inventories
from scans.catalogers import VERSION
from scans.coalesce import Placed
from scans.models import Layer, Report


def a_package(name: str, version: str, ecosystem: str = "Debian:12", **fields) -> Placed:
    type_ = {
        "Debian": "deb",
        "Alpine": "apk",
        "AlmaLinux": "rpm",
        "PyPI": "python",
        "npm": "npm",
    }.get(ecosystem.partition(":")[0], "deb")
    given = {
        "type": type_,
        "name": name,
        "version": version,
        "architecture": "",
        "source_name": "",
        "source_version": "",
        "ecosystem": ecosystem,
        "purl": f"pkg:{type_}/{name}@{version}",
        "path": "var/lib/dpkg/status",
        "layer": 0,
    }
    return Placed(**given | fields)


def a_repository(subscription: Subscription | None = None) -> Repository:
    subscription = subscription or Subscription.objects.create(display_name="Team")
    registry = Registry.objects.create(
        subscription=subscription, name="main", kind="layout", location="/nowhere"
    )
    return Repository.objects.create(registry=registry, name="app")


def an_image(repository: Repository, packages: Iterable[Placed], **report) -> Image:
    """An image whose last scan found these packages."""
    number = Image.objects.count()
    digest = f"sha256:{sha256(str(number).encode()).hexdigest()}"
    image = Image.objects.create(registry=repository.registry, digest=digest, kind="image")
    Placement.objects.create(repository=repository, image=image)
    layer, _ = Layer.objects.get_or_create(
        digest="sha256:" + "0" * 64,
        defaults={"catalogers_version": VERSION, "size": 1, "record": {}},
    )
    fields = {
        "result": "indexed",
        "catalogers_version": VERSION,
        "scanned_at": timezone.now(),
        "distro_name": "Debian GNU/Linux 12",
    }
    stored = Report.objects.create(image=image, **fields | report)
    stored.inventories.set(inventories.store(packages, [layer]))
    return image


def an_advisory(
    name: str, package: str, fixed: str = "", ecosystem: str = "Debian:12", **fields
) -> dict:
    """An OSV record: `package` is affected from the beginning to `fixed`, or without end."""
    events = [{"introduced": "0"}, *([{"fixed": fixed}] if fixed else [])]
    return {
        "id": name,
        "modified": "2026-01-01T00:00:00Z",
        "affected": [
            {
                "package": {"ecosystem": ecosystem, "name": package},
                "ranges": [{"type": "ECOSYSTEM", "events": events}],
            }
        ],
        **fields,
    }


def write_records(folder: Path, *records: dict) -> None:
    """Make these the records of the folder, and no others."""
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.json"):
        old.unlink()
    for record in records:
        (folder / f"{record['id']}.json").write_text(json.dumps(record))


def a_feed(folder: Path, *records: dict, name: str = "Debian") -> Feed:
    write_records(folder, *records)
    feed, _ = Feed.objects.get_or_create(name=name, defaults={"location": str(folder)})
    return feed
