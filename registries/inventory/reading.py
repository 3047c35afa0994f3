"""What a digest is, as the registry tells it: no database here."""

from collections.abc import Container
from dataclasses import dataclass

from registries.models import DIGEST_LENGTH
from registries.oci.errors import BadContent, DigestMismatch, NotFound
from registries.oci.manifest import (
    MAX_ENTRIES,
    Index,
    Manifest,
    Platform,
    kind_of,
    parse_manifest,
)
from registries.providers import Source, read_config

MAX_DEPTH = 2  # an index of indexes is rare, and deeper ones are nobody's
UNKNOWN = Platform()


@dataclass(frozen=True)
class Found:
    """A manifest that stands in a repository; `members` are digests that an index lists."""

    digest: str
    kind: str
    media_type: str = ""
    platform: Platform = UNKNOWN
    size: int = 0
    members: tuple[str, ...] = ()


def read(source: Source, repository: str, digest: str, known: Container[str] = ()) -> list[Found]:
    """The manifest of this digest and what it lists, except for `known` digests.

    A manifest that cannot be understood is an image all the same: its scan says what is wrong.
    Raises NotFound where the digest itself is not there, and what is worth a retry.
    """
    reader = _Reader(source, repository, known)
    reader.read(digest, None, 0)
    return list(reader.found.values())


class _Reader:
    def __init__(self, source: Source, repository: str, known: Container[str]) -> None:
        self.source = source
        self.repository = repository
        self.known = known
        self.found: dict[str, Found] = {}

    def read(self, digest: str, platform: Platform | None, depth: int) -> None:
        manifest = self._manifest(digest)
        if manifest is None:
            self.found[digest] = Found(digest, "image")
        elif isinstance(manifest, Index):
            self._take_index(digest, manifest, depth)
        else:
            self._take_manifest(digest, manifest, platform)

    def _manifest(self, digest: str) -> Manifest | Index | None:
        try:
            body, media_type, _ = self.source.manifest(self.repository, digest)
            return parse_manifest(body, media_type, digest)
        except BadContent:
            return None

    def _take_manifest(self, digest: str, manifest: Manifest, platform: Platform | None) -> None:
        kind = kind_of(manifest)
        if kind == "image" and platform is None:
            platform = self._platform(manifest)
        self.found[digest] = Found(
            digest, kind, manifest.media_type, platform or UNKNOWN, manifest.size
        )

    def _take_index(self, digest: str, index: Index, depth: int) -> None:
        self.found[digest] = Found(digest, "index", index.media_type)  # ends a ring of indexes
        members = [
            entry.digest
            for entry in index.images
            if depth < MAX_DEPTH and self._stands(entry.digest, entry.platform, depth + 1)
        ]
        self.found[digest] = Found(
            digest, "index", index.media_type, members=tuple(dict.fromkeys(members))
        )

    def _stands(self, digest: str, platform: Platform | None, depth: int) -> bool:
        """Read a member; a sparse index lists some that are not there."""
        if digest in self.known or digest in self.found:
            return True
        if len(self.found) >= MAX_ENTRIES or len(digest) > DIGEST_LENGTH:
            return False
        try:
            self.read(digest, platform, depth)
        except NotFound:
            return False
        return True

    def _platform(self, manifest: Manifest) -> Platform:
        """From the configuration, since a single manifest does not say it; empty is unknown."""
        try:
            return read_config(self.source, self.repository, manifest).platform
        except (BadContent, DigestMismatch, NotFound):
            return UNKNOWN
