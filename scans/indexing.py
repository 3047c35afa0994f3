"""One scan: read an image's layers, each once for all images, and store what stands in it."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from hashlib import blake2b

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from registries.connection import connect
from registries.models import Image, Registry
from registries.oci.errors import BadContent, DigestMismatch, RegistryError
from registries.oci.manifest import Descriptor, ImageConfig, Manifest, parse_manifest
from registries.providers import Source, read_config
from scans import inventories, queue, support
from scans.catalogers import VERSION
from scans.coalesce import Stack, stack
from scans.layers import LayerRecord
from scans.lease import Lease, kept
from scans.models import ImageLayer, Layer, Report, ReportInventory, Scan
from scans.sandbox import SandboxUnavailable, read_layer
from scans.support import Reason, Unsupported

log = logging.getLogger(__name__)

_MOST_UNREAD = 100


def index(scan: Scan) -> None:
    """Scan one image to its end: a report of what stands in it, or why that cannot be said.

    Failures that may pass put the scan back; a lost lease leaves everything to the next worker.
    """
    try:
        with kept(scan) as lease:
            _index(scan, lease)
    except Unsupported as error:
        _give_verdict(scan, error.reason, str(error))
    except RegistryError as error:
        _retry_or_give_up(scan, error)
    except (queue.LeaseLost, Image.DoesNotExist, Registry.DoesNotExist):
        return
    except SandboxUnavailable as error:
        log.error("Scan %s of %s: %s", scan.pk, scan.digest, error)
        _retry_or_fail(scan, str(error))
    except Exception as error:  # a bug, or something no table can hold
        log.exception("Scan %s of %s failed", scan.pk, scan.digest)
        _retry_or_fail(scan, f"It ended in an error of Vigie's own ({type(error).__name__}).")


def give_up(scan: Scan) -> None:
    """Close a scan whose worker died at every attempt."""
    sentence = (
        f"The worker that read this image died {scan.attempts - 1} times. "
        "Look at the worker's log, then scan it again on demand."
    )
    _give_verdict(scan, Reason.FAILED, sentence)


def _index(scan: Scan, lease: Lease) -> None:
    manifest, config, layers = _read(scan, lease)
    stacked = stack(_records(layers, lease))
    support.after_stacking(stacked)
    store(scan, manifest, config, layers, stacked)


def _read(scan: Scan, lease: Lease) -> tuple[Manifest, ImageConfig, list[Layer]]:
    with connect(scan.image.registry) as source:
        body, media_type, _ = source.manifest(scan.repository, scan.digest)
        manifest = parse_manifest(body, media_type)
        config = read_config(source, scan.repository, manifest)
        support.before_reading(manifest, config)
        layers = _layers(source, scan, lease, manifest)
    return manifest, config, layers


def _layers(source: Source, scan: Scan, lease: Lease, manifest: Manifest) -> list[Layer]:
    """The stored layers, lowest first; those that no image has brought yet are read now."""
    known = _known_layers(layer.digest for layer in manifest.layers)
    for descriptor in manifest.layers:
        if descriptor.digest in known:
            scan.layers_reused += 1
        else:
            known[descriptor.digest] = _new_layer(source, scan, lease, descriptor)
    return [known[layer.digest] for layer in manifest.layers]


def _records(layers: Sequence[Layer], lease: Lease) -> Iterator[LayerRecord]:
    """One at a time: all at once they may be more than the memory holds."""
    for layer in layers:
        lease.check()
        stored = Layer.objects.values_list("record", flat=True)
        yield LayerRecord.from_json(stored.get(pk=layer.pk))


def _new_layer(source: Source, scan: Scan, lease: Lease, descriptor: Descriptor) -> Layer:
    """Whoever else needs the layer at the same moment waits for this one reading."""
    with _alone_with(descriptor.digest):
        if known := _known_layers([descriptor.digest]):
            scan.layers_reused += 1
            return known[descriptor.digest]
        blob = partial(_blob, source, scan, lease, descriptor)
        record = read_layer(blob, descriptor.media_type, strict=settings.SANDBOX_STRICT)
        scan.layers_fetched += 1
        return _keep(descriptor, record)


def _known_layers(digests: Iterable[str]) -> dict[str, Layer]:
    known = Layer.objects.filter(digest__in=list(digests), catalogers_version=VERSION)
    return {layer.digest: layer for layer in known.defer("record")}


def _keep(descriptor: Descriptor, record: LayerRecord) -> Layer:
    Layer.objects.update_or_create(
        digest=descriptor.digest,
        defaults={
            "diff_id": record.diff_id,
            "catalogers_version": VERSION,
            "size": descriptor.size,
            "record": record.to_json(),
            "read_at": timezone.now(),
        },
    )
    return Layer.objects.defer("record").get(digest=descriptor.digest)


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


@contextmanager
def _blob(
    source: Source, scan: Scan, lease: Lease, descriptor: Descriptor
) -> Iterator[Iterator[bytes]]:
    with source.blob(scan.repository, descriptor) as chunks:
        yield _counted(chunks, scan, lease)


def _counted(chunks: Iterator[bytes], scan: Scan, lease: Lease) -> Iterator[bytes]:
    """Pass the chunks on and count them, as long as the scan is this worker's."""
    for chunk in chunks:
        lease.check()
        scan.bytes_fetched += len(chunk)
        yield chunk


def _retry_or_give_up(scan: Scan, error: RegistryError) -> None:
    if not error.permanent and not queue.is_last_attempt(scan):
        queue.put_back(scan, str(error))
        return
    damaged = isinstance(error, BadContent | DigestMismatch)
    tries = "" if error.permanent else f" Tried {scan.attempts} times."
    _give_verdict(scan, Reason.DAMAGED if damaged else Reason.NO_ACCESS, f"{error}{tries}")


def _retry_or_fail(scan: Scan, sentence: str) -> None:
    if queue.is_last_attempt(scan):
        tries = f"Tried {scan.attempts} times; the worker's log tells more about scan {scan.pk}."
        _give_verdict(scan, Reason.FAILED, f"{sentence} {tries}")
    else:
        queue.put_back(scan, f"{sentence} It is tried again.")


def _give_verdict(scan: Scan, reason: Reason, sentence: str) -> None:
    try:
        with transaction.atomic():
            _replace_report(scan, result=Scan.Result.UNVERIFIED, reason=reason, detail=sentence)
    except queue.LeaseLost:
        return


@transaction.atomic
def store(
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
        owned_count=stacked.owned,
        unread_count=len(stacked.unread),
        unread_files=[
            {"path": file.path, "reason": file.reason, "sentence": file.sentence}
            for file in stacked.unread[:_MOST_UNREAD]
        ],
        chain=chain(layer.digest for layer in manifest.layers),
    )
    ReportInventory.objects.bulk_create(
        ReportInventory(report=report, inventory=inventory) for inventory in sets
    )
    ImageLayer.objects.bulk_create(_history(report, manifest, config))


def chain(digests: Iterable[str]) -> bytes:
    """What `Report.chain` holds, of these layers."""
    return blake2b("\n".join(digests).encode(), digest_size=16).digest()


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
