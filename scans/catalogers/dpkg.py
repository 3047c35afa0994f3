"""dpkg: var/lib/dpkg/status, and status.d/* of images built without dpkg (distroless).

Source: deb-control(5), dpkg(1) "Package states".
"""

import re
from collections.abc import Iterator

from scans.catalogers.component import UNKNOWN_VERSION, Cataloger, Component
from scans.catalogers.stanzas import stanzas

_STATUS = "var/lib/dpkg/status"
_STATUS_D = "var/lib/dpkg/status.d/"
_KEYS = frozenset({b"Package", b"Status", b"Version", b"Architecture", b"Source"})
# In every other state at least some of the package's files are there.
_NO_FILES = ("config-files", "not-installed")
_SOURCE = re.compile(r"(\S+)(?:\s+\((\S*)\))?", re.ASCII)


def wants(path: str) -> bool:
    return path == _STATUS or (
        path.startswith(_STATUS_D)
        and path.find("/", len(_STATUS_D)) < 0
        and not path.endswith(".md5sums")
    )


def read(path: str, body: bytes) -> Iterator[Component]:
    for stanza in stanzas(body, _KEYS):
        if b"Package" in stanza and not stanza.get(b"Status", "").endswith(_NO_FILES):
            yield _component(stanza)


def _component(stanza: dict[bytes, str]) -> Component:
    """`Source: NAME (VERSION)` says what the package was built from where that differs; the
    version differs after a rebuild (1.2-3+b1 is built from 1.2-3)."""
    source = _SOURCE.match(stanza.get(b"Source", ""))
    return Component(
        type="deb",
        name=stanza[b"Package"],
        version=stanza.get(b"Version", UNKNOWN_VERSION),
        architecture=stanza.get(b"Architecture", ""),
        source_name=source[1] if source else "",
        source_version=(source[2] or "") if source else "",
    )


CATALOGER = Cataloger("dpkg", wants, read, largest=32 * 1024 * 1024)
