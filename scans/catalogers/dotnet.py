""".NET: NAME.deps.json beside an application or in a shared framework, which names NuGet packages.

Source: "Runtime configuration file" of dotnet/sdk. Packages bring files into the application; what
was only needed to build it, or gave way to a newer file of the framework, brings none and is not
there. Version resources of programs are not read: they name products, not packages.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from scans.catalogers.component import UNKNOWN_VERSION, Cataloger, Component, Unreadable
from scans.catalogers.json_document import as_dict, as_text, load

_PACKAGES = ("package", "runtimepack")
_RUNTIME_PACK = "runtimepack."  # before the package's name, in applications that bring the runtime
_FILES = ("runtime", "native", "runtimeTargets", "resources")
_FRAMEWORK = re.compile(r"(?:.*/)?shared/([^/]+)/(([0-9]+)\.[^/]+)/\1\.deps\.json")
_NO_FILE = "_._"  # stands in a package's folder that is empty on purpose


def wants(path: str) -> bool:
    return path.endswith(".deps.json")


def read(path: str, file: BinaryIO) -> Iterator[Component]:
    document = as_dict(load(file))
    if not isinstance(document.get("libraries"), dict):
        raise Unreadable("It names no libraries, as a .deps.json does.")
    yield from _framework(path, document)
    absent = _absent(as_dict(document.get("targets")))
    for library, described in document["libraries"].items():
        kind = as_dict(described).get("type")
        name, _, version = library.rpartition("/")
        if kind in _PACKAGES and name and name.lower() not in absent:
            yield Component("dotnet", name.removeprefix(_RUNTIME_PACK), version or UNKNOWN_VERSION)


def _framework(path: str, document: dict[str, Any]) -> Iterator[Component]:
    """A shared framework is the package that an application would bring it as. Its folder knows
    the version: up to 3.1 its own file names a build of it, which sorts as a pre-release."""
    target = as_text(as_dict(document.get("runtimeTarget")).get("name"))
    platform = target.partition("/")[2]
    if platform and (match := _FRAMEWORK.fullmatch(path)):
        name, version, major = match.groups()
        since_3 = len(major) > 1 or major >= "3"  # before, one package served all platforms
        yield Component("dotnet", f"{name}.Runtime.{platform}" if since_3 else name, version)


def _absent(targets: dict[str, Any]) -> set[str]:
    """Libraries of which no target has a file, nor of anything that they depend on: a package that
    stands for others is there with them."""
    needed_by: dict[str, list[str]] = defaultdict(list)
    listed: set[str] = set()
    present: set[str] = set()
    for library, described in _libraries(targets.values()):
        listed.add(library)
        if _has_files(described):
            present.add(library)
        for name in as_dict(described.get("dependencies")):
            needed_by[name.lower()].append(library)
    new = list(present)
    while new:
        found = set(needed_by.pop(new.pop(), ())) - present
        present |= found
        new += found
    return listed - present


def _libraries(targets: Iterable[object]) -> Iterator[tuple[str, dict[str, Any]]]:
    for target in targets:
        for library, described in as_dict(target).items():
            yield library.rpartition("/")[0].lower(), as_dict(described)


def _has_files(described: dict[str, Any]) -> bool:
    return any(
        not path.endswith(_NO_FILE) for kind in _FILES for path in as_dict(described.get(kind))
    )


CATALOGER = Cataloger(
    "dotnet", wants, read, largest=4 * 1024 * 1024, extensions=frozenset({"json"})
)
