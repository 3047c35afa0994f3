"""Python: *.dist-info/METADATA of wheels, and the PKG-INFO of eggs in the three places it stands;
the same inside wheels and eggs that lie there as archives, ready to be installed or imported.

Source: the core metadata specification; names normalised as the simple index does (PEP 503). What
pip and others carry within themselves without metadata (pip/_vendor/vendor.txt) is not read.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from typing import BinaryIO

from packaging.utils import canonicalize_name

from scans.catalogers.component import UNKNOWN_VERSION, Cataloger, Component
from scans.catalogers.zips import Allowance, Archive, OnFile

_ENDINGS = (".dist-info/metadata", "egg-info/pkg-info", ".egg-info")  # in any case, as importlib
_FIELD = re.compile(rb"(name|version)\s*:(.*)", re.IGNORECASE)
_NAMELESS = "UNKNOWN"  # what setuptools writes for a project that has no name
_HEAD = 256 * 1024  # bytes; name and version come first, a description after


def wants(path: str) -> bool:
    return path.lower().endswith(_ENDINGS)


def read(path: str, file: BinaryIO) -> Iterator[Component]:
    fields = _head(file)
    name = fields.get(b"name")
    if name and name != _NAMELESS:
        version = fields.get(b"version") or UNKNOWN_VERSION
        yield Component("python", canonicalize_name(name), version)


def _head(file: BinaryIO) -> dict[bytes, str]:
    """Name and version; what follows the first empty line is the description."""
    fields: dict[bytes, str] = {}
    for line in file:
        if not line.strip():
            break
        if match := _FIELD.match(line):
            fields.setdefault(match[1].lower(), match[2].strip().decode("utf-8", "replace"))
    return fields


def wants_archive(path: str) -> bool:
    return path.lower().endswith((".whl", ".egg"))


def read_archive(path: str, file: BinaryIO) -> Iterator[Component]:
    source = OnFile(file)
    archive = Archive(source, Allowance(source.size))
    for entry in archive.entries(lambda name: wants(_text(name))):
        for component in read(path, BytesIO(archive.beginning(entry, _HEAD))):
            yield replace(component, inside=_text(entry.name))


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")


CATALOGER = Cataloger(
    "python",
    wants,
    read,
    largest=8 * 1024 * 1024,
    names=frozenset({"METADATA", "PKG-INFO"}),
    extensions=frozenset({"egg-info"}),
)
ARCHIVES = Cataloger(
    "python-archives",
    wants_archive,
    read_archive,
    largest=1024 * 1024 * 1024,
    extensions=frozenset({"whl", "egg"}),
    magic=b"PK\3\4",
)
