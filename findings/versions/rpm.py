"""rpm's order: [epoch:]version[-release], with ~ and ^, as in rpmvercmp and rpm-version(7)."""

import re

from findings.versions.parts import number, text

_EPOCH = re.compile(r"([0-9]*):(.*)", re.DOTALL)
_SEGMENT = re.compile(r"~|\^|[0-9]+|[A-Za-z]+")

# What may come next, lowest first.
_TILDE, _END, _CARET, _LETTERS, _NUMBER = (bytes((rank,)) for rank in range(1, 6))
_NO_RELEASE, _RELEASE, _RELEASES_END = b"\0", b"\1", b"\2"


def key(version: str) -> bytes | None:
    """A version without a release sorts before the same version with any."""
    if not version:
        return None
    match = _EPOCH.fullmatch(version)
    epoch, rest = match.groups() if match else ("", version)
    upstream, dash, release = rest.rpartition("-")
    if not dash:
        return number(epoch) + _part(rest) + _NO_RELEASE
    return number(epoch) + _part(upstream) + _RELEASE + _part(release)


def end(key: bytes) -> bytes:
    """The least key above the version's, and above all its releases where it names none."""
    bare = key.removesuffix(_NO_RELEASE)
    return key + b"\0" if bare == key else bare + _RELEASES_END


def _part(part: str) -> bytes:
    """Letters, digits, tildes and carets count; everything else only separates them."""
    return b"".join(map(_segment, _SEGMENT.findall(part))) + _END


def _segment(segment: str) -> bytes:
    if segment == "~":
        return _TILDE
    if segment == "^":
        return _CARET
    return _NUMBER + number(segment) if segment.isdigit() else _LETTERS + text(segment)
