"""One OCI image layout: an index.json beside blobs/, wherever the files lie.

Source: OCI image layout specification 1.1.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import BinaryIO

from registries.oci.bodies import CHUNK, check_digest, checked
from registries.oci.errors import BadContent, NotFound, Unreachable
from registries.oci.manifest import (
    MAX_BODY,
    Descriptor,
    parse_descriptor,
    parse_manifest,
    read_object,
)
from registries.oci.reference import is_digest, is_tag

MAX_INDEX = 64 * 1024 * 1024
REF_NAME = "org.opencontainers.image.ref.name"

# "index.json" or "blobs/sha256/…" → the file, open for reading; raises RegistryError
Opener = Callable[[str], BinaryIO]


class Layout:
    def __init__(self, open_file: Opener) -> None:
        self._open = open_file

    @cached_property
    def entries(self) -> tuple[Descriptor, ...]:
        """What index.json lists, in its order."""
        body = self._read("index.json", MAX_INDEX)
        values = read_object(body, "index.json", MAX_INDEX).get("manifests") or []
        if not isinstance(values, list):
            raise BadContent("index.json holds no list of manifests.")
        return tuple(parse_descriptor(value) for value in values)

    @cached_property
    def tagged(self) -> dict[str, Descriptor]:
        """Tag → manifest; where a tag stands twice, the first counts."""
        tagged: dict[str, Descriptor] = {}
        for entry in self.entries:
            if tag := _tag(entry):
                tagged.setdefault(tag, entry)
        return tagged

    def untagged(self) -> list[str]:
        tagged = {entry.digest for entry in self.tagged.values()}
        return list(dict.fromkeys(e.digest for e in self.entries if e.digest not in tagged))

    def resolve(self, reference: str) -> Descriptor:
        """A tag or digest; also the digest of a manifest that only an index of the layout lists."""
        if entry := self.tagged.get(reference):
            return entry
        if not is_digest(reference):
            raise NotFound(f"There is no tag {reference[:150]!r}.")
        listed = next((e for e in self.entries if e.digest == reference and e.media_type), None)
        if listed:
            return listed
        body = self._read(blob_path(reference), MAX_BODY)
        return Descriptor(parse_manifest(body).media_type, reference, len(body))

    def manifest(self, reference: str) -> tuple[bytes, str, str]:
        entry = self.resolve(reference)
        body = self._read(blob_path(entry.digest), MAX_BODY)
        check_digest(body, entry.digest)
        return body, entry.media_type, entry.digest

    @contextmanager
    def blob(self, descriptor: Descriptor) -> Iterator[Iterator[bytes]]:
        """As Client.blob: what the block leaves unread is read and checked on the way out."""
        with self._open(blob_path(descriptor.digest)) as file:
            content = checked(iter(lambda: _read(file, CHUNK), b""), descriptor)
            yield content
            for _ in content:
                pass

    def _read(self, path: str, limit: int) -> bytes:
        with self._open(path) as file:
            body = _read(file, limit + 1)
        if len(body) > limit:
            raise BadContent(f"{path} is larger than {limit:,} bytes.")
        return body


def _read(file: BinaryIO, size: int) -> bytes:
    try:
        return file.read(size)
    except OSError as error:
        raise Unreachable(f"A file of the layout cannot be read: {error.strerror}.") from error


def blob_path(digest: str) -> str:
    if not is_digest(digest):
        raise BadContent(f"{digest[:150]!r} is not a digest.")
    return "blobs/" + digest.replace(":", "/")


def _tag(entry: Descriptor) -> str:
    """The tag of an entry; some writers put the whole name before it."""
    name = entry.annotations.get(REF_NAME, "")
    tag = name.rpartition(":")[2] if "@" not in name else ""
    return tag if is_tag(tag) else ""
