"""Rust: the crates that a program was built from, where `cargo auditable` wrote them into it.

Source: the specification of cargo-auditable (PARSING.md): JSON, compressed by zlib, in a section.
"""

import zlib
from collections.abc import Iterator

import orjson

from scans.catalogers.component import UNKNOWN_VERSION, Component, Unreadable
from scans.catalogers.elf import Elf

_SECTION = b".dep-v0"
# Of compressed and of plain bytes; a thousand crates take 100,000. A decoded document is some
# thirty times its text when it is hostile.
_MAX_BYTES = 2 * 1024 * 1024


def crates(elf: Elf) -> Iterator[Component]:
    """Those that run; what only took part in the build is left out. Raises Unreadable."""
    section = elf.section(_SECTION)
    if not section:
        return
    for package in _packages(elf.read(section, _MAX_BYTES)):
        if isinstance(package, dict) and package.get("kind", "runtime") == "runtime":
            name, version = package.get("name"), package.get("version")
            if not isinstance(version, str) or not version:
                version = UNKNOWN_VERSION
            if isinstance(name, str):
                yield Component("cargo", name, version)


def _packages(compressed: bytes) -> list[object]:
    try:
        inflate = zlib.decompressobj()
        text = inflate.decompress(compressed, _MAX_BYTES)
        packages = orjson.loads(text)["packages"] if inflate.eof else None
    except (zlib.error, orjson.JSONDecodeError, KeyError, TypeError):
        packages = None
    if not isinstance(packages, list):
        raise Unreadable("It is a Rust program, but its list of crates cannot be read.")
    return packages
