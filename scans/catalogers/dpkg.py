"""dpkg: var/lib/dpkg/status, and status.d/* of images built without dpkg (distroless).

Source: deb-control(5), dpkg(1) "Package states"; dpkg-query(1) "--listfiles" for info/*.list.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

from scans.catalogers.component import UNKNOWN_VERSION, Cataloger, Component, Owns
from scans.catalogers.stanzas import stanzas

_STATUS = "var/lib/dpkg/status"
_STATUS_D = "var/lib/dpkg/status.d"
_INFO = "var/lib/dpkg/info"
_KEYS = frozenset({b"package", b"status", b"version", b"architecture", b"source"})
# In every other state at least some of the package's files are there.
_NO_FILES = ("config-files", "not-installed")
_SOURCE = re.compile(r"(\S+)(?:\s+\((\S*)\))?", re.ASCII)


def wants(path: str) -> bool:
    if path == _STATUS:
        return True
    return path.rpartition("/")[0] == _STATUS_D and not path.endswith(".md5sums")


def read(path: str, file: BinaryIO) -> Iterator[Component]:
    for stanza in stanzas(file, _KEYS):
        if b"package" in stanza and not stanza.get(b"status", "").endswith(_NO_FILES):
            yield _component(stanza)


def _component(stanza: dict[bytes, str]) -> Component:
    """`Source: NAME (VERSION)` says what the package was built from where that differs; the
    version differs after a rebuild (1.2-3+b1 is built from 1.2-3)."""
    source = _SOURCE.match(stanza.get(b"source", ""))
    return Component(
        type="deb",
        name=stanza[b"package"],
        version=stanza.get(b"version", UNKNOWN_VERSION),
        architecture=stanza.get(b"architecture", ""),
        source_name=source[1] if source else "",
        source_version=(source[2] or "") if source else "",
    )


def wants_list(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    return name.endswith({_INFO: ".list", _STATUS_D: ".md5sums"}.get(folder, "/"))


def read_list(path: str, file: BinaryIO) -> Iterator[Owns]:
    """A line for each file: its absolute path, or in md5sums its sum, two blanks and its path."""
    package, _, kind = path.rpartition("/")[2].rpartition(".")
    start = 34 if kind == "md5sums" else 0
    paths = [line.strip()[start:].decode("utf-8", "replace").lstrip("/") for line in file]
    yield Owns(package.partition(":")[0], paths)


CATALOGER = Cataloger(
    "dpkg",
    wants,
    read,
    largest=32 * 1024 * 1024,
    names=frozenset({"status"}),
    folders=frozenset({_STATUS_D}),
)
LISTS = Cataloger(
    "dpkg-files",
    wants_list,
    read_list,
    largest=16 * 1024 * 1024,
    folders=frozenset({_INFO, _STATUS_D}),
)
