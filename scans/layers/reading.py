"""Read one layer, from its chunks to its record, in one pass and without holding it."""

from collections.abc import Iterable, Iterator, Set
from io import BytesIO
from tempfile import TemporaryFile
from typing import BinaryIO

from scans.catalogers import Cataloger
from scans.layers.budget import Budget, LayerError, Meter, damaged, too_large
from scans.layers.decompress import decompress
from scans.layers.paths import may_be_program, may_hold_packages, normalised
from scans.layers.record import LayerRecord, Problem
from scans.layers.tarwalk import Entry, Kind, TarWalk
from scans.layers.wanted import Reader, WantedFiles, reader_of
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
        self._wanted = WantedFiles(budget, also_read, self._remember)
        self._links: dict[str, str] = {}
        self._hidden: set[str] = set()
        self._whiteouts: set[str] = set()
        self._opaques: set[str] = set()
        self._bare: set[str] = set()
        self._above: set[str] = set()  # folders that hold wanted files
        self._folders: list[str] = []  # with entries of their own, from the root to the latest
        self._wanted_bytes = 0
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
        wanted = self._wanted
        wanted.apply_journals()
        self._hidden.update(wanted.hiding())
        return LayerRecord(
            entries=entries,
            bytes=meter.bytes,
            diff_id=meter.diff_id,
            files=dict(sorted(wanted.contents.items())),
            problems=dict(sorted(wanted.problems.items())),
            owned=wanted.owned(),
            links=dict(sorted(self._links.items())),
            hidden=tuple(sorted(self._hidden)),
            whiteouts=tuple(sorted(self._whiteouts)),
            opaques=tuple(sorted(self._opaques)),
            bare=tuple(sorted(self._bare)),
            unread=tuple(sorted(wanted.unread)),
        )

    def _add_other(self, entry: Entry, walk: TarWalk) -> None:
        path, kind = entry.path, entry.kind
        is_file = kind is Kind.FILE
        reader = reader_of(path, is_file and entry.executable)
        if is_file and (path in self._also_read or (reader and _begins_right(reader, walk))):
            self._add_file(entry, walk, reader)
        elif reader and kind is Kind.HARDLINK:
            self._add_hard_link(entry, reader)
        elif may_hold_packages(path) or (reader and not is_file):
            self._add_cover(entry)
        elif _may_hide(path, is_file, reader):
            self._remember(path)
            self._wanted.barren.add(path)

    def _add_file(self, entry: Entry, walk: TarWalk, reader: Reader | None) -> None:
        path = entry.path
        if problem := self._problem_of(entry, reader):
            self._wanted.fail(path, problem.reason, problem.sentence)
            return
        self._count_wanted(entry)
        file = self._open(entry, walk)
        if path in self._also_read:
            self._wanted.hold(path, file)
        if reader:
            self._wanted.read(path, file, reader)

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

    def _add_hard_link(self, entry: Entry, reader: Reader) -> None:
        if not self._wanted.link(entry.path, normalised(entry.target), reader):
            self._remember(entry.path, entry.target)
            self._hidden.add(entry.path)

    def _add_cover(self, entry: Entry) -> None:
        """What lower layers have below this path is hidden, or lies elsewhere."""
        self._remember(entry.path, entry.target)
        if entry.kind is Kind.SYMLINK:
            self._links[entry.path] = entry.target
        else:
            self._hidden.add(entry.path)

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
        self._wanted.forget(path)
        self._links.pop(path, None)
        if path in self._above:
            below = path + "/"
            for name in [name for name in self._wanted.contents if name.startswith(below)]:
                self._wanted.forget(name)
            for name in [name for name in self._links if name.startswith(below)]:
                del self._links[name]

    def _problem_of(self, entry: Entry, reader: Reader | None) -> Problem | None:
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


def _begins_right(reader: Reader, walk: TarWalk) -> bool:
    magic = reader.magic if isinstance(reader, Cataloger) else b""
    return not magic or walk.peek(len(magic)) == magic


def _may_hide(path: str, is_file: bool, reader: Reader | None) -> bool:
    """May a lower layer have, at this very path, a file whose packages this entry takes away? It is
    asked for what is not read; scripts with an ending are too many to be remembered."""
    if not is_file:
        return may_be_program(path)
    if isinstance(reader, Cataloger) and reader.executables:
        return "." not in path[path.rfind("/") + 1 :]
    return reader is not None
