"""Manifests, indexes and image configurations: bytes in, checked values out.

Sources: OCI image specification 1.1 (manifest.md, image-index.md, config.md, descriptor.md) and
Docker image manifest version 2, schema 2. Every function raises BadContent and nothing else.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import orjson

from registries.oci.errors import BadContent
from registries.oci.reference import is_digest

MAX_BODY = 4 * 1024 * 1024
MAX_ENTRIES = 1000  # layers of a manifest, or manifests of an index
MAX_HISTORY = 10_000
MAX_SIZE = 1 << 50  # a larger "size" is a lie; sums of MAX_ENTRIES of them still fit in 63 bits

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_ARTIFACT = "application/vnd.oci.artifact.manifest.v1+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"

INDEX_TYPES = frozenset({OCI_INDEX, DOCKER_LIST})
MANIFEST_TYPES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST, OCI_ARTIFACT, *INDEX_TYPES})
CONFIG_TYPES = frozenset({OCI_CONFIG, DOCKER_CONFIG})
SCHEMA1_TYPES = frozenset(
    {
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
    }
)
# Layers that hold files; an "image" of other layers only is an attestation or a signature.
_FILES = ("application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs.")
_ATTESTATION = "vnd.docker.reference.type"

Kind = Literal["image", "index", "artifact"]


@dataclass(frozen=True)
class Platform:
    os: str = ""
    architecture: str = ""
    variant: str = ""
    os_version: str = ""


@dataclass(frozen=True)
class Descriptor:
    """A pointer to content: what it is, its digest and its size in bytes."""

    media_type: str
    digest: str
    size: int
    platform: Platform | None = None
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    artifact_type: str = ""


@dataclass(frozen=True)
class Manifest:
    """One image of one platform, or an artifact. `size` is the sum of its layers in bytes."""

    digest: str
    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]
    artifact_type: str
    subject: Descriptor | None
    size: int


@dataclass(frozen=True)
class Index:
    """A list of manifests, usually one for each platform."""

    digest: str
    media_type: str
    manifests: tuple[Descriptor, ...]

    @property
    def images(self) -> tuple[Descriptor, ...]:
        """The entries that are images (or indexes of them), without attestations and artifacts."""
        return tuple(entry for entry in self.manifests if _may_be_image(entry))


@dataclass(frozen=True)
class History:
    """The instruction that made a layer, or (`empty_layer`) only changed the configuration."""

    created_by: str
    empty_layer: bool
    comment: str


@dataclass(frozen=True)
class ImageConfig:
    """What an image says of itself; `diff_ids` are the digests of its uncompressed layers."""

    platform: Platform
    created: str
    diff_ids: tuple[str, ...]
    history: tuple[History, ...]


def parse_manifest(body: bytes, media_type: str = "", digest: str = "") -> Manifest | Index:
    """Read a manifest or an index.

    The body decides what it is, since only the body is covered by the digest; `media_type` (the
    Content-Type) counts where the body is silent. `digest` is the one it was asked for by; without
    it, sha256.
    """
    document = read_object(body, "manifest")
    declared = _text(document, "mediaType", 255) or media_type.partition(";")[0].strip().lower()
    if document.get("schemaVersion") == 1 or declared in SCHEMA1_TYPES:
        raise BadContent(
            "The manifest is of Docker schema 1, a format withdrawn from use; "
            "push the image again with a current client."
        )
    digest = digest or "sha256:" + hashlib.sha256(body).hexdigest()
    if _is_index(document, declared):
        return Index(digest, declared or OCI_INDEX, _descriptors(document, "manifests"))
    return _manifest(document, declared, digest)


def parse_config(body: bytes) -> ImageConfig:
    """Read an image configuration (config.md; Docker's is the same where it matters)."""
    document = read_object(body, "image configuration")
    rootfs = _object(document, "rootfs")
    diff_ids = tuple(_digest(value) for value in _list(rootfs, "diff_ids"))
    history = tuple(_history(as_object(value)) for value in _list(document, "history", MAX_HISTORY))
    return ImageConfig(_platform(document), _text(document, "created", 100), diff_ids, history)


def kind_of(manifest: Manifest | Index) -> Kind:
    """Attestations, signatures, charts and other artifacts are told from images.

    BuildKit's attestations and cosign's signatures carry an image's configuration type, so the
    layers have a say too. No layers at all is an image, an empty one.
    """
    if isinstance(manifest, Index):
        return "index"
    if manifest.config.media_type not in CONFIG_TYPES or manifest.artifact_type:
        return "artifact"
    layers = manifest.layers
    holds_files = any(layer.media_type.startswith(_FILES) for layer in layers)
    return "image" if holds_files or not layers else "artifact"


def parse_descriptor(value: object) -> Descriptor:
    """Read one descriptor of a decoded document (descriptor.md)."""
    document = as_object(value)
    size = document.get("size")
    if type(size) is not int or not 0 <= size <= MAX_SIZE:
        raise BadContent("A descriptor has no size, or an impossible one.")
    return Descriptor(
        media_type=_text(document, "mediaType", 255),
        digest=_digest(document.get("digest")),
        size=size,
        platform=_platform(_object(document, "platform")) if document.get("platform") else None,
        annotations=_annotations(document),
        artifact_type=_text(document, "artifactType", 255),
    )


def read_object(body: bytes, what: str, limit: int = MAX_BODY) -> dict[str, object]:
    """Decode a JSON object of bounded size; `what` names it in the sentence of the error."""
    if len(body) > limit:
        raise BadContent(f"The {what} is larger than {limit:,} bytes.")
    try:
        return as_object(orjson.loads(body))
    except (orjson.JSONDecodeError, RecursionError):
        raise BadContent(f"The {what} is not JSON.") from None


def as_object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise BadContent("A JSON object was expected, something else was found.")
    return value


def _manifest(document: dict[str, object], declared: str, digest: str) -> Manifest:
    layers = _descriptors(document, "layers") or _descriptors(document, "blobs")
    subject = document.get("subject")
    return Manifest(
        digest=digest,
        media_type=declared or OCI_MANIFEST,
        config=_config(document, declared),
        layers=layers,
        artifact_type=_text(document, "artifactType", 255),
        subject=parse_descriptor(subject) if subject is not None else None,
        size=sum(layer.size for layer in layers),
    )


def _config(document: dict[str, object], declared: str) -> Descriptor:
    if declared == OCI_ARTIFACT:  # of OCI 1.1's release candidates: it had no configuration
        return Descriptor(OCI_EMPTY, "sha256:" + hashlib.sha256(b"{}").hexdigest(), 2)
    return parse_descriptor(document.get("config"))


def _is_index(document: dict[str, object], declared: str) -> bool:
    """A body that could be read as either is refused (CVE-2021-41190)."""
    looks_index = "manifests" in document
    looks_manifest = not document.keys().isdisjoint({"config", "layers", "fsLayers", "blobs"})
    if looks_index and looks_manifest:
        raise BadContent("The manifest claims to be an image and an index at once.")
    if not looks_index and not looks_manifest:
        raise BadContent("The document is neither a manifest nor an index.")
    if declared in MANIFEST_TYPES and (declared in INDEX_TYPES) != looks_index:
        raise BadContent("The manifest is not what its media type says.")
    return looks_index


def _may_be_image(entry: Descriptor) -> bool:
    platform = entry.platform
    if platform and platform.os == platform.architecture == "unknown":
        return False
    if _ATTESTATION in entry.annotations or entry.media_type == OCI_ARTIFACT:
        return False
    return entry.media_type in MANIFEST_TYPES and entry.artifact_type in ("", *CONFIG_TYPES)


def _descriptors(document: dict[str, object], key: str) -> tuple[Descriptor, ...]:
    return tuple(parse_descriptor(value) for value in _list(document, key))


def _platform(document: dict[str, object]) -> Platform:
    return Platform(
        os=_text(document, "os", 50),
        architecture=_text(document, "architecture", 50),
        variant=_text(document, "variant", 50),
        os_version=_text(document, "os.version", 100),
    )


def _history(document: dict[str, object]) -> History:
    return History(
        created_by=_text(document, "created_by", MAX_BODY),
        empty_layer=document.get("empty_layer") is True,
        comment=_text(document, "comment", MAX_BODY),
    )


def _annotations(document: dict[str, object]) -> dict[str, str]:
    annotations = _object(document, "annotations")
    return {key: _text(annotations, key, MAX_BODY) for key in annotations}


def _digest(value: object) -> str:
    if not isinstance(value, str) or not is_digest(value):
        raise BadContent("A digest is missing, malformed or neither sha256 nor sha512.")
    return value


def _object(document: dict[str, object], key: str) -> dict[str, object]:
    return as_object(document.get(key) or {})


def _list(document: dict[str, object], key: str, limit: int = MAX_ENTRIES) -> list[object]:
    value = document.get(key) or []
    if not isinstance(value, list):
        raise BadContent(f"“{key}” should be a list.")
    if len(value) > limit:
        raise BadContent(f"“{key}” has more than {limit:,} entries.")
    return value


def _text(document: dict[str, object], key: str, limit: int) -> str:
    """A string without NUL, which PostgreSQL cannot keep; null and absent are ""."""
    value = document.get(key)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > limit:
        raise BadContent(f"“{key[:50]}” should be a text of at most {limit:,} characters.")
    return value.replace("\0", "")
