"""apk: lib/apk/db/installed, below usr/ in later releases.

Source: apk-tools, apk-package(5); `o:` is the origin, the package it was built with.
"""

from collections.abc import Iterator

from scans.catalogers.component import UNKNOWN_VERSION, Cataloger, Component
from scans.catalogers.stanzas import stanzas

_PATHS = frozenset({"lib/apk/db/installed", "usr/lib/apk/db/installed"})
_KEYS = frozenset({b"P", b"V", b"A", b"o"})


def wants(path: str) -> bool:
    return path in _PATHS


def read(path: str, body: bytes) -> Iterator[Component]:
    for stanza in stanzas(body, _KEYS):
        if b"P" in stanza:
            yield Component(
                type="apk",
                name=stanza[b"P"],
                version=stanza.get(b"V", UNKNOWN_VERSION),
                architecture=stanza.get(b"A", ""),
                source_name=stanza.get(b"o", ""),
            )


CATALOGER = Cataloger("apk", wants, read, largest=32 * 1024 * 1024)
