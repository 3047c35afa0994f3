"""NuGet's order: Semantic Versioning 2.0.0 with one to four numbers, and words in either case.

Source: "Package versioning" of the NuGet documentation, and VersionComparer of NuGet.Versioning.
"""

import re

from findings.versions.parts import number, text

_VERSION = re.compile(
    r"([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(?:\.([0-9]+))?"
    r"(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
    r"(?:\+[0-9A-Za-z.-]*)?"
)
_LARGEST = 2**31 - 1  # longer numbers are words: dates with the time of day, for example

# What may come next, lowest first: a pre-release sorts before its release.
_END, _NUMBER, _WORD, _RELEASE = (bytes((rank,)) for rank in range(4))


def key(version: str) -> bytes | None:
    """Build metadata does not count."""
    if not (match := _VERSION.fullmatch(version.strip())):
        return None
    *numbers, pre = match.groups()
    release = b"".join(number(digits or "0") for digits in numbers)
    if pre is None:
        return release + _RELEASE
    return release + b"".join(map(_identifier, pre.split("."))) + _END


def _identifier(identifier: str) -> bytes:
    if identifier.isdigit() and int(identifier) <= _LARGEST:
        return _NUMBER + number(identifier)
    return _WORD + text(identifier.lower())
