"""JSON as package managers write it: at most one byte order mark more than the standard allows."""

from typing import Any, BinaryIO

import orjson

from scans.catalogers.component import Unreadable

_MARK = b"\xef\xbb\xbf"


def load(file: BinaryIO) -> Any:
    """Raises Unreadable for what is no JSON, or is nested more deeply than any real document."""
    try:
        return orjson.loads(file.read().removeprefix(_MARK))
    except orjson.JSONDecodeError:
        raise Unreadable("It is not the JSON document that its name says.") from None


def as_dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def as_text(value: object) -> str:
    return value if isinstance(value, str) else ""
