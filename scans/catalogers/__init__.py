"""One file per package database. To add one: copy a neighbour and its test, add a line to
CATALOGERS, and raise VERSION, which makes every layer due to be read again."""

from collections import defaultdict
from collections.abc import Callable, Iterable

from scans.catalogers import (
    apk,
    binaries,
    dotnet,
    dpkg,
    java,
    jdk,
    npm,
    php,
    python,
    rpm,
    ruby,
)
from scans.catalogers.component import (
    UNKNOWN_VERSION,
    Cataloger,
    Component,
    Owns,
    Unreadable,
    storable,
)

VERSION = 2

CATALOGERS = (
    dpkg.CATALOGER,
    dpkg.LISTS,
    apk.CATALOGER,
    rpm.CATALOGER,
    python.CATALOGER,
    python.ARCHIVES,
    npm.CATALOGER,
    ruby.CATALOGER,
    php.CATALOGER,
    dotnet.CATALOGER,
    java.CATALOGER,
    binaries.EXECUTABLES,
    binaries.LIBRARIES,
    jdk.CATALOGER,
)

# Types whose packages stand together in a database that every layer rewrites as a whole.
DISTRIBUTION_TYPES = frozenset({"deb", "apk", "rpm"})


def cataloger_for(path: str, executable: bool = False) -> Cataloger | None:
    """Who wants this file. It is asked for every file of every layer, so only those are asked whose
    `names`, `extensions` or `folders` fit."""
    slash = path.rfind("/")
    name = path[slash + 1 :]
    for candidates in (
        _BY_NAME.get(name),
        _BY_EXTENSION.get(name[name.rfind(".") + 1 :].lower()),
        _BY_FOLDER.get(path[:slash] if slash > 0 else ""),
        _OF_EXECUTABLES if executable else None,
    ):
        for cataloger in candidates or ():
            if cataloger.wants(path):
                return cataloger
    return None


def _by(keys: Callable[[Cataloger], Iterable[str]]) -> dict[str, list[Cataloger]]:
    found = defaultdict(list)
    for cataloger in CATALOGERS:
        for key in keys(cataloger):
            found[key].append(cataloger)
    return dict(found)


_BY_NAME = _by(lambda cataloger: cataloger.names)
_BY_EXTENSION = _by(lambda cataloger: cataloger.extensions)
_BY_FOLDER = _by(lambda cataloger: cataloger.folders)
_OF_EXECUTABLES = [cataloger for cataloger in CATALOGERS if cataloger.executables]

__all__ = [
    "CATALOGERS",
    "DISTRIBUTION_TYPES",
    "UNKNOWN_VERSION",
    "VERSION",
    "Cataloger",
    "Component",
    "Owns",
    "Unreadable",
    "cataloger_for",
    "storable",
]
