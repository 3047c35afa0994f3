"""ELF: as much of the format as it takes to say where something lies in a program.

Source: System V Application Binary Interface, chapters 4 (object files) and 5 (program loading).
Almost every program of an image holds nothing that is looked for, so the first question, which
sections there are, costs three short reads.
"""

from dataclasses import dataclass
from struct import Struct
from typing import BinaryIO, NamedTuple

_MAX_NAMES = 64 * 1024  # bytes of the section names of one file
_MAX_SEGMENTS = 1000
_LOAD = 1
_WRITABLE, _EXECUTABLE = 2, 1


class _Form(NamedTuple):
    """How headers look in files of one word size and byte order.

    `header`: offsets of segments and sections, size and number of segment headers, size and number
    of section headers, section of the names. `section`: name, type, offset, size. `segment`: type,
    flags, offset, address, size, in the order of `order`.
    """

    header: Struct
    section: Struct
    segment: Struct
    order: tuple[int, int, int, int, int]


def _forms(byte_order: str) -> tuple[_Form, _Form]:
    def struct(layout: str) -> Struct:
        return Struct(byte_order + layout)

    return (
        _Form(struct("28xII6x5H"), struct("II8xII16x"), struct("III4xI4xI4x"), (0, 4, 1, 2, 3)),
        _Form(struct("32xQQ6x5H"), struct("II16xQQ24x"), struct("IIQQ8xQ16x"), (0, 1, 2, 3, 4)),
    )


_FORMS = {
    bytes((bits, order)): form
    for order, forms in ((1, _forms("<")), (2, _forms(">")))
    for bits, form in enumerate(forms, 1)
}


class Piece(NamedTuple):
    """A run of bytes of the file."""

    offset: int
    size: int


class _Segment(NamedTuple):
    type: int
    flags: int
    offset: int
    address: int
    size: int


@dataclass(frozen=True, slots=True)
class Elf:
    """`names` are the names of its sections, one after the other; b"" if it has none."""

    file: BinaryIO
    names: bytes
    _form: _Form
    _sections: bytes
    _segments: Piece

    def section(self, name: bytes) -> Piece | None:
        """The first section of this name."""
        if name not in self.names:
            return None
        wanted = name + b"\0"
        for at, _, offset, size in self._form.section.iter_unpack(self._sections):
            if self.names.startswith(wanted, at):
                return Piece(offset, size)
        return None

    def at(self, address: int, size: int) -> bytes:
        """What lies in memory at this address once the program is loaded, `size` bytes or fewer."""
        for segment in self._loaded():
            into = address - segment.address
            if 0 <= into < segment.size:
                return self.read(Piece(segment.offset + into, segment.size - into), size)
        return b""

    def data(self) -> Piece | None:
        """The first segment that is data."""
        for segment in self._loaded():
            if segment.flags & (_WRITABLE | _EXECUTABLE) == _WRITABLE:
                return Piece(segment.offset, segment.size)
        return None

    def read(self, piece: Piece, most: int) -> bytes:
        return _read(self.file, piece.offset, min(piece.size, most))

    def _loaded(self) -> list[_Segment]:
        form = self._form
        headers = _whole(self.read(self._segments, self._segments.size), form.segment)
        rows = ([row[at] for at in form.order] for row in form.segment.iter_unpack(headers))
        return [segment for segment in map(_Segment._make, rows) if segment.type == _LOAD]


def read_elf(file: BinaryIO) -> Elf | None:
    """The file as ELF, or None if it is none. Headers that lie hold nothing."""
    head = _read(file, 0, 64)
    form = _FORMS.get(head[4:6]) if head.startswith(b"\x7fELF") else None
    if form is None or len(head) < form.header.size:
        return None
    segments_at, sections_at, segment_size, segments, section_size, sections, names = (
        form.header.unpack_from(head)
    )
    segments = min(segments, _MAX_SEGMENTS) if segment_size == form.segment.size else 0
    headers = b""
    if section_size == form.section.size:
        headers = _whole(_read(file, sections_at, sections * section_size), form.section)
    return Elf(
        file,
        _names(file, form.section, headers, names),
        form,
        headers,
        Piece(segments_at, segments * segment_size),
    )


def _names(file: BinaryIO, header: Struct, headers: bytes, number: int) -> bytes:
    if (number + 1) * header.size > len(headers):
        return b""
    _, _, offset, size = header.unpack_from(headers, number * header.size)
    return _read(file, offset, min(size, _MAX_NAMES))


def _whole(headers: bytes, header: Struct) -> bytes:
    """Without what is left of a last one."""
    return headers[: len(headers) - len(headers) % header.size]


def _read(file: BinaryIO, offset: int, size: int) -> bytes:
    """Fewer bytes where the file ends, none past what any file can have."""
    if offset >= 1 << 62:
        return b""
    file.seek(offset)
    return file.read(size)
