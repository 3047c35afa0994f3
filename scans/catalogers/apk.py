"""apk: lib/apk/db/installed, below usr/ in later releases.

Source: apk-tools, apk-package(5) and apk-installed(5); `o:` is the origin, the package it was built
with, and each `F:` a folder whose files follow as `R:`.
"""

from collections.abc import Iterator
from typing import BinaryIO

from scans.catalogers.component import UNKNOWN_VERSION, Cataloger, Component, Owns

_PATHS = frozenset({"lib/apk/db/installed", "usr/lib/apk/db/installed"})
_FIELDS = frozenset(b"PVAo")
_FOLDER, _FILE, _COLON = b"FR:"


def wants(path: str) -> bool:
    return path in _PATHS


def read(path: str, file: BinaryIO) -> Iterator[Component | Owns]:
    fields: dict[int, str] = {}
    owned: list[str] = []
    folder = ""
    for line in file:
        if line[1:2] == b":":
            key, value = line[0], line[2:].strip().decode("utf-8", "replace")
            if key == _FILE:
                owned.append(f"{folder}/{value}" if folder else value)
            elif key == _FOLDER:
                folder = value
            elif key in _FIELDS:
                fields.setdefault(key, value)
        elif not line.strip():
            yield from _package(fields, owned)
            fields, owned, folder = {}, [], ""
    yield from _package(fields, owned)


def _package(fields: dict[int, str], owned: list[str]) -> Iterator[Component | Owns]:
    name = fields.get(ord("P"))
    if name is not None:
        yield Component(
            type="apk",
            name=name,
            version=fields.get(ord("V"), UNKNOWN_VERSION),
            architecture=fields.get(ord("A"), ""),
            source_name=fields.get(ord("o"), ""),
        )
        if owned:
            yield Owns(name, owned)


CATALOGER = Cataloger("apk", wants, read, largest=64 * 1024 * 1024, names=frozenset({"installed"}))
