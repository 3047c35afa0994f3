"""sqlite, since rpm 4.16 (`rpmdb.sqlite`): a table of headers, walked page by page.

SQLite itself holds a database that may have no path twice, and a hostile schema keeps it busy for
minutes. Source: the SQLite database file format, sections 1.3, 1.6, 2.1, 2.6.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from struct import Struct
from typing import BinaryIO

from scans.catalogers.component import Unreadable
from scans.catalogers.rpm.header import LARGEST

MAGIC = b"SQLite format 3\0"

_HEADER = Struct(">16xH2xB79x")  # page size, bytes kept free at the end of each page
_PAGE_SIZES = frozenset(1 << power for power in range(9, 17))
_LEAST_USABLE = 480
_PAGE = Struct(">B2xH3x")  # type, cells; of inner pages the last child follows
_CELL = Struct(">H")
_INNER, _LEAF = 5, 13
_NUMBER = 4  # bytes of a page's number
_SCHEMA = 1  # the page at which the schema begins
_MOST_IN_SCHEMA = 10_000  # rows; rpm has some sixty, and of no length they may be a billion
_MOST_COLUMNS = 5  # the schema's
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 7: 8}  # types of columns and their bytes


def records(file: BinaryIO, size: int) -> Iterator[bytes | None]:
    """Every package's header, or None where its pages are damaged."""
    database = _Database(file, size)
    for row in database.rows(_root(database)):
        yield row[1] if row and len(row) > 1 else None  # after its number


def _root(database: "_Database") -> int:
    """The page at which the table of packages begins."""
    for row in islice(database.rows(_SCHEMA), _MOST_IN_SCHEMA):
        if row and row[:2] == [b"table", b"Packages"]:
            return int.from_bytes(row[3] if len(row) > 3 else b"", "big")
    raise Unreadable("The rpm database has no table of packages, or its schema is damaged.")


class _Database:
    """A page is used once: those in a circle, and those named twice, are damaged."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        file.seek(0)
        head = file.read(_HEADER.size)
        if len(head) < _HEADER.size:
            raise Unreadable("The rpm database is cut off in its header.")
        page_size, reserved = _HEADER.unpack(head)
        self._size: int = 65536 if page_size == 1 else page_size
        self._usable: int = self._size - reserved
        if self._size not in _PAGE_SIZES or self._usable < _LEAST_USABLE:
            raise Unreadable("The rpm database has pages of a size that SQLite never uses.")
        self._file = file
        self._unused = bytearray(b"\0") + b"\1" * (size // self._size)  # counted from 1

    def rows(self, root: int) -> Iterator[list[bytes] | None]:
        """A table's rows, or None in the place of what is damaged. Of a row the first columns, as
        they are stored."""
        pages = self._claimed([root])
        while pages:
            number = pages.pop()
            page = self._page(number)
            start = _HEADER.size if number == _SCHEMA else 0
            kind, cells = _PAGE.unpack_from(page, start)
            if kind == _INNER:
                pages += self._claimed(_children(page, start + _PAGE.size, cells))
            elif kind == _LEAF:
                for payload in self._payloads(page, start + _PAGE.size, cells):
                    yield None if payload is None else _columns(payload)
            else:
                yield None

    def _claimed(self, numbers: Iterable[int]) -> list[int]:
        """Those of the pages that can be used, the last first; page 0, which is no page of a table,
        stands for those that cannot."""
        claimed, damaged = [], False
        for number in numbers:
            if self._claim(number):
                claimed.append(number)
            else:
                damaged = True
        return [0] * damaged + claimed[::-1]

    def _claim(self, number: int) -> bool:
        if not 0 < number < len(self._unused) or not self._unused[number]:
            return False
        self._unused[number] = False
        return True

    def _page(self, number: int) -> bytes:
        if number == 0:
            return bytes(self._size)
        self._file.seek((number - 1) * self._size)
        return self._file.read(self._size)

    def _payloads(self, page: bytes, at: int, cells: int) -> Iterator[bytes | None]:
        room = len(page)  # cells do not overlap, so reading them ends
        for (cell,) in _CELL.iter_unpack(page[at : at + _CELL.size * cells]):
            length, start = _varint(page, cell)
            _, start = _varint(page, start)  # the row's number
            local = self._local(length)
            room -= local
            if room < 0:
                yield None
                return
            yield self._payload(page, start, length, local) if length <= LARGEST else None

    def _local(self, length: int) -> int:
        """How many bytes of a payload of this length stand on the leaf itself."""
        most = self._usable - 35
        if length <= most:
            return length
        least = (self._usable - 12) * 32 // 255 - 23
        local = least + (length - least) % (self._usable - _NUMBER)
        return local if local <= most else least

    def _payload(self, page: bytes, start: int, length: int, local: int) -> bytes | None:
        """What stands on the leaf, and behind it the number of the first overflow page; each of
        those begins with the number of the next."""
        parts = [page[start : start + local]]
        following = page[start + local : start + local + _NUMBER]
        for _ in range(local, length, self._usable - _NUMBER):
            number = int.from_bytes(following, "big")
            if not self._claim(number):
                return None
            page = self._page(number)
            following = page[:_NUMBER]
            parts.append(page[_NUMBER : self._usable])
        return b"".join(parts)[:length]


def _children(page: bytes, at: int, cells: int) -> Iterator[int]:
    """In the order of their rows; the last one stands in the page's own header."""
    for (cell,) in _CELL.iter_unpack(page[at + _NUMBER :][: _CELL.size * cells]):
        yield int.from_bytes(page[cell : cell + _NUMBER], "big")
    yield int.from_bytes(page[at : at + _NUMBER], "big")


def _columns(payload: bytes) -> list[bytes]:
    columns: list[bytes] = []
    end, at = _varint(payload, 0)
    start = end
    while at < end and len(columns) < _MOST_COLUMNS:
        kind, at = _varint(payload, at)
        size = (kind - 12) // 2 if kind >= 12 else _INTEGERS.get(kind, 0)
        columns.append(payload[start : start + size])
        start += size
    return columns


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of up to nine bytes, of which the last is whole, and where it ends."""
    number = 0
    for end, byte in enumerate(data[at : at + 8], at + 1):
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            return number, end
    return number << 8 | int.from_bytes(data[at + 8 : at + 9], "big"), at + 9
