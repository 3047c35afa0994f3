"""Read-only questions about what was done with an image: who moved it, and when it was scanned."""

from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils import timezone

from registries.events import KEPT_FOR
from registries.models import Placement, RegistryEvent
from scans.models import Scan

MOST_SCANS = 20


def events_of(placement: Placement) -> QuerySet[RegistryEvent]:
    """Pushes, pulls, mounts and deletes of the digest in this repository that are still kept."""
    repository = placement.repository
    return RegistryEvent.objects.filter(
        registry=repository.registry_id,
        repository=repository.name,
        digest=placement.image.digest,
        occurred_at__gte=timezone.now() - KEPT_FOR,
    )


@dataclass(frozen=True)
class Scanned:
    """A scan, and how many seconds its last attempt took if it has ended."""

    scan: Scan
    seconds: float | None


def scans_of(placement: Placement) -> list[Scanned]:
    """The last scans of the image, wherever it was read from, the newest first."""
    scans = Scan.objects.filter(image=placement.image_id).order_by("-pk")[:MOST_SCANS]
    return [Scanned(scan, _seconds(scan)) for scan in scans]


def _seconds(scan: Scan) -> float | None:
    if not (scan.started_at and scan.finished_at):
        return None
    return (scan.finished_at - scan.started_at).total_seconds()
