"""RubyGems' order, as in Gem::Version.

Words sort before numbers, missing segments are zeros, and a dash stands for ".pre.".
"""

import re

from findings.versions.parts import number, text

_VERSION = re.compile(r"[0-9]+(?:\.[0-9A-Za-z]+)*(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?")
_SEGMENT = re.compile(r"[0-9]+|[A-Za-z]+")

# What may come next, lowest first. A version goes on with zeros for ever, so a zero sorts by what
# ends the zeros: before the end if that is a word, after it if that is a number.
_WORD, _ZERO_BEFORE_WORD, _END, _ZERO_BEFORE_NUMBER, _NUMBER = (
    bytes((rank,)) for rank in range(1, 6)
)


def key(version: str) -> bytes | None:
    version = version.strip()
    if not _VERSION.fullmatch(version):
        return None
    segments = _SEGMENT.findall(version.replace("-", ".pre."))
    first_word = next((at for at, one in enumerate(segments) if one.isalpha()), len(segments))
    release, pre = _trimmed(segments[:first_word]), _trimmed(segments[first_word:])
    return _encoded(release + pre)


def _trimmed(segments: list[str]) -> list[str]:
    while segments and not segments[-1].strip("0"):
        segments.pop()
    return segments


def _encoded(segments: list[str]) -> bytes:
    parts = [_END]
    zero = b""  # what a zero here is, by what follows it
    for segment in reversed(segments):
        if segment.isalpha():
            parts.append(_WORD + text(segment))
            zero = _ZERO_BEFORE_WORD
        elif segment.strip("0"):
            parts.append(_NUMBER + number(segment))
            zero = _ZERO_BEFORE_NUMBER
        else:
            parts.append(zero)
    return b"".join(reversed(parts))
