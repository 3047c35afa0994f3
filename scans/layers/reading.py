"""Read one layer, from its chunks to its record, in one pass and without holding it."""

from collections.abc import Iterable, Iterator, Set
from io import BytesIO
from tempfile import TemporaryFile
from typing import BinaryIO

from scans import osrelease
from scans.catalogers import (
    DISTRIBUTION_TYPES,
    Cataloger,
    Component,
    Owns,
    Unreadable,
    cataloger_for,
    storable,
)
from scans.layers.budget import Budget, LayerError, Meter, damaged, too_large
from scans.layers.decompress import decompress
from scans.layers.ownership import Ownership
from scans.layers.paths import may_hold_packages, normalised
from scans.layers.record import Content, LayerRecord, Problem
from scans.layers.tarwalk import Entry, Kind, TarWalk
from scans.osrelease import Distro
from scans.support import Reason

_WHITEOUT = ".wh."
_AUFS = ".wh..wh."  # of aufs itself: its metadata, and the mark of an opaque folder
_OPAQUE = ".wh..wh..opq"
_OVERHEAD = 100  # bytes that a path in memory costs beside its text
_NAMELESS = frozenset({"", ".", ".."})
_IN_MEMORY = 4 * 1024 * 1024  # bytes; longer files are read from disk


def read_layer(
    chunks: Iterable[bytes],
    media_type: str = "",
    budget: Budget = Budget(),  # noqa: B008 (frozen)
    *,
    digest_tar: bool = False,
    also_read: Set[str] = frozenset(),
    spool: BinaryIO | None = None,
) -> LayerRecord:
    """Read a layer's blob to its last byte and say what stands in it.

    `chunks` is the blob as it is stored; `media_type` is a hint that its first bytes make needless.
    `digest_tar` computes the diff id, at the cost of another SHA-256. `also_read` is a former
    record's `unread`. `spool` is where long files are put to be read, by default a temporary file.
    Raises LayerError, and whatever `chunks` raises.
    """
    chunks = iter(chunks)
    meter = Meter(budget, digest_tar)
    try:
        return _read(chunks, meter, _Contents(budget, also_read, spool))
    except LayerError as error:
        if error.reason is Reason.DAMAGED:
            # If it was damaged on the way, its source says so at the end, and it is read again.
            for _ in meter.before(chunks):
                pass
        raise


def _read(chunks: Iterator[bytes], meter: Meter, contents: "_Contents") -> LayerRecord:
    compression, pieces = decompress(meter.before(chunks))
    walk = TarWalk(meter.after(pieces), contents.budget)
    for entry in walk:
        contents.add(entry, walk)
    if compression == "zstd" and not walk.ended:
        raise damaged("its zstd data ends too early.")
    return contents.record(walk.entries, meter)


