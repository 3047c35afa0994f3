"""Write OCI image layouts into a folder, which a registry of kind *layout* then serves."""

import hashlib
import json
from pathlib import Path

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


class Shelf:
    """One repository: `images` and `tags` are what its index.json is written from."""

    def __init__(self, root: Path, name: str) -> None:
        self.folder = root / name
        (self.folder / "blobs" / "sha256").mkdir(parents=True)
        (self.folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        self.entries: list[dict] = []
        self.write()

    def image(self, content: str, tag: str = "", architecture: str = "amd64") -> str:
        """An image whose only layer is this content; returns its digest."""
        digest = self.manifest(self._image_of(content, architecture))
        return self.entry(digest, MANIFEST, tag)

    def index(self, tag: str, *contents: str, attested: bool = False) -> tuple[str, list[str]]:
        """An index of one image for each content, each of an architecture of its own."""
        members, entries = [], []
        for number, content in enumerate(contents):
            architecture = f"arch{number}"
            digest = self.manifest(self._image_of(content, architecture))
            members.append(digest)
            platform = {"os": "linux", "architecture": architecture}
            entries.append(self.descriptor(digest, MANIFEST) | {"platform": platform})
        if attested:
            digest = self.manifest(self._image_of("attestation", "amd64"))
            platform = {"os": "unknown", "architecture": "unknown"}
            entries.append(self.descriptor(digest, MANIFEST) | {"platform": platform})
        digest = self.manifest({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})
        return self.entry(digest, INDEX, tag), members

    def artifact(self, tag: str) -> str:
        config = self.descriptor(self.blob(b"{}"), "application/vnd.oci.empty.v1+json")
        layers = [self.descriptor(self.blob(b"a chart"), "application/octet-stream")]
        document = self._document(config, layers) | {"artifactType": "application/vnd.chart"}
        return self.entry(self.manifest(document), MANIFEST, tag)

    def entry(self, digest: str, media_type: str, tag: str = "") -> str:
        """Let the layout list a digest, by a tag that then points nowhere else."""
        entry = self.descriptor(digest, media_type)
        if tag:
            self.untag(tag)
            entry["annotations"] = {"org.opencontainers.image.ref.name": tag}
        self.entries.append(entry)
        self.write()
        return digest

    def untag(self, tag: str) -> None:
        for entry in self.entries:
            if entry.get("annotations", {}).get("org.opencontainers.image.ref.name") == tag:
                del entry["annotations"]
        self.write()

    def delete(self, digest: str) -> None:
        """Delete a manifest, with every entry that names it."""
        self.entries = [entry for entry in self.entries if entry["digest"] != digest]
        self._path(digest).unlink()
        self.write()

    def manifest(self, document: dict) -> str:
        return self.blob(json.dumps(document).encode())

    def blob(self, content: bytes) -> str:
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        self._path(digest).write_bytes(content)
        return digest

    def spoil(self, digest: str) -> None:
        """Change a blob, so that it is no longer what its digest promises."""
        path = self._path(digest)
        path.write_bytes(b"~" * path.stat().st_size)

    def descriptor(self, digest: str, media_type: str) -> dict:
        size = self._path(digest).stat().st_size
        return {"mediaType": media_type, "digest": digest, "size": size}

    def write(self) -> None:
        document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": self.entries}
        (self.folder / "index.json").write_text(json.dumps(document))

    def _image_of(self, content: str, architecture: str) -> dict:
        config = {"architecture": architecture, "os": "linux", "rootfs": {"diff_ids": []}}
        return self._document(
            self.descriptor(self.blob(json.dumps(config).encode()), CONFIG),
            [self.descriptor(self.blob(content.encode()), LAYER)],
        )

    def _document(self, config: dict, layers: list[dict]) -> dict:
        return {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}

    def _path(self, digest: str) -> Path:
        return self.folder / "blobs" / "sha256" / digest.partition(":")[2]
