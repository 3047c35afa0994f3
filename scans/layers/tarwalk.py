"""Walk a tar as it streams by: one header at a time, bodies skipped unless asked for.

Container runtimes read tars with Go's archive/tar, so that is what decides here wherever formats
and implementations differ: a scanner must see the files that the runtime will unpack. Sources:
POSIX pax(1), the GNU tar manual ("Basic Tar Format"), Go's archive/tar.
"""

from collections.abc import Iterable, Iterator
from enum import Enum
from struct import Struct
from typing import BinaryIO, NamedTuple
from zlib import adler32

from scans.layers.budget import Budget, damaged, too_large
from scans.layers.paths import decoded, normalised
from scans.layers.pax import SPARSE, SPARSE_NAME, extended_values
from scans.layers.stream import BLOCK, Stream

_ZEROS = bytes(BLOCK)
_MAX_EXTENSION = 1024 * 1024  # bytes of a PAX header or a GNU long name, as in archive/tar

# name, mode, size, checksum, type, link name, magic and version, prefix
_HEADER = Struct("100s8s16x12s12x8sc100s8s80x155s12x")
_GNU = b"ustar  \0"
_POSIX = b"ustar\0"
_STAR = b"tar\0"


class Kind(Enum):
    FILE = 1
    FOLDER = 2
    SYMLINK = 3
    HARDLINK = 4
    OTHER = 5  # devices, pipes, and what no runtime unpacks


_KINDS = {
    b"0": Kind.FILE,
    b"\0": Kind.FILE,
    b"7": Kind.FILE,
    b"S": Kind.FILE,
    b"1": Kind.HARDLINK,
    b"2": Kind.SYMLINK,
    b"5": Kind.FOLDER,
}
_WITHOUT_BODY = frozenset({b"1", b"2", b"3", b"4", b"5", b"6"})
_GLOBAL, _EXTENDED, _LONG_NAME, _LONG_LINK, _SPARSE = b"g", b"x", b"L", b"K", b"S"
_LONG = frozenset({_LONG_NAME, _LONG_LINK})
_EXTENSIONS = _LONG | {_GLOBAL, _EXTENDED}


class Entry(NamedTuple):
    """`path` is normalised ("" is the root); `target`, a link's, is as it stands in the layer;
    `executable` says whether anyone may run it."""

    path: str
    kind: Kind
    size: int
    target: str
    sparse: bool
    executable: bool


