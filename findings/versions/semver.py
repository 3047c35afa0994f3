"""Semantic Versioning 2.0.0, section 11, as npm, crates.io and Go use it.

Tolerated beyond it: a leading "v" or "=", missing minor and patch numbers, leading zeros.
"""

import re

from findings.versions.parts import number, text

_VERSION = re.compile(
    r"[v=]?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?"
    r"(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]*)?"
)

# What may come next, lowest first: a pre-release sorts before its release.
_END, _NUMBER, _WORD, _RELEASE = (bytes((rank,)) for rank in range(4))


def key(version: str) -> bytes | None:
    """Build metadata does not count."""
    if not (match := _VERSION.fullmatch(version)):
        return None
    major, minor, patch, pre = match.groups()
    return number(major) + number(minor) + number(patch) + (identifiers(pre) if pre else _RELEASE)


def identifiers(dotted: str) -> bytes:
    """Numbers before words, and less before more."""
    return b"".join(map(_identifier, dotted.split("."))) + _END


def _identifier(identifier: str) -> bytes:
    return _NUMBER + number(identifier) if identifier.isdigit() else _WORD + text(identifier)
