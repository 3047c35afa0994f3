"""An SBOM in place of an image: stored, judged and charged like one that was scanned."""

from hashlib import sha256

from django.db import transaction
from django.utils import timezone

from registries.inventory import record_import
from registries.inventory.reading import Found
from registries.models import Image, Registry
from registries.oci.manifest import Descriptor, History, ImageConfig, Manifest, Platform
from registries.oci.reference import is_repository, is_tag
from scans import support
from scans.coalesce import Stack, stack
from scans.indexing import store
from scans.models import Layer, Scan
from scans.sbom.reading import Imported, NotAnSbom, read
from scans.support import Unsupported


class Refused(Exception):
    """Nothing was imported; the message is a sentence that says why."""


def import_sbom(
    registry: Registry, repository: str, body: bytes, tag: str = "", actor: str = ""
) -> Image:
    """Store the document as an image whose digest is its own SHA-256. The same document again is
    the same image, read anew. Raises Refused."""
    _require(registry, repository, tag)
    try:
        imported = read(body)
        stacked = stack([imported.record])
        support.after_stacking(stacked)
    except (NotAnSbom, Unsupported) as error:
        raise Refused(str(error)) from None
    return _store(registry, repository, body, tag, actor, imported, stacked)


def _require(registry: Registry, repository: str, tag: str) -> None:
    if registry.kind != Registry.Kind.SBOM:
        raise Refused(
            f"{registry} is walked, and what is not found there is forgotten: import into a "
            "registry of the kind Imported SBOMs."
        )
    if not registry.subscription.plan_enabled:
        raise Refused(f"The container-registries plan of {registry.subscription} is off.")
    if not is_repository(repository):
        raise Refused(f"{repository[:100]!r} is not the name of a repository.")
    if tag and not is_tag(tag):
        raise Refused(f"{tag[:100]!r} is not a tag.")


@transaction.atomic
def _store(
    registry: Registry,
    repository: str,
    body: bytes,
    tag: str,
    actor: str,
    imported: Imported,
    stacked: Stack,
) -> Image:
    digest = f"sha256:{sha256(body).hexdigest()}"
    media_type = _MEDIA_TYPES[imported.format.partition(" ")[0]]
    found = Found(digest, Image.Kind.IMAGE, media_type, size=len(body))
    image = record_import(registry, repository, found, tag, timezone.now(), actor)
    # The document stands for the one layer of the image.
    document = Descriptor(media_type, digest, len(body))
    manifest = Manifest(digest, media_type, document, (document,), "", None, len(body))
    history = History(f"Imported {imported.format} {imported.name}".strip(), False, "")
    config = ImageConfig(Platform(), "", (), (history,))
    store(_scan(image, registry, repository), manifest, config, [_layer(document)], stacked)
    return image


_MEDIA_TYPES = {
    "CycloneDX": "application/vnd.cyclonedx+json",
    "SPDX": "application/spdx+json",
}


def _layer(document: Descriptor) -> Layer:
    """Without a record, and read by no cataloger: the document is not kept. An image may have the
    same bytes for a layer, whoever sent them, and that layer is not empty."""
    layer, _ = Layer.objects.get_or_create(
        digest=document.digest,
        defaults={"catalogers_version": 0, "size": document.size, "record": {}},
    )
    return layer


def _scan(image: Image, registry: Registry, repository: str) -> Scan:
    """One that is under way; storing the report closes it."""
    return Scan.objects.create(
        image=image,
        subscription=registry.subscription,
        digest=image.digest,
        registry=registry.name,
        repository=repository,
        trigger=Scan.Trigger.SBOM,
        state=Scan.State.RUNNING,
        attempts=1,
        announced=True,
        started_at=timezone.now(),
        bytes_fetched=image.size,
    )
