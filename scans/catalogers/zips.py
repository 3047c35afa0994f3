"""Zip archives as hostile files: read in place, a directory entry at a time, within an allowance.

Source: APPNOTE.TXT of PKWARE, 4.3 and 4.5, and java.util.zip.ZipFile where archives break it. The
standard zipfile keeps half a kilobyte for each of millions of entries, and believes their sizes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from struct import Struct
from typing import BinaryIO, Protocol, cast

from isal import isal_zlib

from scans.catalogers.component import Unreadable

_IsalError = cast("type[Exception]", isal_zlib.error)  # its stub says: an instance
_END = Struct("<4s4H2LH")
_END_SIGNATURE = b"PK\5\6"
_END64 = Struct("<4sQ2H2L4Q")
_LOCATOR = 20  # bytes of the zip64 locator, between the two ends
_DIRECTORY = Struct("<4s6H3L5H2L")
_DIRECTORY_SIGNATURE = b"PK\1\2"
_LENGTHS = Struct("<3H")  # of name, extra and comment, at byte 28 of a directory entry
_LOCAL = Struct("<4s5H3L2H")
_LONGEST_COMMENT = 65_535
_LONGEST_ENTRY = _DIRECTORY.size + 3 * 65_535
_MOST_EXTRAS = 16  # fields of one entry
_MOST_ENDS = 8  # that an archive may seem to have
_IN_EXTRA = 0xFFFFFFFF  # a field whose value stands elsewhere
_CHUNK = 1024 * 1024
_LEAST_READ = 16 * 1024
_ENCRYPTED = 1
_STORED, _DEFLATED = 0, 8  # what imports or runs packages in archives reads no other
_RATIO = 100  # of what a file unpacks to, to its size; real ones stay below ten
_RATIO_FLOOR = 64 * 1024**2  # bytes, below which no ratio is suspicious
_BEST_RATIO = 1_032  # of deflate; whoever claims more lies


class NoZip(Unreadable):
    """It does not end as an archive does."""


class Damaged(Unreadable):
    """An archive, or one entry of it, cannot be read; what else is in the file may be."""


class Exhausted(Unreadable):
    """The file asks for more than any real one; nothing more of it is read."""


@dataclass
class Allowance:
    """What a file of some size may cost, with all the archives in it."""

    size: int
    archives: int = 50_000
    entries: int = 5_000_000
    directories: int = 1024**3  # bytes
    names: int = 32 * 1024**2  # bytes, of the entries that are wanted
    facts: int = 200_000  # entries that are read for themselves
    inflated: int = 2 * 1024**3  # bytes
    held: int = 128 * 1024**2  # bytes of inner archives in memory at once

    def __post_init__(self) -> None:
        self.inflated = min(self.inflated, max(_RATIO_FLOOR, _RATIO * self.size))

    def take(self, what: str, amount: int = 1) -> None:
        left = getattr(self, what) - amount
        if left < 0:
            raise Exhausted(_TOO_MUCH[what], too_large=True)
        setattr(self, what, left)

    @contextmanager
    def holding(self, source: "Source") -> Iterator[None]:
        size = source.size if isinstance(source, InMemory) else 0
        self.held -= size
        try:
            yield
        finally:
            self.held += size


_TOO_MUCH = {
    "archives": "It holds more archives in archives than are read.",
    "entries": "Its archives have more entries than are read.",
    "directories": "Its archives have longer directories than are read.",
    "names": "Its archives have longer names than are read.",
    "facts": "It holds more packages than are read.",
    "inflated": "It unpacks to more than is read.",
}


class Source(Protocol):
    """Bytes at hand; `at` gives fewer at the end, and none beyond it."""

    size: int

    def at(self, start: int, length: int) -> bytes: ...


class OnFile:
    def __init__(self, file: BinaryIO) -> None:
        self.size = file.seek(0, 2)
        self._file = file

    def at(self, start: int, length: int) -> bytes:
        if start >= self.size:
            return b""
        self._file.seek(start)
        return self._file.read(length)


class InMemory:
    def __init__(self, body: bytearray) -> None:
        self.size = len(body)
        self._body = memoryview(body)

    def at(self, start: int, length: int) -> bytes:
        return bytes(self._body[start : start + length])


class Window:
    """A part of another source: an archive that is stored in an archive as it is."""

    def __init__(self, source: Source, start: int, size: int) -> None:
        self.size = size
        self._source, self._start = source, start

    def at(self, start: int, length: int) -> bytes:
        return self._source.at(self._start + start, max(0, min(length, self.size - start)))


@dataclass(frozen=True, slots=True)
class Entry:
    name: bytes
    flags: int
    method: int
    packed: int  # bytes
    size: int  # bytes, as the directory claims
    header: int  # where its local header is said to begin


class Archive:
    """Raises NoZip for what is no archive at all, and Damaged."""

    def __init__(self, source: Source, allowance: Allowance) -> None:
        self._source = source
        self._allowance = allowance
        self._start, self._end, self._shift = _directory(source)

    def entries(self, wanted: Callable[[bytes], bool]) -> Iterator[Entry]:
        """Those whose name is wanted, in the directory's order. Raises Damaged where it breaks."""
        data, at, position = b"", 0, self._start
        while position < self._end or at < len(data):
            if position < self._end and len(data) - at < _LONGEST_ENTRY:
                more = self._source.at(position, min(_CHUNK, self._end - position))
                self._allowance.take("directories", len(more))
                data, at, position = data[at:] + more, 0, position + _CHUNK
            if not data.startswith(_DIRECTORY_SIGNATURE, at) or len(data) - at < _DIRECTORY.size:
                raise Damaged("Its directory is damaged.")
            self._allowance.take("entries")
            lengths = _LENGTHS.unpack_from(data, at + 28)
            name_at = at + _DIRECTORY.size
            name = data[name_at : name_at + lengths[0]]
            if wanted(name):
                self._allowance.take("names", len(name))
                extra = data[name_at + lengths[0] : name_at + lengths[0] + lengths[1]]
                yield _entry(name, extra, _DIRECTORY.unpack_from(data, at))
            at = name_at + sum(lengths)

    def beginning(self, entry: Entry, limit: int) -> bytes:
        """The first bytes of what is packed; all of it where it is not longer."""
        self._allowance.take("facts")
        found = bytearray()
        for piece in self._unpacked(entry, limit):
            found += piece
            if len(found) >= limit:
                break
        return bytes(found[:limit])

    def inner(self, entry: Entry) -> Source:
        """An archive in this archive: in place where it is stored, else in memory."""
        if entry.method == _STORED:
            return Window(self._source, self._data(entry), entry.packed)
        if entry.size > self._allowance.held:
            sentence = f"It unpacks to {entry.size:,} bytes, more than are read."
            raise Damaged(sentence, too_large=True)
        if entry.size > entry.packed * _BEST_RATIO:
            raise Damaged("It claims a size that it cannot have.")
        body, filled = bytearray(entry.size), 0
        for piece in self._unpacked(entry, _CHUNK):
            if filled + len(piece) > entry.size:
                raise Damaged("It is longer than it claims.")
            body[filled : filled + len(piece)] = piece
            filled += len(piece)
        if filled < entry.size:
            raise Damaged("It is shorter than it claims.")
        return InMemory(body)

    def _unpacked(self, entry: Entry, most: int) -> Iterator[bytes]:
        """In pieces of at most so many bytes."""
        if entry.method == _STORED:
            yield self._source.at(self._data(entry), min(entry.packed, most))
            return
        if entry.method != _DEFLATED:
            raise Damaged("It is neither stored nor deflated, but packed in another way.")
        start, left = self._data(entry), entry.packed
        stream = isal_zlib.decompressobj(-15)
        while not stream.eof:
            data = stream.unconsumed_tail
            if not data:
                # Of what little is wanted: a long entry, named often, is not read whole each time.
                data = self._source.at(start, min(_CHUNK, max(most, _LEAST_READ), left))
                start, left = start + len(data), left - len(data)
            try:
                piece = stream.decompress(data, most)
            except _IsalError:
                raise Damaged("Its data is damaged.") from None
            if not data and not piece:
                raise Damaged("It ends too early.")
            self._allowance.take("inflated", len(piece))
            yield piece

    def _data(self, entry: Entry) -> int:
        if entry.flags & _ENCRYPTED:
            raise Damaged("It is encrypted.")
        at = self._shift + entry.header
        local = self._source.at(at, _LOCAL.size)
        if len(local) < _LOCAL.size or not local.startswith(b"PK\3\4"):
            raise Damaged("It is not where the directory says.")
        *_, name, extra = _LOCAL.unpack(local)
        start: int = at + _LOCAL.size + name + extra
        if start + entry.packed > self._source.size:
            raise Damaged("It ends too early.")
        return start


