"""SBOMs of images, from what their last scan found."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from django.utils import timezone

from registries.models import Placement, Registry, Tag
from scans.models import InventoryPackage, Report, ReportInventory, Scan
from scans.sbom.contents import Contents, Item, Place, Subject

MOST_ENTRIES = 100_000
_PACKAGE = (
    "type", "ecosystem", "name", "version", "architecture", "source_name", "source_version", "purl",
    "module",
)  # fmt: skip


class NotKnown(Exception):
    """Of this image no SBOM can be made; the message is a sentence that says why."""


@dataclass(frozen=True)
class Format:
    media_type: str
    extension: str
    write: Callable[[Contents, datetime], bytes]


# The libraries of the formats take a fifth of a second to load: only who writes one waits for it.


def _cyclonedx(contents: Contents, at: datetime) -> bytes:
    from scans.sbom import cyclonedx

    return cyclonedx.write(contents, at)


def _spdx(contents: Contents, at: datetime) -> bytes:
    from scans.sbom import spdx

    return spdx.write(contents, at)


FORMATS = {
    "cyclonedx": Format("application/vnd.cyclonedx+json; version=1.6", "cdx.json", _cyclonedx),
    "spdx": Format("application/spdx+json", "spdx.json", _spdx),
}


def export(placement: Placement, format: str) -> bytes:
    """`format` is a key of FORMATS. Raises NotKnown."""
    return FORMATS[format].write(contents_of(placement), timezone.now())


def contents_of(placement: Placement) -> Contents:
    """A fixed number of queries. Raises NotKnown where it was not read, or has too many."""
    report = Report.objects.filter(pk=placement.image_id).first()
    if report is None:
        raise NotKnown("The image has not been scanned yet, so what is inside is not known.")
    if report.result != Scan.Result.INDEXED:
        raise NotKnown(f"The image could not be read, so it has no SBOM. {report.detail}")
    return Contents(_subject(placement, report), _items(report), report.unread_count)


def name_of(placement: Placement) -> str:
    """Registry and repository as in a reference; a folder of layouts goes by its name."""
    registry = placement.repository.registry
    host = urlsplit(registry.location).netloc.rpartition("@")[2]
    if registry.kind != Registry.Kind.DISTRIBUTION or not host:
        host = registry.name
    return f"{host}/{placement.repository.name}"


def _subject(placement: Placement, report: Report) -> Subject:
    image = placement.image
    targets = [image.pk, *image.indexes.values_list("pk", flat=True)]
    tags = Tag.objects.filter(repository=placement.repository_id, image__in=targets)
    return Subject(
        digest=image.digest,
        name=name_of(placement),
        tags=tuple(tags.order_by("name").values_list("name", flat=True).distinct()),
        architecture=image.architecture,
        distro_id=report.distro_id,
        distro_version=report.distro_version,
        distro_name=report.distro_name,
    )


def _items(report: Report) -> tuple[Item, ...]:
    """In an order of their own, whatever order the rows are in."""
    inventories = ReportInventory.objects.filter(report=report).values("inventory")
    entries = InventoryPackage.objects.filter(inventory__in=inventories)
    rows = entries.values_list(
        *(f"package__{field}" for field in _PACKAGE), "path", "layer__digest"
    )
    places: dict[tuple[str, ...], set[Place]] = defaultdict(set)
    for number, (*package, path, layer) in enumerate(rows.iterator()):
        if number == MOST_ENTRIES:
            raise NotKnown(f"The image has more than {MOST_ENTRIES:,} packages, too many for one.")
        places[tuple(package)].add(Place(path, layer))
    return tuple(
        Item(*package, tuple(sorted(at, key=lambda place: (place.path, place.layer))))
        for package, at in sorted(places.items())
    )
