"""Read one layer, from its chunks to its record, in one pass and without holding it."""

from collections.abc import Iterable, Iterator, Set
from itertools import islice

from scans import osrelease
from scans.catalogers import CATALOGERS, Cataloger, storable
from scans.layers.budget import Budget, LayerError, Meter, damaged, too_large
from scans.layers.decompress import decompress
from scans.layers.paths import may_hold_packages, normalised
from scans.layers.record import Content, LayerRecord
from scans.layers.tarwalk import Entry, Kind, TarWalk
from scans.support import Reason

_WHITEOUT = ".wh."
_AUFS = ".wh..wh."  # of aufs itself: its metadata, and the mark of an opaque folder
_OPAQUE = ".wh..wh..opq"
_OVERHEAD = 100  # bytes that a path in memory costs beside its text
_NAMELESS = frozenset({"", ".", ".."})


def read_layer(
    chunks: Iterable[bytes],
    media_type: str = "",
    budget: Budget = Budget(),  # noqa: B008 (frozen)
    *,
    digest_tar: bool = False,
    also_read: Set[str] = frozenset(),
) -> LayerRecord:
    """Read a layer's blob to its last byte and say what stands in it.

    `chunks` is the blob as it is stored; `media_type` is a hint that its first bytes make needless.
    `digest_tar` computes the diff id, at the cost of another SHA-256. `also_read` is a former
    record's `unread`. Raises LayerError, and whatever `chunks` raises.
    """
    chunks = iter(chunks)
    meter = Meter(budget, digest_tar)
    try:
        return _read(chunks, meter, _Contents(budget, also_read))
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

    def __init__(self, budget: Budget, also_read: Set[str]) -> None:
        self.budget = budget
        self._also_read = also_read
        self._files: dict[str, Content] = {}
        self._bodies: dict[str, bytes] = {}  # of `also_read`
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
        return LayerRecord(
            entries=entries,
            bytes=meter.bytes,
            diff_id=meter.diff_id,
            files=dict(sorted(self._files.items())),
            links=dict(sorted(self._links.items())),
            hidden=tuple(sorted(self._hidden)),
            whiteouts=tuple(sorted(self._whiteouts)),
            opaques=tuple(sorted(self._opaques)),
            bare=tuple(sorted(self._bare)),
            unread=tuple(sorted(self._unread)),
        )

    def _add_other(self, entry: Entry, walk: TarWalk) -> None:
        path, kind = entry.path, entry.kind
        reader = _reader_of(path)
        if kind is Kind.FILE and (reader or path in self._also_read):
            self._add_file(entry, walk, reader)
        elif reader and kind is Kind.HARDLINK:
            self._add_hard_link(path, normalised(entry.target), reader)
        elif reader or may_hold_packages(path):
            self._remember(path, entry.target)
            if kind is Kind.SYMLINK:
                self._links[path] = entry.target
            else:
                self._hidden.add(path)

    def _add_file(self, entry: Entry, walk: TarWalk, reader: "_Reader | None") -> None:
        self._check_wanted(entry, reader)
        body = walk.body()
        if entry.path in self._also_read:
            self._hold(entry.path, body)
        if reader:
            self._put(entry.path, self._content(entry.path, body, reader))

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
        elif target in self._bodies:
            self._put(path, self._content(path, self._bodies[target], reader))
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
        self._links.pop(path, None)
        if path in self._above:
            below = path + "/"
            known: dict[str, Content] | dict[str, str]
            for known in (self._files, self._links):
                for name in [name for name in known if name.startswith(below)]:
                    del known[name]

    def _put(self, path: str, content: Content) -> None:
        self._remember(path)
        self._files[path] = content

    def _content(self, path: str, body: bytes, reader: "_Reader") -> Content:
        if isinstance(reader, Cataloger):
            limit = self.budget.packages - self._packages
            found = dict.fromkeys(islice(storable(reader.read(path, body)), limit + 1))
            self._packages += len(found)
            if len(found) > limit:
                raise too_large(
                    "it has more packages than allowed", self.budget.packages, "packages"
                )
            return tuple(found)
        return osrelease.parse(body)

    def _check_wanted(self, entry: Entry, reader: "_Reader | None") -> None:
        limit = self.budget.wanted_file_bytes
        if isinstance(reader, Cataloger):
            limit = min(limit, reader.largest)
        if entry.size > limit:
            raise too_large(f"its {entry.path} is too long", limit, "wanted file bytes")
        self._wanted_bytes += entry.size
        if self._wanted_bytes > self.budget.wanted_bytes:
            raise too_large(
                "its package files are too long together", self.budget.wanted_bytes, "wanted bytes"
            )
        if entry.sparse:
            raise damaged(f"its {entry.path} is stored as a sparse file, which cannot be read.")

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


def _reader_of(path: str) -> _Reader | None:
    for cataloger in CATALOGERS:
        if cataloger.wants(path):
            return cataloger
    return "os-release" if path in osrelease.PATHS else None
