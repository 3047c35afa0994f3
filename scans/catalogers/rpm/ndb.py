"""ndb, rpm's own format (`Packages.db` of SUSE): slots that name blobs. Always little-endian.

Source: rpm's lib/backend/ndb/rpmpkg.c.
"""

from collections.abc import Iterator
from struct import Struct
from typing import BinaryIO
from zlib import adler32

from scans.catalogers.component import Unreadable
from scans.catalogers.rpm.header import LARGEST

MAGIC = b"RpmP"

_HEADER = Struct("<4sI4xI16x")  # magic, version, pages of slots
_SLOT = Struct("<4sIII")  # magic, package, first block, blocks
_HEAD = Struct("<4sI4xI")  # magic, package, length
_TAIL = Struct("<II4s")  # checksum, length, magic
_BLOCK = 16
_PAGE = 4096


def records(file: BinaryIO, size: int) -> Iterator[bytes | None]:
    """Every package's header, or None where its blob is damaged."""
    left = size
    for package, block, blocks in _slots(file, size):
        left -= blocks * _BLOCK  # blobs do not overlap, so reading them ends
        if left < 0:
            raise Unreadable("The rpm database is cut off, or names more than it holds.")
        yield _blob(file, package, block, blocks)


def _slots(file: BinaryIO, size: int) -> Iterator[tuple[int, int, int]]:
    """The package, the first block and the blocks of every slot in use."""
    file.seek(0)
    start = file.read(_HEADER.size)
    if len(start) < _HEADER.size:
        raise Unreadable("The rpm database is cut off in its header.")
    _, version, pages = _HEADER.unpack(start)
    if version or not 0 < pages * _PAGE <= size:
        raise Unreadable("The rpm database has a header that rpm does not write.")
    for page in range(pages):
        file.seek(max(page * _PAGE, _HEADER.size))
        for magic, *slot in _SLOT.iter_unpack(file.read((page + 1) * _PAGE - file.tell())):
            if magic != b"Slot":
                raise Unreadable("The list of packages of the rpm database is damaged.")
            if slot[0]:
                yield slot[0], slot[1], slot[2]


def _blob(file: BinaryIO, package: int, block: int, blocks: int) -> bytes | None:
    length = blocks * _BLOCK
    if not _HEAD.size + _TAIL.size <= length <= LARGEST:
        return None
    file.seek(block * _BLOCK)
    blob = file.read(length)
    if len(blob) < length:
        return None
    head = _HEAD.unpack_from(blob)
    checked = len(blob) - _TAIL.size
    if head[:2] != (b"BlbS", package) or head[2] > checked - _HEAD.size:
        return None
    if _TAIL.unpack_from(blob, checked) != (adler32(blob[:checked]), head[2], b"BlbE"):
        return None
    return blob[_HEAD.size : _HEAD.size + head[2]]
