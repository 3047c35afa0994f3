"""Java: archives, the archives in them, and what was shaded into any of these.

Programs that were compiled ahead of time (GraalVM) hold no archives any more, and are not read.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from scans.catalogers.component import Cataloger, Component, Unreadable
from scans.catalogers.java_names import Coordinates, Facts, coordinates, manifest, properties
from scans.catalogers.zips import (
    Allowance,
    Archive,
    Damaged,
    Entry,
    Exhausted,
    NoZip,
    OnFile,
    Source,
)

_EXTENSIONS = ("jar", "war", "ear", "jpi", "hpi", "par", "sar", "kar", "nar", "lpkg", "rar")
_ENDINGS = tuple(f".{extension}".encode() for extension in _EXTENSIONS)
_MANIFEST = b"META-INF/MANIFEST.MF"
_MAVEN = b"META-INF/maven/"
_POMS = (b"/pom.properties", b"/pom.xml")
_MAX_DEPTH = 5  # archives in archives
_MAX_POMS = 10_000  # in one archive
_MAX_NESTED = 60_000
_MAX_MANIFEST = 256 * 1024  # bytes that are read of it
_MAX_PROPERTIES = 8 * 1024
_MAX_NAME = 1_000  # bytes that are kept of an entry's path
_MAX_SHOWN = 200  # characters of a path in a sentence
_FULL = Unreadable("It holds more packages than are read.", too_large=True)
_TOO_DEEP = Unreadable("Archives in archives are not read deeper than here.", too_large=True)


def wants(path: str) -> bool:
    return "META-INF/maven/" in path or not path.endswith("/pom.properties")


def read(path: str, file: BinaryIO) -> Iterator[Component]:
    """Also a pom.properties by itself, of an archive that was unpacked into the image."""
    if path.endswith("/pom.properties"):
        pom = properties(file.read(_MAX_PROPERTIES))
        yield from _components([pom] if pom else [], ())
        return
    source = OnFile(file)
    reading = _Reading(Allowance(source.size))
    try:
        yield from reading.archive(source, (path.rpartition("/")[2],))
    except Exhausted as error:
        reading.note((), error)
    if reading.problem:
        raise reading.problem


@dataclass
class _Contents:
    """The entries of one archive that are read."""

    manifest: Entry | None = None
    poms: list[Entry] = field(default_factory=list)
    paths: dict[tuple[str, str], None] = field(default_factory=dict)
    nested: list[Entry] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        poms = len(self.poms) + len(self.paths)
        return poms > _MAX_POMS or len(self.nested) > _MAX_NESTED

    def add(self, entry: Entry) -> None:
        name = entry.name
        if name.endswith(_POMS):
            path = name[name.find(_MAVEN) :].decode("utf-8", "replace").split("/")
            if len(path) == 5:
                self.paths[path[2], path[3]] = None
            if name.endswith(_POMS[0]):
                self.poms.append(entry)
        elif name.upper() == _MANIFEST:
            self.manifest = self.manifest or entry
        else:
            self.nested.append(entry)


class _Reading:
    """One file with all that is nested in it, and what went wrong. `where` is the names from the
    file's own to the innermost archive's."""

    def __init__(self, allowance: Allowance) -> None:
        self._first: Unreadable | None = None
        self._more = 0
        self._allowance = allowance

    def note(self, where: tuple[str, ...], error: Unreadable) -> None:
        if self._first:
            self._more += 1
        else:
            shown = "!/".join(where[1:])[:_MAX_SHOWN]
            place = f"In {shown}: " if shown.isprintable() and shown else ""
            self._first = Unreadable(f"{place}{error}", too_large=error.too_large)

    @property
    def problem(self) -> Unreadable | None:
        """The first one, and how many more there are."""
        if not self._first or not self._more:
            return self._first
        sentence = f"{self._first} And {self._more:,} more of the kind."
        return Unreadable(sentence, too_large=self._first.too_large)

    def archive(self, source: Source, where: tuple[str, ...]) -> Iterator[Component]:
        """An archive's own packages, then those of each archive in it."""
        self._allowance.take("archives")
        try:
            archive = Archive(source, self._allowance)
        except NoZip:
            if source.at(0, 4) == b"PK\3\4":
                self.note(where, Unreadable("It is an archive without an end."))
            return
        except Damaged as error:
            self.note(where, error)
            return
        contents = self._contents(archive, where)
        yield from _components(coordinates(self._facts(archive, contents, where)), where[1:])
        for entry in contents.nested:
            yield from self._nested(archive, entry, where)

    def _contents(self, archive: Archive, where: tuple[str, ...]) -> _Contents:
        """Up to where its directory breaks."""
        contents = _Contents()
        try:
            for entry in archive.entries(_is_wanted):
                contents.add(entry)
                if contents.is_full:
                    self.note(where, _FULL)
                    break
        except Damaged as error:
            self.note(where, error)
        return contents

    def _facts(self, archive: Archive, contents: _Contents, where: tuple[str, ...]) -> Facts:
        fields: dict[str, str] = {}
        poms: dict[Coordinates, None] = {}
        try:
            if contents.manifest:
                fields = manifest(archive.beginning(contents.manifest, _MAX_MANIFEST))
            for entry in contents.poms:
                if pom := properties(archive.beginning(entry, _MAX_PROPERTIES)):
                    poms[pom] = None
        except Damaged as error:
            self.note(where, error)
        name = where[-1].rpartition("/")[2]
        return Facts(name, fields, poms, contents.paths, lambda folder: _holds(archive, folder))

    def _nested(
        self, archive: Archive, entry: Entry, where: tuple[str, ...]
    ) -> Iterator[Component]:
        where = (*where, entry.name[-_MAX_NAME:].decode("utf-8", "replace"))
        if len(where) > _MAX_DEPTH + 1:
            self.note(where, _TOO_DEEP)
            return
        try:
            source = archive.inner(entry)
        except Damaged as error:
            self.note(where, error)
            return
        with self._allowance.holding(source):
            yield from self.archive(source, where)


def _is_wanted(name: bytes) -> bool:
    if name.endswith(b".class"):
        return False
    if name.endswith(_POMS):
        return _MAVEN in name
    return name.upper() == _MANIFEST or name.lower().endswith(_ENDINGS)


def _holds(archive: Archive, folder: bytes) -> bool:
    try:
        return any(True for _ in archive.entries(lambda name: name.startswith(folder)))
    except Damaged:
        return False


def _components(found: Iterable[Coordinates], inside: tuple[str, ...]) -> Iterator[Component]:
    for each in found:
        yield Component("maven", each.name, each.version, inside="!/".join(inside))


CATALOGER = Cataloger(
    "java",
    wants,
    read,
    largest=1024**3,
    names=frozenset({"pom.properties"}),
    extensions=frozenset(_EXTENSIONS),
)
