"""Go: the modules that a program was built from, which the linker writes into it.

Source: Go's debug/buildinfo (the blob) and runtime/debug (the lines of its text). It survives
`-ldflags "-s -w"`, -trimpath and strip.
"""

import re
from collections.abc import Iterator
from io import BytesIO
from struct import Struct
from struct import error as StructError

from scans.catalogers.component import UNKNOWN_VERSION, Component, Unreadable
from scans.catalogers.elf import Elf, Piece

_SECTION = b".go.buildinfo"
_MAGIC = b"\xff Go buildinf:"
_HEADER = 32  # bytes: the magic, the size of a pointer, flags, and two pointers or nothing
_BIG_ENDIAN, _INLINE = 1, 2
_MAX_BLOB = 1024 * 1024  # bytes; that of Kubernetes has 30 thousand
_MARK = 16  # bytes before and after the modules' text, for tools that search for it
_MAX_SEARCHED = 16 * 1024 * 1024  # bytes of data, where no section says where the blob is
# By the size of a pointer and whether its first byte counts most: two of them.
_PAIRS = {
    (4, 0): Struct("<II"),
    (4, 1): Struct(">II"),
    (8, 0): Struct("<QQ"),
    (8, 1): Struct(">QQ"),
}
_RELEASE = re.compile(r"go[0-9]\S*")


def modules(elf: Elf) -> Iterator[Component]:
    """The main module, what it was linked with, and Go itself as "stdlib". Raises Unreadable."""
    blob = _blob(elf)
    if not blob:
        return
    try:
        version, text = _inline(blob) if blob[15] & _INLINE else _pointed_to(elf, blob)
    except (IndexError, KeyError, ValueError, StructError):
        version = b""
    if not version:
        raise Unreadable("It is a Go program, but what it was built from cannot be read.")
    release = _RELEASE.search(version.decode("utf-8", "replace"))
    yield Component("go-module", "stdlib", release[0] if release else UNKNOWN_VERSION)
    yield from _modules(BytesIO(text[_MARK:-_MARK]))


def _blob(elf: Elf) -> bytes:
    if section := elf.section(_SECTION):
        return _MAGIC + elf.read(section, _MAX_BLOB).partition(_MAGIC)[2]
    if elf.names:
        return b""
    data = elf.data() or Piece(0, 0)
    at = elf.read(data, _MAX_SEARCHED).find(_MAGIC)
    return elf.read(Piece(data.offset + at, data.size - at), _MAX_BLOB) if at >= 0 else b""


def _inline(blob: bytes) -> tuple[bytes, bytes]:
    """Since Go 1.18: two strings, each after its length."""
    version, end = _string(blob, _HEADER)
    return version, _string(blob, end)[0]


def _string(blob: bytes, at: int) -> tuple[bytes, int]:
    size = shift = 0
    while blob[at] & 0x80 and shift < 28:
        size |= (blob[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
    start = at + 1
    end = start + (size | blob[at] << shift)
    if end > len(blob):
        raise ValueError
    return blob[start:end], end


def _pointed_to(elf: Elf, blob: bytes) -> tuple[bytes, bytes]:
    """Before Go 1.18: two pointers, each to a pointer and a length."""
    size = blob[14]
    pair = _PAIRS[size, blob[15] & _BIG_ENDIAN]

    def text(pointer: int) -> bytes:
        header = elf.at(pointer, pair.size)
        if not header:  # it is zeros that the file does not hold
            return b""
        start, length = pair.unpack(header)
        found = elf.at(start, min(length, _MAX_BLOB))
        if len(found) != length:
            raise ValueError
        return found

    version, modules = pair.unpack_from(blob, 16)
    return text(version), text(modules)


def _modules(lines: BytesIO) -> Iterator[Component]:
    """Lines of a word, a path and a version between tabs; "=>" is what stands in for the module
    before it."""
    name = version = ""
    for line in lines:
        word, path, number, *_ = (*line.decode("utf-8", "replace").rstrip("\n").split("\t"), "", "")
        if word in ("mod", "dep"):
            yield from _module(name, version)
            name, version = path, number
        elif word == "=>":
            name, version = _replaced(name, path), number
    yield from _module(name, version)


def _replaced(name: str, by: str) -> str:
    """A folder has no name that anyone else knows: the module keeps its own, and loses its
    version."""
    return name if by.startswith((".", "/")) else by


def _module(name: str, version: str) -> Iterator[Component]:
    if name:
        yield Component("go-module", name, version or UNKNOWN_VERSION)
