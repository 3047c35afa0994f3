"""Maven's order, as ComparableVersion of Maven 3.9 has it.

Source: org.apache.maven.artifact.versioning.ComparableVersion, 3.9. A version is a list of numbers
and qualifiers that may end in a list, which may end in a list, and so on: here, one segment each.
"""

import re

from findings.versions.parts import number, text

_PART = re.compile(r"[0-9]+|[^0-9.-]+|[.-]")
_DISPUTED = re.compile(r"-(?:0*|ga|final|release)-")
_QUALIFIERS = ["alpha", "beta", "milestone", "rc", "snapshot", "", "sp"]
_RELEASE = _QUALIFIERS.index("")
_SAME = {"ga": "", "final": "", "release": "", "cr": "rc"}
_SHORT = {"a": "alpha", "b": "beta", "m": "milestone"}  # before a digit

# What may come next, lowest first. What makes a version less than it would be if it ended here
# comes before the end, and only then the kind counts. Maven itself looks at the kind first and so
# runs in circles, 1-alpha < 1 < 1.sp.1 < 1-alpha; this is its order without the last of these.
_BELOW, _ABOVE = -1, 1
_WORD, _LIST, _NUMBER = ({_BELOW: bytes((rank,)), _ABOVE: bytes((rank + 4,))} for rank in range(3))
_END = b"\3"

_Segment = list[str]  # of numbers, without leading zeros, and qualifiers


def key(version: str) -> bytes | None:
    """1-ga-1 and its kind have none: Maven's program and its documentation disagree on them."""
    if not version or not version.isascii() or not version.isprintable():
        return None
    version = version.lower()
    return None if _DISPUTED.search(version) else _key(_segments(version))


def _segments(version: str) -> list[_Segment]:
    """The nested lists, normalised: nothing that counts for nothing stands at the end of one."""
    segments: list[_Segment] = [[]]
    pending = ""
    for part in _PART.findall(version):
        if part in ".-":
            segments[-1].append(_item(pending or "0"))
            if part == "-":
                segments.append([])
            pending = ""
        else:
            if pending:  # between letters and digits, without a separator
                _split(segments, pending)
            pending = part
    if pending:
        if not pending.isdigit():
            _open(segments)
        segments[-1].append(_item(pending))
    return _normalised(segments)


def _split(segments: list[_Segment], pending: str) -> None:
    if pending.isdigit():
        segments[-1].append(_item(pending))
    else:
        _open(segments)
        segments[-1].append(_item(_SHORT.get(pending, pending)))
    segments.append([])


def _open(segments: list[_Segment]) -> None:
    """A qualifier that digits or nothing follow begins a list of its own: .X is -X."""
    if segments[-1]:
        segments.append([])


def _item(part: str) -> str:
    return part.lstrip("0") or "0" if part.isdigit() else _SAME.get(part, part)


def _normalised(segments: list[_Segment]) -> list[_Segment]:
    for segment in segments:
        while segment and segment[-1] in ("0", ""):
            segment.pop()
    while len(segments) > 1 and not segments[-1]:
        segments.pop()
    return segments


def _key(segments: list[_Segment]) -> bytes:
    """Built from its end, because a zero is above or below it as what follows it is."""
    parts = [_END]
    side = 0
    for segment in reversed(segments):
        if side:
            parts.append(_LIST[side])
        for item in reversed(segment):
            side = _side(item) or side
            parts.append(_number(item, side) if item.isdigit() else _word(item, side))
    return b"".join(reversed(parts))


def _side(item: str) -> int:
    """Of the end: nought for what counts for nothing there."""
    if item.isdigit():
        return _ABOVE if item != "0" else 0
    rank = _rank(item)
    return (rank > _RELEASE) - (rank < _RELEASE)


def _rank(qualifier: str) -> int:
    return _QUALIFIERS.index(qualifier) if qualifier in _QUALIFIERS else len(_QUALIFIERS)


def _number(digits: str, side: int) -> bytes:
    return _NUMBER[side] + number(digits)


def _word(qualifier: str, side: int) -> bytes:
    rank = _rank(qualifier)
    unknown = text(qualifier) if rank == len(_QUALIFIERS) else b""
    return _WORD[side] + bytes((rank,)) + unknown
