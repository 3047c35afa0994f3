"""sqlite, since rpm 4.16 (`rpmdb.sqlite`): a table of headers.

Source: rpm's lib/backend/sqlite.c. The database is a stranger's: it is opened in memory, where it
can name no file, and nothing may be asked of it but two columns of one true table.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from typing import BinaryIO

from scans.catalogers.component import Unreadable
from scans.catalogers.rpm.header import LARGEST

MAGIC = b"SQLite format 3\0"

# SQLite wants the whole database in memory, and for a moment twice.
_LARGEST_DATABASE = 96 * 1024 * 1024
_HEAP = 192 * 1024 * 1024  # bytes of this process, once a database was read in it
_VERSIONS = slice(18, 20)  # of the format that is needed to write and to read
_WITHOUT_LOG = b"\1\1"  # a database in memory has no place for a write-ahead log
_STEPS = 10_000  # of SQLite's machine, which needs a handful for a row
_MOST_TIMES = 1_000  # that it may go that many

_TABLE = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'Packages'"
_ROWS = "SELECT hnum, blob FROM Packages NOT INDEXED"
_COLUMNS = frozenset(
    {("Packages", "hnum"), ("Packages", "blob")}
    | {("sqlite_master", column) for column in ("type", "name", "sql")}
)


def records(file: BinaryIO, size: int) -> Iterator[bytes | None]:
    """Every package's header, or None where there is something else in its place."""
    if size > _LARGEST_DATABASE:
        raise Unreadable(
            f"The rpm database has {size:,} bytes, more than the {_LARGEST_DATABASE:,} that are "
            "read in sqlite's format."
        )
    try:
        with closing(sqlite3.connect(":memory:")) as connection:
            _load(connection, file)
            yield from _rows(connection, size)
    except (sqlite3.Error, UnicodeError, MemoryError) as error:  # it quotes names in its own errors
        raise Unreadable("SQLite finds the rpm database damaged, or not written by rpm.") from error


def _load(connection: sqlite3.Connection, file: BinaryIO) -> None:
    connection.execute(f"PRAGMA hard_heap_limit = {_HEAP}")
    file.seek(0)
    database = bytearray(file.read())
    database[_VERSIONS] = _WITHOUT_LOG
    connection.deserialize(database)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST)
    connection.text_factory = bytes
    times = count()
    connection.set_progress_handler(lambda: next(times) > _MOST_TIMES, _STEPS)
    connection.set_authorizer(_authorise)


def _authorise(action: int, table: str | None, column: str | None, *where: str | None) -> int:
    """Neither functions nor views, virtual tables or computed columns, which a schema may hide."""
    if action == sqlite3.SQLITE_SELECT:
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_READ and (table, column) in _COLUMNS:
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def _rows(connection: sqlite3.Connection, size: int) -> Iterator[bytes | None]:
    """In the order of their numbers, without which the pages lead in a circle."""
    table = connection.execute(_TABLE).fetchone()
    if not table or not bytes(table[0] or b"").startswith(b"CREATE TABLE"):  # nor a virtual one
        raise Unreadable("The rpm database has no table of packages.")
    last, left = 0, size
    for number, record in connection.execute(_ROWS):
        left -= len(record) if isinstance(record, bytes) else 0
        if not isinstance(number, int) or number <= last or left < 0:
            raise Unreadable("The pages of the rpm database lead in a circle.")
        last = number
        yield record if isinstance(record, bytes) else None
