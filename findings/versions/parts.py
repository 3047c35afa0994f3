"""What the keys are made of: every part ends itself, so parts can simply be joined."""

from collections.abc import Iterable

_MORE, _END = b"\1", b"\0"


def number(digits: str) -> bytes:
    """ASCII digits, leading zeros and the empty string included, as bytes in numeric order."""
    value = int(digits or "0")
    body = value.to_bytes((value.bit_length() + 7) // 8)
    return bytes((len(body),)) + body


def numbers(components: Iterable[str]) -> bytes:
    """Numbers one after the other; a sequence comes before what continues it."""
    return b"".join(_MORE + number(digits) for digits in components) + _END


def text(characters: str) -> bytes:
    """ASCII text without NUL, in byte order; a text comes before what continues it."""
    return characters.encode("ascii") + b"\0"
