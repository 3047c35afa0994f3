"""Read forward in the uncompressed bytes, holding one piece at a time."""

from collections.abc import Iterable
from typing import BinaryIO

from scans.layers.budget import damaged

BLOCK = 512


class Stream:
    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._piece = b""
        self._at = 0

    def block(self) -> bytes:
        """The next 512 bytes, or b"" where the stream ends exactly here."""
        at = self._at
        block = self._piece[at : at + BLOCK]
        if len(block) == BLOCK:
            self._at = at + BLOCK
            return block
        parts = self._take(BLOCK)
        if parts and len(parts) < BLOCK:
            raise damaged("it ends in the middle of a header.")
        return parts

    def read(self, size: int) -> bytes:
        body = self._take(size)
        if len(body) < size:
            raise damaged("it ends in the middle of a file.")
        return body

    def peek(self, size: int) -> bytes:
        """What `read` would give next, as far as the stream goes."""
        if self._at + size > len(self._piece):
            self._piece, self._at = self._take(size) + self._piece[self._at :], 0
        return self._piece[self._at : self._at + size]

    def copy(self, size: int, file: BinaryIO) -> None:
        while size:
            part = self._piece[self._at : self._at + size]
            self._at += len(part)
            size -= len(part)
            file.write(part)
            if size and not self._advance():
                raise damaged("it ends in the middle of a file.")

    def skip(self, size: int) -> None:
        at = self._at + size
        while at > len(self._piece):
            at -= len(self._piece)
            if not self._advance():
                raise damaged("it ends in the middle of a file.")
        self._at = at

    def drain(self) -> None:
        """Read to the very end, so that whoever sends the bytes can check them all."""
        while self._advance():
            pass

    def _take(self, size: int) -> bytes:
        parts = []
        while size > 0:
            part = self._piece[self._at : self._at + size]
            self._at += len(part)
            size -= len(part)
            parts.append(part)
            if size and not self._advance():
                break
        return b"".join(parts)

    def _advance(self) -> bool:
        piece = next(self._pieces, None)
        self._piece, self._at = piece or b"", 0
        return piece is not None
