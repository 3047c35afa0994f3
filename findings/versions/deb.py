"""Debian's order: [epoch:]upstream[-revision], as in deb-version(7) and dpkg's own comparison."""

import re

from findings.versions.parts import number

_DIGITS = re.compile(r"[0-9]+")
_PRINTABLE = re.compile(r"[!-~]+")
_RUNS = re.compile(r"([^0-9]*)([0-9]*)")

# In a run of non-digits a tilde sorts before its end, the end before letters, letters before the
# rest.
_END = 2
_RANK = {c: ord(c) if c.isalpha() else ord(c) | 0x80 for c in map(chr, range(33, 127))} | {"~": 1}


def key(version: str) -> bytes | None:
    epoch, colon, rest = version.strip().partition(":")
    if not colon:
        epoch, rest = "0", epoch
    upstream, dash, revision = rest.rpartition("-")
    if not dash:
        upstream, revision = rest, "0"
    if not (
        _DIGITS.fullmatch(epoch)
        and _PRINTABLE.fullmatch(upstream)
        and _PRINTABLE.fullmatch(revision)
    ):
        return None
    return number(epoch) + _part(upstream) + _part(revision)


def _part(part: str) -> bytes:
    """Runs of non-digits and digits in turn; missing digits are a zero."""
    encoded = bytearray()
    for letters, digits in _RUNS.findall(part):
        if letters or digits:
            encoded += bytes(_RANK[letter] for letter in letters)
            encoded.append(_END)
            encoded += number(digits)
    encoded.append(_END)
    return bytes(encoded)
