"""rpm: its database in each of the three formats there are, and the list that stands for one in
Azure Linux images without rpm.

The format is told by the first bytes, not by the file's name. Source: rpm's lib/backend; the list
is one of `rpm -qa`, its columns as in the image builder of Azure Linux.
"""

from collections.abc import Iterator
from io import SEEK_END
from typing import BinaryIO

from scans.catalogers.component import Cataloger, Component, Owns, Unreadable
from scans.catalogers.rpm import bdb, ndb, sqlite, wal
from scans.catalogers.rpm.header import Damaged, Header, component, version_of

_FOLDERS = frozenset({"var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm"})
_SQLITE = "rpmdb.sqlite"
_LOG = "rpmdb.sqlite-wal"
_NAMES = frozenset({"Packages", "Packages.db", _SQLITE, _LOG})
_LIST = "var/lib/rpmmanifest/container-manifest-2"
_COLUMNS = 10  # name, version, times, vendor, epoch, size, architecture, epoch, source
_MOST_DAMAGED = 1000  # a hostile database has one in every two bytes
_NONE = b"(none)"  # what rpm prints where a package has no such tag


def wants(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    return (folder in _FOLDERS and name in _NAMES) or path == _LIST


def journal_of(path: str) -> str:
    return path.removesuffix(_LOG) + _SQLITE if path.endswith(_LOG) else ""


def read(path: str, file: BinaryIO) -> Iterator[Component | Owns]:
    if path == _LIST:
        yield from _listed(file)
        return
    damaged = 0
    for record in _records(file):
        try:
            header = Header(record or b"")
            package = header.component()
            yield package
            yield from header.owned(package.name)
        except Damaged:
            damaged += 1
            if damaged > _MOST_DAMAGED:
                break
    if damaged:
        raise Unreadable(f"Records of the rpm database are damaged ({damaged:,}).")


def _records(file: BinaryIO) -> Iterator[bytes | None]:
    """The header of every package, or None where one cannot be read."""
    size = file.seek(0, SEEK_END)
    file.seek(0)
    start = file.read(64)
    if start.startswith(sqlite.MAGIC):
        return sqlite.records(file, size)
    if start.startswith(ndb.MAGIC):
        return ndb.records(file, size)
    if bdb.is_hash(start):
        return bdb.records(file, size)
    raise Unreadable("It is no rpm database in a format that is known (Berkeley DB, ndb, sqlite).")


def _listed(file: BinaryIO) -> Iterator[Component]:
    for line in file:
        fields = [_field(raw) for raw in line.rstrip(b"\r\n").split(b"\t", _COLUMNS)]
        if len(fields) >= _COLUMNS and fields[0]:
            name, version, _, _, _, epoch, _, architecture, _, source = fields[:_COLUMNS]
            yield component(name, version_of(epoch, version), architecture, source)


def _field(raw: bytes) -> str:
    return "" if raw == _NONE else raw.decode("utf-8", "replace")


CATALOGER = Cataloger(
    "rpm",
    wants,
    read,
    largest=512 * 1024 * 1024,
    names=_NAMES | {"container-manifest-2"},
    journal_of=journal_of,
    merge=wal.merge,
)