class TarWalk:
    """Iterate over the entries; `body()` reads the current one's."""

    def __init__(self, pieces: Iterable[bytes], budget: Budget) -> None:
        self.entries = 0
        self.ended = False  # the end-of-archive blocks were seen
        self._stream = Stream(pieces)
        self._budget = budget
        self._size = 0  # of the current body, what is left to read
        self._padding = 0
        self._extended: dict[bytes, bytes] = {}  # what precedes an entry and is about it

    def __iter__(self) -> Iterator[Entry]:
        while block := self._header():
            name, mode, size, checksum, kind, target, magic, prefix = _HEADER.unpack(block)
            if not _is_sum(block, checksum):
                raise damaged("the checksum of a header is wrong.")
            self._begin_body(_number(size))
            if kind in _EXTENSIONS:
                self._extend(kind)
                continue
            name = _text(name)
            if prefix[0] and magic.startswith(_POSIX):
                name = _text(prefix[:131] if block.endswith(_STAR) else prefix) + b"/" + name
            if kind == _SPARSE:
                self._skip_sparse_map(block, magic)
            self._count()
            yield self._entry(name, mode, kind, _text(target))
            self._end_body()
        self._stream.drain()

    def body(self) -> bytes:
        body = self._stream.read(self._size)
        self._size = 0
        return body

    def peek(self, size: int) -> bytes:
        """How the current body begins."""
        return self._stream.peek(min(size, self._size))

    def copy(self, file: BinaryIO) -> None:
        self._stream.copy(self._size, file)
        self._size = 0

    def _header(self) -> bytes:
        """The next header, or b"" at the archive's end: two blocks of zeros, or simply no more."""
        block = self._stream.block()
        if block == _ZEROS:
            second = self._stream.block()
            if second not in (b"", _ZEROS):
                raise damaged("something follows a lone block of zeros.")
            self.ended = second == _ZEROS
            return b""
        return block

    def _count(self) -> None:
        self.entries += 1
        if self.entries > self._budget.entries:
            raise too_large("it has more entries than allowed", self._budget.entries, "entries")

    def _entry(self, name: bytes, mode: bytes, kind: bytes, target: bytes) -> Entry:
        sparse = kind == _SPARSE
        if self._extended:
            extended, self._extended = self._extended, {}
            sparse = sparse or SPARSE in extended
            name = _first(extended, (SPARSE_NAME, _LONG_NAME, b"path"), name)
            target = _first(extended, (_LONG_LINK, b"linkpath"), target)
            if b"size" in extended:
                self._begin_body(_decimal(extended[b"size"]))
        if kind == b"\0" and name.endswith(b"/"):
            kind = b"5"  # of tars older than the type
        if kind in _WITHOUT_BODY:
            self._begin_body(0)
        return Entry(
            self._path(name),
            _KINDS.get(kind, Kind.OTHER),
            self._size,
            self._link(target) if target else "",
            sparse,
            _number(mode) & 0o111 != 0,
        )

    def _extend(self, kind: bytes) -> None:
        """Keep what a PAX header or a GNU long name says of the next entry. Global headers are
        passed over, as the runtimes do."""
        if self._size > _MAX_EXTENSION:
            raise too_large("an extended header is too long", _MAX_EXTENSION, "extended header")
        body = self.body()
        self._end_body()
        if kind == _EXTENDED:
            long = {key: self._extended[key] for key in _LONG & self._extended.keys()}
            self._extended = long | extended_values(body)
        elif kind != _GLOBAL:
            self._extended[kind] = _text(body)

    def _skip_sparse_map(self, block: bytes, magic: bytes) -> None:
        """The map of an old GNU sparse file may go on in blocks of its own before the body."""
        if magic != _GNU:
            raise damaged("a sparse file is not in the format that has sparse files.")
        more = block[482]
        while more:
            more = self._stream.read(BLOCK)[504]

    def _begin_body(self, size: int) -> None:
        if size < 0:
            raise damaged("the size of a file cannot be read.")
        if size > self._budget.bytes:
            raise too_large("it holds a file larger than allowed", self._budget.bytes, "bytes")
        self._size = size
        self._padding = -size % BLOCK

    def _end_body(self) -> None:
        self._stream.skip(self._size + self._padding)

    def _path(self, raw: bytes) -> str:
        path = normalised(decoded(raw))
        if len(path) > self._budget.path_length // 4:  # four bytes at most to a character
            self._check_length(path)
        if path.count("/") >= self._budget.depth:
            raise too_large("a path has more folders than allowed", self._budget.depth, "depth")
        return path

    def _link(self, raw: bytes) -> str:
        target = decoded(raw)
        self._check_length(target)
        return target

    def _check_length(self, path: str) -> None:
        limit = self._budget.path_length
        if len(path.encode()) > limit:
            raise too_large("a path has more bytes than allowed", limit, "path length")


def _is_sum(block: bytes, stated: bytes) -> bool:
    """The sum of all bytes, where the checksum's own eight count as spaces; historically signed.

    Adler-32 holds 1 + the sum of the bytes modulo 65,521 in its lower half: exact for 256 bytes,
    and ten times faster than sum().
    """
    total = (adler32(block[:256]) & 0xFFFF) + (adler32(block[256:]) & 0xFFFF) - 2
    total += 8 * ord(" ") - sum(stated)
    number = _number(stated)
    return number == total or number == total - 256 * sum(byte > 127 for byte in block)


def _number(field: bytes) -> int:
    """Octal digits among spaces and zeros, or, where the first bit is set, base 256. Negative for
    what is no number that a header may hold."""
    if field[0] & 0x80:
        number = int.from_bytes(field[1:], "big") | (field[0] & 0x3F) << 8 * (len(field) - 1)
        return -1 if field[0] & 0x40 else number
    try:
        return int(_text(field.strip(b" \0")) or b"0", 8)
    except ValueError:
        return -1


def _decimal(value: bytes) -> int:
    if not value.isdigit() or len(value) > 20:
        raise damaged("a size in an extended header cannot be read.")
    return int(value)


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _first(values: dict[bytes, bytes], keys: tuple[bytes, ...], otherwise: bytes) -> bytes:
    return next((values[key] for key in keys if values.get(key)), otherwise)
