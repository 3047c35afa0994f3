"""What the keys are made of: every part ends itself, so parts can simply be joined."""


def number(digits: str) -> bytes:
    """ASCII digits, leading zeros and the empty string included, as bytes in numeric order."""
    value = int(digits or "0")
    body = value.to_bytes((value.bit_length() + 7) // 8)
    return bytes((len(body),)) + body


def text(characters: str) -> bytes:
    """ASCII text without NUL, in byte order; a text comes before what continues it."""
    return characters.encode("ascii") + b"\0"
