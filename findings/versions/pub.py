"""Dart's order, as in pub_semver: semantic versioning, in which build metadata does count."""

from findings.versions import semver

_NO_BUILD, _BUILD = b"\0", b"\1"


def key(version: str) -> bytes | None:
    precedence = semver.key(version)
    _, plus, build = version.partition("+")
    if precedence is None:
        return None
    return precedence + (_BUILD + semver.identifiers(build) if plus else _NO_BUILD)
