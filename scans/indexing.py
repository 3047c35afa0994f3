"""One scan: read an image's layers, each once for all images, and store what stands in it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from time import monotonic

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from registries.connection import connect
from registries.models import Image
from registries.oci.errors import BadContent, DigestMismatch, RegistryError
from registries.oci.manifest import Descriptor, ImageConfig, Manifest, parse_manifest
from registries.providers import Source, read_config
from scans import inventories, queue, support
from scans.catalogers import VERSION
from scans.coalesce import Stack, stack
from scans.layers import LayerError, LayerRecord, read_layer
from scans.models import ImageLayer, Layer, Report, Scan
from scans.support import Reason, Unsupported


def index(scan: Scan) -> None:
    """Scan one image to its end: a report of what stands in it, or why that cannot be said.

    Failures that may pass put the scan back; a lost lease leaves everything to the next worker.
    """
    try:
        manifest, config, layers = _read(scan)
        stacked = stack([LayerRecord.from_json(layer.record) for layer in layers])
        support.after_stacking(stacked)
        _store(scan, manifest, config, layers, stacked)
    except (Unsupported, LayerError) as error:
        _give_verdict(scan, error.reason, str(error))
    except RegistryError as error:
        _retry_or_give_up(scan, error)
    except queue.LeaseLost:
        return


def give_up(scan: Scan) -> None:
    """Close a scan whose worker died at every attempt."""
    sentence = (
        f"The worker that read this image died {scan.attempts - 1} times. "
        "Look at the worker's log, then scan it again on demand."
    )
    _give_verdict(scan, Reason.FAILED, sentence)


def _read(scan: Scan) -> tuple[Manifest, ImageConfig, list[Layer]]:
    with connect(scan.image.registry) as source:
        body, media_type, _ = source.manifest(scan.repository, scan.digest)
        manifest = parse_manifest(body, media_type)
        config = read_config(source, scan.repository, manifest)
        support.before_reading(manifest, config)
        layers = [_layer(source, scan, descriptor) for descriptor in manifest.layers]
    return manifest, config, layers


def _layer(source: Source, scan: Scan, descriptor: Descriptor) -> Layer:
    """The stored layer, read now if no image has brought it yet. Whoever else needs it at the
    same moment waits for this one reading."""
    if known := _known_layer(descriptor.digest):
        scan.layers_reused += 1
        return known
    with _alone_with(descriptor.digest):
        if known := _known_layer(descriptor.digest):
            scan.layers_reused += 1
            return known
        with source.blob(scan.repository, descriptor) as chunks:
            record = read_layer(_counted(chunks, scan), descriptor.media_type)
        if record.unread:  # what hard links lead to was passed by before it was known
            also_read = frozenset(record.unread)
            with source.blob(scan.repository, descriptor) as chunks:
                record = read_layer(_counted(chunks, scan), also_read=also_read)
        scan.layers_fetched += 1
        return _keep(descriptor, record)


def _known_layer(digest: str) -> Layer | None:
    return Layer.objects.filter(digest=digest, catalogers_version=VERSION).first()


def _keep(descriptor: Descriptor, record: LayerRecord) -> Layer:
    layer, _ = Layer.objects.update_or_create(
        digest=descriptor.digest,
        defaults={
            "diff_id": record.diff_id,
            "catalogers_version": VERSION,
            "size": descriptor.size,
            "record": record.to_json(),
            "read_at": timezone.now(),
        },
    )
    return layer


@contextmanager
def _alone_with(digest: str) -> Iterator[None]:
    """Hold a lock of the session's, which the database lets go when a worker dies."""
    key = int.from_bytes(blake2b(digest.encode(), digest_size=8).digest(), signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [key])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [key])


def _counted(chunks: Iterator[bytes], scan: Scan) -> Iterator[bytes]:
    """Pass the chunks on, count them, and say from time to time that this worker lives."""
    interval = settings.SCAN_LEASE_SECONDS / 4
    due = monotonic() + interval
    for chunk in chunks:
        scan.bytes_fetched += len(chunk)
        if monotonic() > due:
            queue.extend(scan)
            due = monotonic() + interval
        yield chunk


def _retry_or_give_up(scan: Scan, error: RegistryError) -> None:
    if not error.permanent and not queue.is_last_attempt(scan):
        queue.put_back(scan, str(error))
        return
    damaged = isinstance(error, BadContent | DigestMismatch)
    tries = "" if error.permanent else f" Tried {scan.attempts} times."
    _give_verdict(scan, Reason.DAMAGED if damaged else Reason.NO_ACCESS, f"{error}{tries}")


def _give_verdict(scan: Scan, reason: Reason, sentence: str) -> None:
    try:
        with transaction.atomic():
            _replace_report(scan, result=Scan.Result.UNVERIFIED, reason=reason, detail=sentence)
    except queue.LeaseLost:
        return


@transaction.atomic
def _store(
    scan: Scan,
    manifest: Manifest,
    config: ImageConfig,
    layers: Sequence[Layer],
    stacked: Stack,
) -> None:
    sets = inventories.store(stacked.packages, layers)
    distro = stacked.distro
    report = _replace_report(
        scan,
        result=Scan.Result.INDEXED,
        distro_id=distro.id if distro else "",
        distro_version=distro.version_id if distro else "",
        distro_name=distro.name if distro else "",
        package_count=len(stacked.packages),
    )
    report.inventories.set(sets)
    ImageLayer.objects.bulk_create(_history(report, manifest, config))


def _replace_report(scan: Scan, **found) -> Report:
    """Put a new report in the old one's place, and close the scan with it."""
    if not Image.objects.select_for_update().filter(pk=scan.image_id):
        raise queue.LeaseLost  # deleted meanwhile
    Report.objects.filter(pk=scan.image_id).delete()
    report = Report.objects.create(
        image_id=scan.image_id,
        catalogers_version=VERSION,
        scanned_at=timezone.now(),
        **found,
    )
    queue.finish(scan, report)
    return report


def _history(report: Report, manifest: Manifest, config: ImageConfig) -> list[ImageLayer]:
    """The image's steps, oldest first. A history that does not fit the layers tells nothing of
    which step made which, and is left out."""
    layers = list(manifest.layers)
    steps = [(step.created_by or step.comment, step.empty_layer) for step in config.history]
    if sum(not empty for _, empty in steps) != len(layers):
        steps = [("", False)] * len(layers)
    remaining = iter(layers)
    return [
        _step(report, position, None if empty else next(remaining), created_by)
        for position, (created_by, empty) in enumerate(steps)
    ]


def _step(report: Report, position: int, layer: Descriptor | None, created_by: str) -> ImageLayer:
    return ImageLayer(
        report=report,
        position=position,
        digest=layer.digest if layer else "",
        size=layer.size if layer else 0,
        created_by=created_by.replace("\0", "")[:10_000],
    )
