"""Python: *.dist-info/METADATA of wheels, and the PKG-INFO of eggs in the three places it stands.

Source: the core metadata specification; names normalised as the simple index does (PEP 503).
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

from packaging.utils import canonicalize_name

from scans.catalogers.component import UNKNOWN_VERSION, Cataloger, Component

_ENDINGS = (".dist-info/METADATA", ".egg-info/PKG-INFO", "EGG-INFO/PKG-INFO", ".egg-info")
_FIELD = re.compile(rb"(name|version)\s*:(.*)", re.IGNORECASE)


def wants(path: str) -> bool:
    return path.endswith(_ENDINGS)


def read(path: str, file: BinaryIO) -> Iterator[Component]:
    fields = _head(file)
    if name := fields.get(b"name"):
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


CATALOGER = Cataloger(
    "python",
    wants,
    read,
    largest=8 * 1024 * 1024,
    names=frozenset({"METADATA", "PKG-INFO"}),
    extensions=frozenset({"egg-info"}),
)
