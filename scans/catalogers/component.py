"""What catalogers find, and what a cataloger is."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

# What the field writes where metadata names a package and no version of it.
UNKNOWN_VERSION = "UNKNOWN"

_MAX_TEXT = 300  # characters; longer than any name or version in any ecosystem
_MAX_ARCHITECTURE = 30
_MAX_INSIDE = 1000


@dataclass(frozen=True, slots=True)
class Component:
    """A package as its database names it. A source it does not name is "".

    `module` is the module and stream that an rpm belongs to ("nodejs:18"); `inside` is where in its
    file a package stands, if the file is an archive ("BOOT-INF/lib/x.jar").
    """

    type: str
    name: str
    version: str
    architecture: str = ""
    source_name: str = ""
    source_version: str = ""
    module: str = ""
    inside: str = ""


@dataclass(frozen=True, slots=True)
class Owns:
    """Files that a distribution's package brought, relative to the root: what other catalogers find
    in them is that package, and not reported a second time."""

    package: str
    paths: Sequence[str]


class Unreadable(Exception):
    """The file is what its name says, but cannot be read; `str()` is a sentence on why. `too_large`
    if it passes a bound of its cataloger, and may be sound otherwise."""

    def __init__(self, sentence: str, *, too_large: bool = False) -> None:
        super().__init__(sentence)
        self.too_large = too_large


@dataclass(frozen=True)
class Cataloger:
    """`wants` says by its path which file to read, `read` what stands in it.

    `names`, `extensions` and `folders` are what `wants` is asked about at all: the file's own name,
    what follows its last dot, or the whole path of its folder. With `executables` it is asked about
    every executable, too; with `magic` only files that begin so are read.

    `read` gets the path and a seekable file, raises nothing but Unreadable whatever the bytes, and
    never holds more than a small multiple of what it yields. `largest` is the size in bytes past
    which a file is not read. `journal_of` names the file that a path is the journal of, or "";
    `merge` makes one file of a file and its journal.
    """

    name: str
    wants: Callable[[str], bool]
    read: Callable[[str, BinaryIO], Iterable[Component | Owns]]
    largest: int
    names: frozenset[str] = frozenset()
    extensions: frozenset[str] = frozenset()
    folders: frozenset[str] = frozenset()
    executables: bool = False
    magic: bytes = b""
    journal_of: Callable[[str], str] = lambda path: ""
    merge: Callable[[bytes, bytes], bytes] = lambda body, journal: body


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
        and _is_text(component.module or "-", _MAX_TEXT)
        and _is_text(component.inside or "-", _MAX_INSIDE)
    )


def _without_oddities(component: Component) -> Component:
    return replace(
        component,
        version=_or_else(component.version, _MAX_TEXT, UNKNOWN_VERSION),
        architecture=_or_else(component.architecture, _MAX_ARCHITECTURE, ""),
        source_name=_or_else(component.source_name, _MAX_TEXT, ""),
        source_version=_or_else(component.source_version, _MAX_TEXT, ""),
        module=_or_else(component.module, _MAX_TEXT, ""),
        inside=_or_else(component.inside, _MAX_INSIDE, ""),
    )


def _or_else(text: str, limit: int, otherwise: str) -> str:
    return text if _is_text(text, limit) else otherwise


def _is_text(text: str, limit: int) -> bool:
    return len(text) <= limit and text.isprintable() and bool(text.strip())
