"""Repositories of a registry of kind *layout*, which lose things as well as gain them."""

from pathlib import Path

import orjson

from tests import pushing
from tests.pushing import REF_NAME, Built


class Shelf:
    """One repository below `root`. What it shelves is of few bytes, told apart by its content."""

    def __init__(self, root: Path, name: str) -> None:
        self.folder = root / name
        self.folder.mkdir(parents=True)
        self.entries = []

    @property
    def entries(self) -> list[dict]:
        return orjson.loads((self.folder / "index.json").read_bytes())["manifests"]

    @entries.setter
    def entries(self, entries: list[dict]) -> None:
        document = {"schemaVersion": 2, "manifests": entries}
        (self.folder / "index.json").write_bytes(orjson.dumps(document))

    def image(self, content: str, tag: str = "", architecture: str = "amd64") -> str:
        """An image of one layer; returns its digest."""
        return self.shelve(_image(content, architecture), tag)

    def index(self, tag: str, *contents: str, attested: bool = False) -> tuple[str, list[str]]:
        """An index of one image for each content, each of an architecture of its own; its digest
        and theirs."""
        images = [_image(content, f"arch{n}") for n, content in enumerate(contents)]
        others = [pushing.attestation(images[0])] if attested else []
        digest = self.shelve(pushing.index(*images, *others), tag)
        return digest, [image.digest for image in images]

    def artifact(self, tag: str) -> str:
        layers = [("application/octet-stream", b"a chart")]
        empty = "application/vnd.oci.empty.v1+json"
        return self.shelve(pushing.manifest(b"{}", empty, layers, artifactType="a/chart"), tag)

    def shelve(self, built: Built, tag: str = "") -> str:
        return pushing.write_layout(self.folder, built, tag)

    def tag(self, digest: str, *tags: str) -> None:
        """More names for what is shelved already."""
        entry = next(entry for entry in self.entries if entry["digest"] == digest)
        named = [entry | {"annotations": {REF_NAME: tag}} for tag in tags]
        self.entries = [*self.entries, *named]

    def untag(self, tag: str) -> None:
        entries = self.entries
        for entry in entries:
            if entry.get("annotations", {}).get(REF_NAME) == tag:
                del entry["annotations"]
        self.entries = entries

    def delete(self, digest: str) -> None:
        """Delete a manifest, with every entry that names it."""
        self.entries = [entry for entry in self.entries if entry["digest"] != digest]
        self._path(digest).unlink()

    def spoil(self, digest: str) -> None:
        """Change a blob, so that it is no longer what its digest promises."""
        path = self._path(digest)
        path.write_bytes(b"~" * path.stat().st_size)

    def _path(self, digest: str) -> Path:
        return self.folder / "blobs" / "sha256" / digest.partition(":")[2]


def _image(content: str, architecture: str) -> Built:
    return pushing.image({"content": content}, architecture=architecture)
