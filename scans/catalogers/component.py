"""What catalogers find, and what a cataloger is."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

# What the field writes where metadata names a package and no version of it.
UNKNOWN_VERSION = "UNKNOWN"

_MAX_TEXT = 300  # characters; longer than any name or version in any ecosystem
_MAX_ARCHITECTURE = 30


@dataclass(frozen=True, slots=True)
class Component:
    """A package as its database names it. A source it does not name is ""."""

    type: str
    name: str
    version: str
    architecture: str = ""
    source_name: str = ""
    source_version: str = ""


@dataclass(frozen=True)
class Cataloger:
    """`wants` says by its path which file to read, `read` what stands in it.

    `read` never raises, whatever the bytes; `largest` is the size in bytes past which a file is
    not read and the image is too large.
    """

    name: str
    wants: Callable[[str], bool]
    read: Callable[[str, bytes], Iterable[Component]]
    largest: int


def storable(components: Iterable[Component]) -> Iterator[Component]:
    """Hold what an image says to what can be stored and shown.

    A name that is no name (empty, too long, control characters, a lone surrogate) can match no
    advisory and is left out. Such a version makes the package's version unknown, which is shown;
    cutting it would make it another version.
    """
    for component in components:
        if _is_text(component.name, _MAX_TEXT):
            yield component if _is_storable(component) else _without_oddities(component)


def _is_storable(component: Component) -> bool:
    return (
        _is_text(component.version, _MAX_TEXT)
        and _is_text(component.architecture or "-", _MAX_ARCHITECTURE)
        and _is_text(component.source_name or "-", _MAX_TEXT)
        and _is_text(component.source_version or "-", _MAX_TEXT)
    )


def _without_oddities(component: Component) -> Component:
    return replace(
        component,
        version=_or_else(component.version, _MAX_TEXT, UNKNOWN_VERSION),
        architecture=_or_else(component.architecture, _MAX_ARCHITECTURE, ""),
        source_name=_or_else(component.source_name, _MAX_TEXT, ""),
        source_version=_or_else(component.source_version, _MAX_TEXT, ""),
    )


def _or_else(text: str, limit: int, otherwise: str) -> str:
    return text if _is_text(text, limit) else otherwise


def _is_text(text: str, limit: int) -> bool:
    return len(text) <= limit and text.isprintable() and bool(text.strip())