class _Contents:
    """What one layer holds, entry by entry; a later entry replaces an earlier one."""

    def __init__(self, budget: Budget, also_read: Set[str], spool: BinaryIO | None = None) -> None:
        self.budget = budget
        self._also_read = also_read
        self._spool = spool
        self._files: dict[str, Content] = {}
        self._problems: dict[str, Problem] = {}
        self._owners = Ownership()
        self._barren: set[str] = set()  # programs in which no package was found
        self._bodies: dict[str, bytes] = {}  # of `also_read`
        self._journals: dict[str, str] = {}  # what is journaled → its journal
        self._links: dict[str, str] = {}
        self._hidden: set[str] = set()
        self._whiteouts: set[str] = set()
        self._opaques: set[str] = set()
        self._bare: set[str] = set()
        self._unread: set[str] = set()
        self._above: set[str] = set()  # folders that hold wanted files
        self._folders: list[str] = []  # with entries of their own, from the root to the latest
        self._wanted_bytes = 0
        self._held = 0  # bytes in `_bodies`
        self._packages = 0
        self._remembered = 0

    def add(self, entry: Entry, walk: TarWalk) -> None:
        path = entry.path
        if not path:
            return
        if path.startswith(_WHITEOUT, path.rfind("/") + 1):
            self._add_whiteout(path)
        elif entry.kind is Kind.FOLDER:
            self._add_folder(path)
        else:
            self._replace(path)
            self._add_other(entry, walk)

    def record(self, entries: int, meter: Meter) -> LayerRecord:
        self._apply_journals()
        self._hidden.update(path for path in self._barren if not self._owners.of(path))
        return LayerRecord(
            entries=entries,
            bytes=meter.bytes,
            diff_id=meter.diff_id,
            files=dict(sorted(self._files.items())),
            problems=dict(sorted(self._problems.items())),
            owned=dict(self._owned()),
            links=dict(sorted(self._links.items())),
            hidden=tuple(sorted(self._hidden)),
            whiteouts=tuple(sorted(self._whiteouts)),
            opaques=tuple(sorted(self._opaques)),
            bare=tuple(sorted(self._bare)),
            unread=tuple(sorted(self._unread)),
        )

    def _owned(self) -> Iterator[tuple[str, str]]:
        """Of language packages only: a distribution's database is owned by some package as well."""
        for path, content in sorted(self._files.items()):
            if isinstance(content, Distro) or _is_of_distribution(content):
                continue
            if owner := self._owners.of(path):
                yield path, owner

    def _add_other(self, entry: Entry, walk: TarWalk) -> None:
        path, kind = entry.path, entry.kind
        is_file = kind is Kind.FILE
        reader = _reader_of(path, is_file and entry.executable)
        if is_file and (path in self._also_read or (reader and _begins_right(reader, walk))):
            self._add_file(entry, walk, reader)
        elif reader and kind is Kind.HARDLINK:
            self._add_hard_link(path, normalised(entry.target), reader)
        elif may_hold_packages(path) or (reader and not is_file):
            self._remember(path, entry.target)
            if kind is Kind.SYMLINK:
                self._links[path] = entry.target
            else:
                self._hidden.add(path)

    def _add_file(self, entry: Entry, walk: TarWalk, reader: "_Reader | None") -> None:
        path = entry.path
        if problem := self._problem_of(entry, reader):
            self._put(path, ())
            self._problems[path] = problem
            return
        self._count_wanted(entry)
        file = self._open(entry, walk)
        if path in self._also_read:
            self._hold(path, file.read())
            file.seek(0)
        if reader:
            self._read_file(path, file, reader)

    def _open(self, entry: Entry, walk: TarWalk) -> BinaryIO:
        if entry.size <= _IN_MEMORY:
            return BytesIO(walk.body())
        if self._spool is None:
            self._spool = TemporaryFile()  # noqa: SIM115 (it goes with the layer)
        self._spool.seek(0)
        self._spool.truncate()
        walk.copy(self._spool)
        self._spool.seek(0)
        return self._spool

    def _read_file(self, path: str, file: BinaryIO, reader: "_Reader") -> None:
        if not isinstance(reader, Cataloger):
            self._put(path, osrelease.parse(file.read()))
        elif journaled := reader.journal_of(path):
            self._hold(path, file.read())
            self._journals[journaled] = path
        else:
            self._put_packages(path, file, reader)

    def _put_packages(self, path: str, file: BinaryIO, reader: Cataloger) -> None:
        found: dict[Component, None] = {}
        try:
            for component in storable(self._components(reader.read(path, file))):
                found[component] = None
                self._check_packages(len(found))
        except Unreadable as error:
            self._problems[path] = Problem(Reason.DAMAGED, str(error))
        self._packages += len(found)
        if found or path in self._problems or not reader.executables:
            self._put(path, tuple(found))
        else:
            self._remember(path)
            self._barren.add(path)

    def _components(self, found: Iterable[Component | Owns]) -> Iterator[Component]:
        for each in found:
            if isinstance(each, Component):
                yield each
            else:
                for path in self._owners.add(each):
                    self._count_bytes(path)

    def _check_packages(self, found: int) -> None:
        if self._packages + found > self.budget.packages:
            raise too_large("it has more packages than allowed", self.budget.packages, "packages")

    def _apply_journals(self) -> None:
        """A database is what it is together with its journal, whichever of the two came first."""
        for path, journal in self._journals.items():
            reader = cataloger_for(path)
            if path in self._bodies and reader:
                merged = reader.merge(self._bodies[path], self._bodies[journal])
                self._put_packages(path, BytesIO(merged), reader)
            elif path in self._files:
                self._unread.add(path)
            else:
                self._put(journal, ())
                self._problems[journal] = Problem(
                    Reason.DAMAGED, "It is the journal of a database in another layer."
                )

    def _hold(self, path: str, body: bytes) -> None:
        limit = self.budget.wanted_file_bytes
        self._held += len(body)
        if self._held > limit:
            raise too_large(
                "the files that hard links lead to are too long together",
                limit,
                "wanted file bytes",
            )
        self._bodies[path] = body

    def _add_hard_link(self, path: str, target: str, reader: "_Reader") -> None:
        if target in self._files and _reader_of(target) is reader:
            self._put(path, self._files[target])
            if target in self._problems:
                self._problems[path] = self._problems[target]
        elif target in self._bodies:
            self._read_file(path, BytesIO(self._bodies[target]), reader)
        else:
            self._remember(path, target)
            self._hidden.add(path)
            self._unread.add(target)

    def _add_folder(self, path: str) -> None:
        folders = self._folders
        while folders and not path.startswith(folders[-1] + "/"):
            folders.pop()
        folders.append(path)
        if self._links.pop(path, None) is not None:
            self._hidden.add(path)  # the link had already hidden what lay below

    def _add_whiteout(self, path: str) -> None:
        folder, _, name = path.rpartition("/")
        removed = name[len(_WHITEOUT) :]
        if name == _OPAQUE:
            self._remember(path)
            self._opaques.add(folder)
        elif not name.startswith(_AUFS) and removed not in _NAMELESS:
            self._remember(path)
            self._whiteouts.add(f"{folder}/{removed}" if folder else removed)

    def _replace(self, path: str) -> None:
        """Forget what this layer itself had at this path, or below it if it was a folder."""
        self._files.pop(path, None)
        self._problems.pop(path, None)
        self._links.pop(path, None)
        if path in self._above:
            below = path + "/"
            known: dict[str, Content] | dict[str, Problem] | dict[str, str]
            for known in (self._files, self._problems, self._links):
                for name in [name for name in known if name.startswith(below)]:
                    del known[name]

    def _put(self, path: str, content: Content) -> None:
        self._remember(path)
        self._files[path] = content

    def _problem_of(self, entry: Entry, reader: "_Reader | None") -> Problem | None:
        limit = self.budget.wanted_file_bytes
        if isinstance(reader, Cataloger):
            limit = reader.largest
        if entry.size > limit:
            sentence = f"It has {entry.size:,} bytes, more than the {limit:,} that are read."
            return Problem(Reason.TOO_LARGE, sentence)
        if entry.sparse:
            return Problem(Reason.DAMAGED, "It is stored as a sparse file, which cannot be read.")
        return None

    def _count_wanted(self, entry: Entry) -> None:
        self._wanted_bytes += entry.size
        if self._wanted_bytes > self.budget.wanted_bytes:
            raise too_large(
                "its package files are too long together", self.budget.wanted_bytes, "wanted bytes"
            )

    def _remember(self, path: str, target: str = "") -> None:
        self._count_bytes(path + target)
        folder = path.rpartition("/")[0]
        while folder and folder not in self._above:
            self._count_bytes(folder)
            self._above.add(folder)
            if folder not in self._folders:
                self._bare.add(folder)
            folder = folder.rpartition("/")[0]

    def _count_bytes(self, path: str) -> None:
        self._remembered += len(path) + _OVERHEAD
        if self._remembered > self.budget.remembered_bytes:
            raise too_large(
                "the paths of its package files, links and whiteouts are too long together",
                self.budget.remembered_bytes,
                "remembered bytes",
            )


_Reader = Cataloger | str  # a cataloger, or os-release


def _reader_of(path: str, executable: bool = False) -> _Reader | None:
    reader = cataloger_for(path, executable)
    return reader or ("os-release" if path in osrelease.PATHS else None)


def _is_of_distribution(content: tuple[Component, ...]) -> bool:
    return bool(content) and content[0].type in DISTRIBUTION_TYPES


def _begins_right(reader: _Reader, walk: TarWalk) -> bool:
    magic = reader.magic if isinstance(reader, Cataloger) else b""
    return not magic or walk.peek(len(magic)) == magic
