"""Read an image of a folder in the OCI image layout, as the scanner does."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from scans.coalesce import Stack, stack
from scans.layers import LayerRecord, read_layer

_TAG = "org.opencontainers.image.ref.name"
_CHUNK = 1024 * 1024


@cache
def read_image(layout: Path, tag: str) -> Stack:
    """What stands in the image that bears the tag; of an index the first platform's."""
    document = json.loads((layout / "index.json").read_text())
    while "manifests" in document:
        entries = document["manifests"]
        tagged = [entry for entry in entries if entry.get("annotations", {}).get(_TAG) == tag]
        document = json.loads(_blob(layout, (tagged or entries)[0]["digest"]).read_bytes())
    return stack([_read(_blob(layout, layer["digest"])) for layer in document["layers"]])


def _read(blob: Path) -> LayerRecord:
    record = read_layer(_chunks(blob))
    return read_layer(_chunks(blob), also_read=set(record.unread)) if record.unread else record


def _blob(layout: Path, digest: str) -> Path:
    return layout / "blobs" / Path(*digest.split(":"))


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as blob:
        while chunk := blob.read(_CHUNK):
            yield chunk
