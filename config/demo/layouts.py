"""Write images as OCI image layouts, the same bytes for the same content each time.

Source: the OCI image specification (image-layout, manifest, config).
"""

import gzip
import io
import json
import tarfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
REF_NAME = "org.opencontainers.image.ref.name"


@dataclass(frozen=True)
class Layer:
    """What one build step brought: path → content, and the line of the history that says so."""

    files: dict[str, bytes]
    created_by: str

    def tar(self) -> bytes:
        body = io.BytesIO()
        with tarfile.open(fileobj=body, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for path, content in sorted(self.files.items()):
                member = tarfile.TarInfo(path)
                member.size = len(content)
                member.mode = 0o644
                archive.addfile(member, io.BytesIO(content))
        return body.getvalue()


@dataclass(frozen=True)
class Image:
    layers: tuple[Layer, ...]
    os: str = "linux"
    os_version: str = ""
    architecture: str = "amd64"
    created: str = "2026-01-05T09:00:00Z"

    def write(self, layout: Path) -> dict[str, Any]:
        """Put the image's blobs into a layout; the descriptor of its manifest."""
        tars = [layer.tar() for layer in self.layers]
        config = self._platform() | {
            "created": self.created,
            "rootfs": {"type": "layers", "diff_ids": [_digest(tar) for tar in tars]},
            "history": [
                {"created": self.created, "created_by": layer.created_by} for layer in self.layers
            ],
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _put(layout, _json(config), CONFIG),
            "layers": [_put(layout, gzip.compress(tar, mtime=0), LAYER) for tar in tars],
        }
        return _put(layout, _json(manifest), MANIFEST) | {"platform": self._platform()}

    def _platform(self) -> dict[str, str]:
        platform = {"architecture": self.architecture, "os": self.os}
        return platform | ({"os.version": self.os_version} if self.os_version else {})


def write_layout(layout: Path, tagged: dict[str, Image], untagged: tuple[Image, ...] = ()) -> None:
    """Make the layout hold exactly these images: tag → image, and those that no tag points to."""
    layout.mkdir(parents=True, exist_ok=True)
    _replace(layout / "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
    manifests = [
        image.write(layout) | {"annotations": {REF_NAME: tag}} for tag, image in tagged.items()
    ]
    manifests += [image.write(layout) for image in untagged]
    _replace(layout / "index.json", _json({"schemaVersion": 2, "manifests": manifests}))


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _digest(body: bytes) -> str:
    return f"sha256:{sha256(body).hexdigest()}"


def _put(layout: Path, body: bytes, media_type: str) -> dict[str, Any]:
    digest = _digest(body)
    blob = layout / "blobs" / "sha256" / digest.partition(":")[2]
    if not blob.exists():
        blob.parent.mkdir(parents=True, exist_ok=True)
        _replace(blob, body)
    return {"mediaType": media_type, "digest": digest, "size": len(body)}


def _replace(path: Path, body: bytes) -> None:
    """Write a file whole: whoever reads it meanwhile sees the old one or the new one."""
    if path.exists() and path.read_bytes() == body:
        return
    draft = path.with_name(f".{path.name}.draft")
    draft.write_bytes(body)
    draft.replace(path)
