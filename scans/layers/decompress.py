"""From a blob's chunks to the bytes of its tar: gzip, zstd or plain, told by the first bytes.

The media type is often wrong and never asked. Every step's output is bounded, whatever the input
unpacks to. Sources: RFC 1952 (members follow one another), RFC 8878 (frames do too).
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import IO, cast

import zstandard
from isal import igzip_lib

from scans.layers.budget import damaged

_PIECE = 256 * 1024  # bytes of output at a time; about the size of the second-level cache
_SLICE = 64 * 1024  # bytes of input at a time: a finished gzip member copies what follows it
_WINDOW = 128 * 1024 * 1024  # of zstd: its own default limit, needed for --ultra

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_SKIPPABLE = b"\x2a\x4d\x18"  # after one byte from 50 to 5f: a zstd frame that holds no content
_IsalError = cast("type[Exception]", igzip_lib.IsalError)  # its stub says: an instance
_REFUSED = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"PK\x03\x04": "zip"}


def decompress(chunks: Iterable[bytes]) -> tuple[str, Iterator[bytes]]:
    """Which compression it is ("gzip", "zstd" or "") and the uncompressed bytes in pieces.

    Raises LayerError, and what `chunks` raises.
    """
    head, chunks = _peek(iter(chunks), 6)
    if head.startswith(_GZIP):
        return "gzip", _gunzip(chunks)
    if head.startswith(_ZSTD) or (head[1:4] == _SKIPPABLE and head[0] >> 4 == 5):
        return "zstd", _unzstd(chunks)
    for magic, name in _REFUSED.items():
        if head.startswith(magic):
            raise damaged(f"it is compressed with {name}, where gzip, zstd or nothing is allowed.")
    return "", chunks


def _peek(chunks: Iterator[bytes], size: int) -> tuple[bytes, Iterator[bytes]]:
    head = b""
    while len(head) < size and (chunk := next(chunks, None)) is not None:
        head += chunk
    return head, chain([head], chunks)


def _gunzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    member = None
    for data in _sliced(chunks):
        while data:
            if member is None:
                data = data.lstrip(b"\0")  # padding between and after members
                if not data:
                    break
                member = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
            yield from _inflate(member, data)
            data = member.unused_data
            member = None if member.eof else member
    if member is not None:
        raise damaged("its gzip data ends too early.")


def _inflate(member: igzip_lib.IgzipDecompressor, data: bytes) -> Iterator[bytes]:
    """Everything that one slice of input holds of one member, never more than a piece at a time."""
    while True:
        try:
            piece = member.decompress(data, _PIECE)
        except _IsalError as error:
            raise damaged(f"its gzip data cannot be unpacked ({error}).") from None
        if piece:
            yield piece
        if member.eof or member.needs_input:
            return
        data = b""  # the rest of the input is kept inside


def _sliced(chunks: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        for start in range(0, len(chunk), _SLICE):
            yield chunk[start : start + _SLICE]


class _Source:
    """A file to read from, as zstandard wants one: only so is its output bounded."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = (chunk for chunk in chunks if chunk)

    def read(self, size: int = -1) -> bytes:
        return next(self._chunks, b"")


def _unzstd(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Unlike gzip's, a frame that ends too early is not told: the walk looks for the tar's end."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
    reader = decompressor.stream_reader(cast("IO[bytes]", _Source(chunks)), read_across_frames=True)
    while piece := _read_piece(reader):
        yield piece


def _read_piece(reader: zstandard.ZstdDecompressionReader) -> bytes:
    try:
        return reader.read(_PIECE)
    except zstandard.ZstdError as error:
        raise damaged(f"its zstd data cannot be unpacked ({error}).") from None
