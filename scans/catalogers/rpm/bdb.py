"""Berkeley DB's hash, which `Packages` was until rpm 4.16, in the byte order of its writer.

Source: Berkeley DB 5.3, dbinc/db_page.h. The pages are passed through in turn: that finds all that
the buckets lead to and cannot go in circles. An overflow page is used once.
"""

from collections.abc import Iterator
from struct import Struct
from typing import BinaryIO

from scans.catalogers.component import Unreadable
from scans.catalogers.rpm.header import LARGEST

_MAGIC = 0x061561
_META = "12xI4xIB7xI"  # magic, page size, encryption, last page
_HEAD = "16xIHHxB"  # next page, entries, end of the free space (overflow: length), type
_OFF = "4xII"  # an item that stands off its page: its first page, its length
_UNSORTED, _OVERFLOW, _HASH = 2, 7, 13  # types of pages
_INLINE, _OFF_PAGE = b"\1", b"\3"  # types of items
_COUNTER = bytes(4)  # the key of the next package's number
_PAGE_SIZES = frozenset(1 << power for power in range(9, 17))


def is_hash(start: bytes) -> bool:
    return _order(start) != ""


def records(file: BinaryIO, size: int) -> Iterator[bytes | None]:
    """Every package's header, or None where its pages are damaged."""
    database = _Database(file, size)
    for number in range(1, database.count):
        yield from database.records(number)
    if database.count <= database.last:
        raise Unreadable("The rpm database is cut off; the packages behind the cut are missing.")


def _order(start: bytes) -> str:
    for order in "<>":
        meta = Struct(order + _META)
        if len(start) >= meta.size and meta.unpack_from(start)[0] == _MAGIC:
            return order
    return ""


class _Database:
    """`count` pages stand in the file; `last` is the number of the last there should be."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        file.seek(0)
        start = file.read(min(_PAGE_SIZES))
        self._order = _order(start)
        meta = Struct(self._order + _META).unpack_from(start)
        _, self._page_size, encryption, self.last = meta
        if self._page_size not in _PAGE_SIZES or encryption:
            raise Unreadable("The rpm database has pages of a size or cipher that rpm never uses.")
        self.count = min(size // self._page_size, self.last + 1)
        self._file = file
        self._head = Struct(self._order + _HEAD)
        self._off = Struct(self._order + _OFF)
        self._used = bytearray(self.count)

    def records(self, number: int) -> Iterator[bytes | None]:
        """What stands on a page of a bucket; other pages are passed over."""
        page = self._page(number)
        _, entries, _, kind = self._head.unpack_from(page)
        if kind in (_HASH, _UNSORTED):
            items = list(self._items(page, entries))
            for key, value in zip(items[::2], items[1::2], strict=False):
                if key is None or value is None:
                    yield None
                elif key[1:] != _COUNTER:
                    yield self._record(value)

    def _items(self, page: bytes, entries: int) -> Iterator[bytes | None]:
        """A key and a value in turn; they lie from the end of the page towards its middle."""
        end, first = len(page), self._head.size + 2 * entries
        offsets = page[self._head.size : min(first, end)]
        for (start,) in Struct(self._order + "H").iter_unpack(offsets):
            if first <= start <= end:
                yield page[start:end]
                end = start
            else:
                yield None

    def _record(self, value: bytes) -> bytes | None:
        kind = value[:1]
        if kind == _INLINE:
            return value[1:]
        if kind != _OFF_PAGE or len(value) != self._off.size:
            return None
        number, length = self._off.unpack(value)
        return self._chain(number, length) if length <= LARGEST else None

    def _chain(self, number: int, length: int) -> bytes | None:
        parts = []
        while length:
            if not 0 < number < self.count or self._used[number]:
                return None
            self._used[number] = True
            page = self._page(number)
            number, _, used, kind = self._head.unpack_from(page)
            part = page[self._head.size :][: min(used, length)]
            if kind != _OVERFLOW or not part:
                return None
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def _page(self, number: int) -> bytes:
        self._file.seek(number * self._page_size)
        return self._file.read(self._page_size)
