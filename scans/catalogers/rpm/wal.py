"""SQLite's write-ahead log: what a database and its log are together.

Source: the SQLite database file format, section 4 ("The Write-Ahead Log").
"""

from collections.abc import Iterator
from struct import Struct

_LOG = Struct(">III4x8sII")  # magic, version, page size, salts, checksum
_FRAME = Struct(">II8sII")  # page, pages of the database after a commit, salts, checksum
_VERSION = 3007000
_ORDERS = {0x377F0682: "<", 0x377F0683: ">"}  # of the words that are summed up
_PAGE_SIZES = frozenset(1 << power for power in range(9, 17))
_PAGE_SIZE = Struct(">H")
_PAGE_SIZE_AT = 16
_WORD = 0xFFFFFFFF

_Frame = tuple[int, int, memoryview]  # page, pages after a commit or 0, body


def merge(database: bytes, log: bytes) -> bytes:
    """The database with all that was committed to its log. As in SQLite, a log ends where its salts
    or checksums no longer fit, and may so be of no effect at all."""
    frames = list(_frames(log))
    while frames and not frames[-1][1]:
        frames.pop()  # of a transaction that was never committed
    if not frames or _page_size(database) not in (0, len(frames[0][2])):
        return database
    size = len(frames[0][2])
    # A page that is in neither of the two cannot be needed, however many the log speaks of.
    end = min(frames[-1][1] * size, len(database) + len(log))
    merged = bytearray(database[:end].ljust(end, b"\0"))
    for page, _, body in frames:
        if page * size <= end:
            merged[(page - 1) * size : page * size] = body
    return bytes(merged)


def _frames(log: bytes) -> Iterator[_Frame]:
    if len(log) < _LOG.size:
        return
    magic, version, size, salts, *expected = _LOG.unpack_from(log)
    if magic not in _ORDERS or version != _VERSION or size not in _PAGE_SIZES:
        return
    words = Struct(f"{_ORDERS[magic]}II")
    view = memoryview(log)
    total = _summed(words, view[: _LOG.size - words.size], (0, 0))
    at = _LOG.size
    while list(total) == expected and at + _FRAME.size + size <= len(log):
        page, pages, own_salts, *expected = _FRAME.unpack_from(log, at)
        body = view[at + _FRAME.size :][:size]
        total = _summed(words, body, _summed(words, view[at : at + words.size], total))
        if list(total) != expected or own_salts != salts or page == 0:
            return
        yield page, pages, body
        at += _FRAME.size + size


def _summed(words: Struct, data: memoryview, total: tuple[int, int]) -> tuple[int, int]:
    first, second = total
    for one, other in words.iter_unpack(data):
        first = (first + one + second) & _WORD
        second = (second + other + first) & _WORD
    return first, second


def _page_size(database: bytes) -> int:
    """0 of a database that holds nothing yet."""
    if len(database) < _PAGE_SIZE_AT + _PAGE_SIZE.size:
        return 0
    (size,) = _PAGE_SIZE.unpack_from(database, _PAGE_SIZE_AT)
    return 65536 if size == 1 else int(size)
