"""A generated estate of the size that hurts: package sets shared by thousands of images.

Everything is invented, seeded and made through the product's own tables; advisories go through the
real import and findings come from the real evaluation.
"""

import json
import random
import zipfile
from hashlib import sha256
from pathlib import Path

from django.utils import timezone

from registries.models import Image, Placement, Registry, Repository, Subscription, Tag
from scans.catalogers import VERSION
from scans.models import (
    Inventory,
    InventoryPackage,
    Layer,
    Package,
    Report,
    ReportInventory,
)

BASE_SETS, BASE_PACKAGES = 300, 100
APP_SETS, APP_PACKAGES = 4_000, 80
NAMES = 3_000
REPOSITORIES = 200
ECOSYSTEMS = {"deb": "Debian:12", "npm": "npm"}


def _hash(*parts: object) -> bytes:
    return sha256("\0".join(map(str, parts)).encode()).digest()


def digest(number: int) -> str:
    return f"sha256:{_hash('image', number).hex()}"


def build(images: int, subscriptions: int = 4, registries: int = 8) -> None:
    """Images over shared base and application sets, tagged, in many repositories."""
    chance = random.Random(20261123)
    layer = Layer.objects.create(
        digest="sha256:" + "0" * 64, catalogers_version=VERSION, size=1, record={}
    )
    packages = _packages(chance)
    bases = _sets(chance, layer, packages["deb"], "deb", BASE_SETS, BASE_PACKAGES)
    apps = _sets(chance, layer, packages["npm"], "npm", APP_SETS, APP_PACKAGES)
    _images(images, _repositories(subscriptions, registries), bases, apps)


def _packages(chance: random.Random) -> dict[str, list[Package]]:
    found: dict[str, list[Package]] = {}
    for type_, ecosystem in ECOSYSTEMS.items():
        found[type_] = Package.objects.bulk_create(
            (
                Package(
                    identity=_hash(type_, number, release)[:16],
                    type=type_,
                    ecosystem=ecosystem,
                    name=f"{type_}-package-{number}",
                    version=f"{release}.{chance.randrange(20)}.{chance.randrange(20)}",
                    purl=f"pkg:{type_}/{type_}-package-{number}@{release}",
                )
                for number in range(NAMES)
                for release in range(1, 5)
            ),
            batch_size=5000,
        )
    return found


def _sets(
    chance: random.Random,
    layer: Layer,
    packages: list[Package],
    type_: str,
    count: int,
    size: int,
) -> list[Inventory]:
    inventories = Inventory.objects.bulk_create(
        Inventory(
            identity=_hash("set", type_, number)[:16],
            ecosystem=ECOSYSTEMS[type_],
            package_count=size,
        )
        for number in range(count)
    )
    InventoryPackage.objects.bulk_create(
        (
            InventoryPackage(inventory=inventory, package=package, layer=layer, path="some/path")
            for inventory in inventories
            for package in chance.sample(packages, size)
        ),
        batch_size=5000,
    )
    return inventories


def _repositories(subscriptions: int, registries: int) -> list[Repository]:
    owners = [
        Subscription.objects.create(
            display_name=f"Subscription {n}", plan_enabled=True, plan_enabled_at=timezone.now()
        )
        for n in range(subscriptions)
    ]
    stores = [
        Registry.objects.create(
            subscription=owners[n % subscriptions],
            name=f"registry{n}",
            kind="distribution",
            location=f"https://registry{n}.example",
        )
        for n in range(registries)
    ]
    return Repository.objects.bulk_create(
        Repository(registry=stores[n % registries], name=f"team/{n}/application")
        for n in range(REPOSITORIES)
    )


def _images(
    count: int, repositories: list[Repository], bases: list[Inventory], apps: list[Inventory]
) -> None:
    now = timezone.now()
    homes = [repositories[n % len(repositories)] for n in range(count)]
    images = Image.objects.bulk_create(
        (
            Image(
                registry_id=home.registry_id,
                digest=digest(n),
                kind="image",
                media_type="application/vnd.oci.image.manifest.v1+json",
                os="linux",
                architecture="amd64",
                size=50_000_000,
            )
            for n, home in enumerate(homes)
        ),
        batch_size=5000,
    )
    pairs = list(zip(images, homes, strict=True))
    Placement.objects.bulk_create(
        (Placement(repository=home, image=image, pushed_at=now) for image, home in pairs),
        batch_size=5000,
    )
    Tag.objects.bulk_create(
        (Tag(repository=home, name=f"v{n}", image=image) for n, (image, home) in enumerate(pairs)),
        batch_size=5000,
    )
    Report.objects.bulk_create(
        (
            Report(
                image=image,
                result="indexed",
                distro_id="debian",
                distro_version="12",
                distro_name="Debian GNU/Linux 12 (bookworm)",
                package_count=BASE_PACKAGES + APP_PACKAGES,
                catalogers_version=VERSION,
                scanned_at=now,
            )
            for image in images
        ),
        batch_size=5000,
    )
    ReportInventory.objects.bulk_create(
        (
            ReportInventory(report_id=image.pk, inventory=inventory)
            for n, image in enumerate(images)
            for inventory in (bases[n % len(bases)], apps[n % len(apps)])
        ),
        batch_size=5000,
    )


def write_feed(folder: Path, records: int, revision: int = 1, changed: int = 0) -> Path:
    """A zip of OSV records; the first `changed` of them differ between revisions."""
    chance = random.Random(7)
    path = folder / "all.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(records):
            moved = revision if number < changed else 1
            archive.writestr(f"CVE-2026-{number}.json", json.dumps(_record(chance, number, moved)))
    return path


def _record(chance: random.Random, number: int, revision: int) -> dict:
    type_ = chance.choice(["deb", "npm"])
    fixed = f"{chance.randrange(1, 5)}.{chance.randrange(20)}.{revision}"
    impact = chance.choice(["C:H/I:H/A:H", "C:H/I:N/A:N", "C:L/I:N/A:N", "C:N/I:N/A:L"])
    return {
        "id": f"CVE-2026-{number}",
        "modified": f"2026-01-01T00:00:{revision:02}Z",
        "published": "2026-01-01T00:00:00Z",
        "summary": f"Invented vulnerability {number}",
        "details": "Invented for measuring. " * 20,
        "severity": [{"type": "CVSS_V3", "score": f"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/{impact}"}],
        "references": [{"type": "WEB", "url": f"https://advisories.example/{number}"}],
        "affected": [
            {
                "package": {
                    "ecosystem": ECOSYSTEMS[type_],
                    "name": f"{type_}-package-{chance.randrange(NAMES)}",
                },
                "ranges": [
                    {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}
                ],
            }
        ],
    }
