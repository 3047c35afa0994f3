"""Packagist's order: PHP's version_compare() of versions that Composer can install.

Composer compares by that function, after it has read the version (composer/semver). Where reading
changes the order, or Composer refuses to read, the version is unknown: branches ("dev-main",
"2.x-dev"), "-stable", upper-case patches, words of other kinds. Numbers are not filled up: 1.0 is
less than 1.0.0, as in version_compare() and in OSV, whose records list the versions they mean.
"""

import re

from findings.versions.parts import number

_VERSION = re.compile(r"[vV]?([0-9][0-9A-Za-z]*(?:[._-][0-9A-Za-z]+)*)(?:\+\S+)?")
_TOKEN = re.compile(r"[0-9]+|[A-Za-z]+")

# What may come next, lowest first. version_compare() knows these words in this spelling only; in
# any other it takes them all for one, the lowest.
_OTHER_CASE, _DEV, _ALPHA, _BETA, _RC, _END, _NUMBER, _PATCH = (
    bytes((rank,)) for rank in range(1, 9)
)
_PRE = {"dev": _DEV, "alpha": _ALPHA, "a": _ALPHA, "beta": _BETA, "b": _BETA, "rc": _RC}
_WORDS = _PRE | {"RC": _RC, "patch": _PATCH, "pl": _PATCH, "p": _PATCH}


def key(version: str) -> bytes | None:
    """Build metadata does not count."""
    if not (match := _VERSION.fullmatch(version.strip())):
        return None
    parts = [_token(token) for token in _TOKEN.findall(match[1])]
    return None if None in parts else b"".join([*filter(None, parts), _END])


def _token(token: str) -> bytes | None:
    if token.isdigit():
        return _NUMBER + number(token)
    return _WORDS.get(token) or (_OTHER_CASE if token.lower() in _PRE else None)
