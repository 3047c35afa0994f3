"""Alpine's order: number{.number}{letter}{_suffix{number}}{~hash}{-r#}, as in apk-tools' version.c.

As in apk-tools 2, numbers may go on after a letter: packages such as 1.9.5p2 rely on it.
"""

import re
from itertools import chain

from findings.versions.parts import number, text

_VERSION = re.compile(
    r"([0-9]+)"
    r"((?:\.[0-9]+|[a-z][0-9]+)*)"
    r"([a-z]?)"
    r"((?:_(?:alpha|beta|pre|rc|cvs|svn|git|hg|p)[0-9]*)*)"
    r"((?:~[0-9a-f]+)?)"
    r"((?:-r[0-9]*)?)"
)
_COMPONENT = re.compile(r"([.a-z])([0-9]+)")
_SUFFIX = re.compile(r"_([a-z]+)([0-9]*)")

# What may come next, lowest first: a pre-release sorts before the end, everything else after it.
_PRE, _END, _REVISION, _HASH, _SUFFIX_NUMBER, _POST, _LETTER, _NUMBER = (
    bytes((rank,)) for rank in range(1, 9)
)
_SUFFIXES = {
    suffix: kind + bytes((rank,))
    for kind, suffixes in ((_PRE, "alpha beta pre rc"), (_POST, "cvs svn git hg p"))
    for rank, suffix in enumerate(suffixes.split())
}


def key(version: str) -> bytes | None:
    if not (match := _VERSION.fullmatch(version)):
        return None
    first, components, letter, suffixes, commit, revision = match.groups()
    return b"".join(
        chain(
            (number(first),),
            (_component(*component) for component in _COMPONENT.findall(components)),
            (_LETTER + text(letter) if letter else b"",),
            (_suffix(*suffix) for suffix in _SUFFIX.findall(suffixes)),
            (_HASH + text(commit) if commit else b"",),
            (_REVISION + number(revision[2:]) if revision else b"",),
            (_END,),
        )
    )


def _component(before: str, digits: str) -> bytes:
    """After a dot a number with a leading zero sorts as text, before those without."""
    if before != ".":
        return _LETTER + text(before) + _NUMBER + number(digits)
    return _NUMBER + (b"\0" + text(digits) if digits.startswith("0") else number(digits))


def _suffix(name: str, digits: str) -> bytes:
    return _SUFFIXES[name] + (_SUFFIX_NUMBER + number(digits) if digits else b"")
