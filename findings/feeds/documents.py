"""Open a feed that is a document rather than records in a zip: JSON or CSV, plain or as gzip."""

import zlib
from collections.abc import Iterator
from typing import IO

from findings.feeds import NotAdvisories, TooLarge
from findings.feeds.sources import Limits, Source

# The largest of them, scores of 300,000 ids, has 10 MB.
LIMITS = Limits(download=32 * 2**20, seconds=300, record=32 * 2**20)
_GZIP = b"\x1f\x8b"
_GZIP_ONLY = 31  # of the ways in which zlib reads headers


class Document(Source):
    """An open document, or a folder of JSON documents. Iterate over it once, as over a Source."""

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        for name, raw in super().__iter__():
            yield name, _inflate(raw, name, self._limits.record) if raw[:2] == _GZIP else raw

    def _contents(self, file: IO[bytes]) -> Iterator[tuple[str, bytes]]:
        file.seek(0)
        yield self.location, file.read()


def open_document(location: str, etag: str = "", limits: Limits = LIMITS) -> Document:
    """As `sources.open_source`, for a document: what is fetched is one, whatever it is called."""
    return Document(location, etag, limits)


def _inflate(raw: bytes, name: str, limit: int) -> bytes:
    inflater = zlib.decompressobj(_GZIP_ONLY)
    try:
        body = inflater.decompress(raw, limit + 1)
    except zlib.error as error:
        raise NotAdvisories(f"{name} is not a gzip that can be read: {error}.") from error
    if len(body) > limit:
        raise TooLarge(f"{name} unpacks to more than {limit:,} bytes.")
    if not inflater.eof:
        raise NotAdvisories(f"{name} ends in the middle of its gzip.")
    return body
