"""What is read of an SBOM's document before anything is made of it."""

from dataclasses import dataclass

from scans.sbom.entries import Entry, System

MAX_BYTES = 32 * 2**20
MAX_ENTRIES = 100_000
MAX_DEPTH = 50  # components within components
MAX_PARTS = 4_000_000  # values or elements; real documents take ten bytes or more for each


class NotAnSbom(Exception):
    """The document is refused; the message is a sentence that says why."""


@dataclass(frozen=True)
class Document:
    format: str
    name: str
    system: System | None
    entries: tuple[Entry, ...]


def text(value: object, limit: int = 2_000) -> str:
    return value[:limit] if isinstance(value, str) else ""


def objects(value: object) -> list[dict[str, object]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