def _entry(name: bytes, extra: bytes, fields: tuple[int, ...]) -> Entry:
    flags, method, packed, size, header = fields[3], fields[4], fields[8], fields[9], fields[16]
    if _IN_EXTRA in (packed, size, header):
        size, packed, header = _from_extra(extra, [size, packed, header])
    return Entry(name, flags, method, packed, size, header)


def _from_extra(extra: bytes, values: list[int]) -> list[int]:
    """The zip64 field: eight bytes for each of the values that did not fit, in this order."""
    for _ in range(_MOST_EXTRAS):
        kind, length = extra[:2], int.from_bytes(extra[2:4], "little")
        if kind == b"\1\0":
            field = extra[4 : 4 + length]
            longs = iter([field[at : at + 8] for at in range(0, len(field) - 7, 8)])
            return [_long(next(longs, b"")) if each == _IN_EXTRA else each for each in values]
        extra = extra[4 + length :]
    return values


def _long(field: bytes) -> int:
    return int.from_bytes(field, "little") if field else _IN_EXTRA


def _directory(source: Source) -> tuple[int, int, int]:
    """Where the directory begins and ends, and by how much all offsets are wrong: whatever stands
    before the archive, such as the script that starts it, moves it without their knowledge."""
    begin = max(0, source.size - _END.size - _LONGEST_COMMENT)
    tail = source.at(begin, source.size - begin)
    at = len(tail)
    for _ in range(_MOST_ENDS):
        if (at := tail.rfind(_END_SIGNATURE, 0, at)) < 0:
            raise NoZip("It does not end as an archive does.")
        if found := _directory_before(source, begin + at, tail[at : at + _END.size]):
            return found
    raise Damaged("It has several ends, and none that fits.")


def _directory_before(source: Source, end: int, record: bytes) -> tuple[int, int, int] | None:
    if len(record) < _END.size:
        return None
    *_, size, offset, comment = _END.unpack(record)
    left = source.size - end - _END.size - comment
    if left < 0 or (left and not size):  # an empty archive is believed only where it ends exactly
        return None
    end, size, offset = _zip64(source, end) or (end, size, offset)
    start = end - size
    if start < offset or (size and source.at(start, 4) != _DIRECTORY_SIGNATURE):
        return None
    return start, end, start - offset


def _zip64(source: Source, end: int) -> tuple[int, int, int] | None:
    """The longer record, which may stand before the other whether it is needed or not."""
    at = end - _LOCATOR - _END64.size
    record = source.at(at, _END64.size + _LOCATOR) if at >= 0 else b""
    if not record.startswith(b"PK\6\6") or not record.startswith(b"PK\6\7", _END64.size):
        return None
    *_, size, offset = _END64.unpack_from(record)
    return at, size, offset
