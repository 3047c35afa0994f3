"""Values of any type, from anyone: what is not of the type asked for is empty, what is too long is
cut."""

from typing import Any

MAX_LIST = 500


def as_dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def text(value: object, limit: int) -> str:
    """At most `limit` characters, without NUL, which no database column takes."""
    return value[:limit].replace("\0", "") if isinstance(value, str) else ""


def dicts(value: object) -> list[dict[str, Any]]:
    """The first of a list, each as a dictionary."""
    return [as_dict(item) for item in as_list(value)[:MAX_LIST]]
