"""rpm databases made on the spot, in each of the formats there are."""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from struct import pack
from zlib import adler32

NAME, VERSION, RELEASE, EPOCH, ARCH, SOURCE, LABEL = 1000, 1001, 1002, 1003, 1022, 1044, 5096
DIR_INDEXES, BASENAMES, DIRNAMES = 1116, 1117, 1118

Value = str | int | Sequence[str] | Sequence[int]


def header(values: dict[int, Value]) -> bytes:
    """An rpm header: a string, a list of strings, or a number or numbers for each tag."""
    index, store = b"", b""
    for tag, value in values.items():
        several = [value] if isinstance(value, str | int) else value
        kind = 4 if isinstance(several[0], int) else 6 if isinstance(value, str) else 8
        if kind == 4:
            store += bytes(-len(store) % 4)
        index += pack(">IIII", tag, kind, len(store), len(several))
        store += b"".join(
            pack(">I", each) if isinstance(each, int) else each.encode() + b"\0" for each in several
        )
    return pack(">II", len(index) // 16, len(store)) + index + store


def package(
    name: str, version: str = "1-1.el9", epoch: int = 0, files: Iterable[str] = ()
) -> bytes:
    upstream, _, release = version.partition("-")
    values: dict[int, Value] = {
        NAME: name,
        VERSION: upstream,
        RELEASE: release,
        ARCH: "x86_64",
        SOURCE: f"{name}-{version}.src.rpm",
    }
    if epoch:
        values[EPOCH] = epoch
    if paths := [file.rpartition("/") for file in files]:
        folders = sorted({f"{folder}/" for folder, _, _ in paths})
        values[DIR_INDEXES] = [folders.index(f"{folder}/") for folder, _, _ in paths]
        values[BASENAMES] = [base for _, _, base in paths]
        values[DIRNAMES] = folders
    return header(values)


def berkeley(records: Iterable[bytes], order: str = "<", page_size: int = 512) -> bytes:
    """A hash whose every record has a page of a bucket; long ones go on in overflow pages."""
    pages = [b""]
    for number, record in enumerate((pack(f"{order}I", 99), *records)):
        key = b"\1" + pack(f"{order}I", number)
        if len(record) <= page_size // 4:
            pages.append(_bucket(order, page_size, key, b"\1" + record))
            continue
        first = len(pages) + 1
        pages.append(_bucket(order, page_size, key, pack(f"{order}B3xII", 3, first, len(record))))
        room = page_size - 26
        parts = [record[at : at + room] for at in range(0, len(record), room)]
        for part in parts:
            following = 0 if part is parts[-1] else len(pages) + 1
            page = pack(f"{order}16xIHHBB", following, 1, len(part), 0, 7) + part
            pages.append(page.ljust(page_size, b"\0"))
    meta = pack(f"{order}12xIIIBBBxII", 0x061561, 9, page_size, 0, 8, 0, 0, len(pages) - 1)
    return meta.ljust(page_size, b"\0") + b"".join(pages)


def _bucket(order: str, page_size: int, *items: bytes) -> bytes:
    at, offsets, body = page_size, [], b""
    for item in items:
        at -= len(item)
        offsets.append(at)
        body = item + body
    head = pack(f"{order}16xIHHBB", 0, len(items), at, 0, 13)
    head += pack(f"{order}{len(items)}H", *offsets)
    return head.ljust(at, b"\0") + body


def ndb(records: Sequence[bytes]) -> bytes:
    slots, blobs = [], b""
    for number, record in enumerate(records, 1):
        head = pack("<4sIII", b"BlbS", number, 1, len(record)) + record
        head += bytes(-(len(head) + 12) % 16)
        blob = head + pack("<II4s", adler32(head), len(record), b"BlbE")
        slots.append(pack("<4sIII", b"Slot", number, (4096 + len(blobs)) // 16, len(blob) // 16))
        blobs += blob
    slots += [pack("<4sIII", b"Slot", 0, 0, 0)] * (254 - len(slots))
    return pack("<4sIIII12x", b"RpmP", 0, 1, 1, len(records) + 1) + b"".join(slots) + blobs


def sqlite(records: Iterable[bytes], page_size: int = 512) -> bytes:
    with closing(sqlite3.connect(":memory:")) as database:
        _fill(database, records, page_size)
        return database.serialize()


def sqlite_with_log(
    folder: Path, records: Iterable[bytes], *changes: tuple[str, tuple]
) -> tuple[bytes, bytes]:
    """The database with these records, and its write-ahead log with these changes, each of which is
    committed and none merged."""
    path = folder / "rpmdb.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        _fill(database, records, 512)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA wal_autocheckpoint = 0")
        for change in changes:
            database.execute(*change)
        return path.read_bytes(), path.with_name("rpmdb.sqlite-wal").read_bytes()


def _fill(database: sqlite3.Connection, records: Iterable[bytes], page_size: int) -> None:
    database.execute(f"PRAGMA page_size = {page_size}")
    database.execute(
        "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)"
    )
    database.executemany("INSERT INTO Packages (blob) VALUES (?)", [(r,) for r in records])
    database.commit()
