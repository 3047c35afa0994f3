"""Tiny images made in memory, and two ways to get them into a registry.

made = image({"etc/os-release": "ID=debian\\n"})
push(server.url, "team/app", made, tag="1.0")
write_layout(folder, made, tag="1.0")
"""

import gzip
import hashlib
import io
import shutil
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import zstandard

from registries.oci.manifest import (
    DOCKER_CONFIG,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
)

SKOPEO = shutil.which("skopeo")
REF_NAME = "org.opencontainers.image.ref.name"
_OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
_DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"

Files = Mapping[str, str | bytes]


@dataclass(frozen=True)
class Built:
    """A manifest or an index, and everything it points to."""

    body: bytes
    media_type: str
    blobs: tuple[bytes, ...] = ()
    children: tuple["Built", ...] = ()
    platform: Mapping[str, str] | None = None
    annotations: Mapping[str, str] | None = None

    @property
    def digest(self) -> str:
        return digest_of(self.body)

    @property
    def descriptor(self) -> dict[str, Any]:
        """As an index lists it."""
        extras = {"platform": self.platform, "annotations": self.annotations}
        return _pointer(self.media_type, self.body) | {k: dict(v) for k, v in extras.items() if v}

    @property
    def everything(self) -> tuple[bytes, ...]:
        """All blobs and manifests below this one, and this one."""
        below = [blob for child in self.children for blob in child.everything]
        return (*self.blobs, *below, self.body)


def digest_of(body: bytes) -> str:
    return "sha256:" + hashlib.sha256(body).hexdigest()


def tar_of(files: Files) -> bytes:
    """A tar of regular files, the same bytes whenever it is made."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, content in files.items():
            body = content.encode() if isinstance(content, str) else content
            header = tarfile.TarInfo(name)
            header.size = len(body)
            tar.addfile(header, io.BytesIO(body))
    return made.getvalue()


def image(
    *layers: Files | bytes,
    os: str = "linux",
    architecture: str = "amd64",
    variant: str = "",
    history: Sequence[Mapping[str, Any]] | None = None,
    packing: str = "gzip",
    docker: bool = False,
    annotations: Mapping[str, str] | None = None,
) -> Built:
    """An image of one platform; a layer is files by path, or the bytes of a tar.

    `packing` is "gzip", "zstd" or ""; `docker` makes Docker's schema 2 instead of OCI's manifest.
    Without `history` each layer gets a line of its own.
    """
    tars = [layer if isinstance(layer, bytes) else tar_of(layer) for layer in layers]
    platform = {"os": os, "architecture": architecture} | ({"variant": variant} if variant else {})
    lines = history or [{"created_by": f"COPY layer {n} /"} for n, _ in enumerate(tars, 1)]
    config = orjson.dumps(
        {
            **platform,
            "created": "2026-01-02T03:04:05Z",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(tar) for tar in tars]},
            "history": [dict(line) for line in lines],
        }
    )
    packed = [_pack(tar, packing) for tar in tars]
    layer_type = _DOCKER_LAYER if docker else _OCI_LAYER + (f"+{packing}" if packing else "")
    config_type = DOCKER_CONFIG if docker else OCI_CONFIG
    built = manifest(
        config, config_type, [(layer_type, layer) for layer in packed], docker, annotations
    )
    return Built(built.body, built.media_type, built.blobs, platform=platform)


def manifest(
    config: bytes,
    config_type: str,
    layers: Sequence[tuple[str, bytes]],
    docker: bool = False,
    annotations: Mapping[str, str] | None = None,
    **extra: Any,
) -> Built:
    """Any manifest: of an artifact, an attestation, or an image put together by hand."""
    media_type = DOCKER_MANIFEST if docker else OCI_MANIFEST
    document = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": _pointer(config_type, config),
        "layers": [_pointer(layer_type, layer) for layer_type, layer in layers],
        **({"annotations": dict(annotations)} if annotations else {}),
        **extra,
    }
    return Built(orjson.dumps(document), media_type, (config, *(layer for _, layer in layers)))


def attestation(of: Built) -> Built:
    """What BuildKit puts beside an image in its index: provenance as an "unknown" platform."""
    statement = orjson.dumps({"_type": "https://in-toto.io/Statement/v0.1", "subject": of.digest})
    config = orjson.dumps(
        {
            "os": "unknown",
            "architecture": "unknown",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(statement)]},
        }
    )
    built = manifest(config, OCI_CONFIG, [("application/vnd.in-toto+json", statement)])
    return Built(
        built.body,
        built.media_type,
        built.blobs,
        platform={"os": "unknown", "architecture": "unknown"},
        annotations={
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": of.digest,
        },
    )


def index(*children: Built, docker: bool = False) -> Built:
    media_type = DOCKER_LIST if docker else OCI_INDEX
    document = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "manifests": [child.descriptor for child in children],
    }
    return Built(orjson.dumps(document), media_type, children=children)


def push(
    url: str,
    repository: str,
    built: Built,
    tag: str = "",
    login: tuple[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> str:
    """Push to a registry at `url`, children first, by digest alone without a tag; the digest."""
    with httpx.Client(base_url=url, auth=login, headers=dict(headers or {})) as client:
        _push(client, repository, built, tag)
    return built.digest


def write_layout(folder: Path, built: Built, tag: str = "") -> str:
    """Add to the OCI image layout in `folder`, made if missing; a tag moves. The digest."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    for body in built.everything:
        (blobs / digest_of(body).partition(":")[2]).write_bytes(body)
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    listing = folder / "index.json"
    entries = orjson.loads(listing.read_bytes())["manifests"] if listing.exists() else []
    for entry in entries:
        if tag and entry.get("annotations", {}).get(REF_NAME) == tag:
            del entry["annotations"][REF_NAME]
    entry = built.descriptor
    if tag:
        entry.setdefault("annotations", {})[REF_NAME] = tag
    document = {"schemaVersion": 2, "manifests": [*entries, entry]}
    listing.write_bytes(orjson.dumps(document))
    return built.digest


def _push(client: httpx.Client, repository: str, built: Built, tag: str) -> None:
    for child in built.children:
        _push(client, repository, child, "")
    for blob in dict.fromkeys(built.blobs):
        started = client.post(f"/v2/{repository}/blobs/uploads/").raise_for_status()
        place = httpx.URL(started.headers["location"]).copy_add_param("digest", digest_of(blob))
        client.put(place, content=blob).raise_for_status()
    client.put(
        f"/v2/{repository}/manifests/{tag or built.digest}",
        content=built.body,
        headers={"Content-Type": built.media_type},
    ).raise_for_status()


def _pointer(media_type: str, body: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(body), "size": len(body)}


def _pack(tar: bytes, packing: str) -> bytes:
    if packing == "gzip":
        return gzip.compress(tar, mtime=0)
    return zstandard.compress(tar) if packing == "zstd" else tar
