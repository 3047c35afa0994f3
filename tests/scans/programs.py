"""Programs as tests need them: tiny ELF files with the sections and the memory that they name."""

import struct
import tarfile
from collections.abc import Mapping, Sequence

from tests.scans.tars import file

GO_MAGIC = b"\xff Go buildinf:"


def elf(
    sections: Mapping[str, bytes] | None = None,
    memory: Sequence[tuple[int, bytes]] = (),
    *,
    bits: int = 64,
    order: str = "<",
    rest: bytes = b"",
) -> bytes:
    """`memory` becomes writable segments at these addresses; `rest` stands at the end."""
    wide = bits == 64
    header = struct.calcsize(order + ("16xHHIQQQIHHHHHH" if wide else "16xHHIIIIIHHHHHH"))
    segment = struct.Struct(order + ("IIQQQQQQ" if wide else "IIIIIIII"))
    section = struct.Struct(order + ("IIQQQQIIQQ" if wide else "IIIIIIIIII"))
    body = bytearray(header + segment.size * len(memory))
    for number, (address, content) in enumerate(memory):
        size, offset = len(content), len(body)
        row = (
            (1, 6, offset, address, address, size, size, 16)
            if wide
            else (1, offset, address, address, size, size, 6, 16)
        )
        segment.pack_into(body, header + number * segment.size, *row)
        body += content
    rows, names = [], b"\0"
    for name, content in {**(sections or {}), ".shstrtab": b""}.items() if sections else ():
        at, names = len(names), names + name.encode() + b"\0"
        content = content if name != ".shstrtab" else names
        rows.append(section.pack(at, 1, 0, 0, len(body), len(content), 0, 0, 1, 0))
        body += content
    table = len(body)
    body += b"".join(rows) + rest
    ident = b"\x7fELF" + bytes((1 + wide, 1 + (order == ">"), 1)) + bytes(9)
    struct.pack_into(
        order + ("16sHHIQQQIHHHHHH" if wide else "16sHHIIIIIHHHHHH"),
        body,
        0,
        *(ident, 2, 0, 1, 0, header if memory else 0, table if rows else 0, 0, header),
        *(segment.size, len(memory), section.size, len(rows), max(0, len(rows) - 1)),
    )
    return bytes(body)


def executable(path: str, body: bytes) -> tuple[tarfile.TarInfo, bytes]:
    """A member of a layer that anyone may run."""
    info, body = file(path, body)
    info.mode = 0o755
    return info, body


def go_text(*lines: str) -> bytes:
    """What Go says of modules: lines of words between tabs, between two marks."""
    return b"<" * 16 + "".join(f"{line}\n" for line in lines).encode() + b">" * 16


def go_blob(version: str, text: bytes) -> bytes:
    """Go's build information as it is since Go 1.18."""
    return GO_MAGIC + b"\0\2" + bytes(16) + _string(version.encode()) + _string(text)


def _string(text: bytes) -> bytes:
    size, length = len(text), bytearray()
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    return bytes((*length, size)) + text


def old_go(version: str, text: bytes, *, bits: int = 64, order: str = "<") -> bytes:
    """A program with the build information as it was before Go 1.18: pointers to pointers."""
    size, number = bits // 8, "Q" if bits == 64 else "I"
    base = 0x400000
    pointers = struct.pack(
        f"{order}{number * 4}", base + 500, len(version), base + 500 + len(version), len(text)
    )
    found = pointers.ljust(500, b"\0") + version.encode() + text
    flags = bytes((size, order == ">"))
    blob = GO_MAGIC + flags + struct.pack(f"{order}{number * 2}", base, base + 2 * size)
    sections = {".text": b"code", ".go.buildinfo": blob.ljust(32, b"\0")}
    return elf(sections, [(0x1000, b"other"), (base, found)], bits=bits, order=order)
