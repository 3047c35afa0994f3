"""Read images of a folder in the OCI image layout as the scanner does, without registry, sandbox or
database."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from scans import layers
from scans.coalesce import Stack, stack
from scans.layers import LayerRecord

_TAG = "org.opencontainers.image.ref.name"
_CHUNK = 64 * 1024


@cache
def read_image(layout: Path, tag: str) -> Stack:
    """What stands in the image that bears the tag."""
    return stack([read_whole(layout, layer) for layer in manifest(layout, tag)["layers"]])


def read_whole(layout: Path, layer: dict) -> LayerRecord:
    """With what hard links and journals lead to, which takes a second reading."""
    record = read_layer(layout, layer)
    unread = frozenset(record.unread)
    return read_layer(layout, layer, also_read=unread) if unread else record


def read_layer(layout: Path, layer: dict, **options) -> LayerRecord:
    chunks = _chunks(blob(layout, layer["digest"]))
    return layers.read_layer(chunks, layer["mediaType"], **options)


def manifest(layout: Path, tag: str) -> dict:
    """The manifest or index that bears the tag."""
    entries = json.loads((layout / "index.json").read_text())["manifests"]
    (entry,) = [each for each in entries if each["annotations"][_TAG] == tag]
    return json.loads(blob(layout, entry["digest"]).read_bytes())


def blob(layout: Path, digest: str) -> Path:
    return layout / "blobs" / Path(*digest.split(":"))


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as opened:
        while chunk := opened.read(_CHUNK):
            yield chunk
