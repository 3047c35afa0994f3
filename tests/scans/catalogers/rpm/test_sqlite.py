"""What SQLite itself reads, and of hostile pages nothing that would not end."""

import sqlite3
from contextlib import closing
from io import BytesIO
from struct import pack_into

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scans.catalogers import Unreadable
from scans.catalogers.rpm import sqlite
from tests.scans import rpms

TABLE = "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)"
INSERT = "INSERT INTO Packages VALUES (?, ?)"
COUNTING = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x AS hnum, x"


def records(body: bytes) -> list[bytes | None]:
    return list(sqlite.records(BytesIO(body), len(body)))


def made(*statements: str) -> bytes:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        for statement in statements:
            database.execute(statement)
        return database.serialize()


rows = st.lists(
    st.tuples(st.integers(1, 2**62), st.integers(0, 9000)),
    max_size=40,
    unique_by=lambda row: row[0],
)


@given(
    rows, st.sampled_from([512, 1024, 4096, 65536]), st.sampled_from(["NONE", "FULL"]), st.data()
)
@settings(max_examples=100)
def test_the_rows_are_those_that_sqlite_reads(rows, page_size, vacuum, data):
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        database.execute(f"PRAGMA page_size = {page_size}")
        database.execute(f"PRAGMA auto_vacuum = {vacuum}")
        database.execute("CREATE TABLE before (a)")
        database.execute(TABLE)
        database.executemany(INSERT, [(n, (str(n) * 500).encode()[:length]) for n, length in rows])
        for number, _ in data.draw(st.lists(st.sampled_from(rows))) if rows else ():
            database.execute("DELETE FROM Packages WHERE hnum = ?", (number,))
        expected = database.execute("SELECT blob FROM Packages ORDER BY hnum").fetchall()
        assert records(database.serialize()) == [blob for (blob,) in expected]


@pytest.mark.parametrize("length", range(440, 520))
def test_records_about_as_long_as_a_page_are_whole(length):
    record = bytes(range(256)) * 3
    assert records(rpms.sqlite([record[:length], b"next"])) == [record[:length], b"next"]


@pytest.mark.parametrize("reserved", [1, 16, 32])
def test_bytes_kept_free_on_each_page_are_no_part_of_it(reserved, tmp_path):
    path = tmp_path / "reserved"
    head = bytearray(rpms.sqlite([]))
    path.write_bytes(head[:20] + bytes([reserved]) + head[21:])
    long = bytes(range(256)) * 9
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("VACUUM")
        database.execute(INSERT, (1, long))
        expected = database.execute("SELECT blob FROM Packages").fetchall()
    assert expected == [(long,)]
    assert records(path.read_bytes()) == [long]


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE other (hnum, blob)"],
        [f"CREATE VIEW Packages AS {COUNTING} AS blob FROM n"],
        ["CREATE TABLE other (a)", "CREATE INDEX Packages ON other (a)"],
    ],
)
def test_only_a_table_is_walked(statements):
    with pytest.raises(Unreadable, match="no table of packages"):
        records(made(*statements))


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE VIRTUAL TABLE Packages USING fts5(hnum, blob)"],  # has no pages of its own
        ["CREATE TABLE Packages (hnum, blob, PRIMARY KEY (hnum)) WITHOUT ROWID"],
        ["CREATE TABLE Packages (hnum INTEGER PRIMARY KEY)", "INSERT INTO Packages VALUES (1)"],
    ],
)
def test_a_table_without_records_is_damaged(statements):
    assert records(made(*statements)) == [None]


def test_a_schema_of_many_tables_is_walked_once():
    names = [f"CREATE TABLE t{number} (a, b, c)" for number in range(500)]
    assert records(made(*names, TABLE, "INSERT INTO Packages VALUES (1, x'00')")) == [b"\0"]


def test_a_schema_without_end_is_not_walked_to_it(monkeypatch):
    body = made("CREATE TABLE a (b)", "CREATE TABLE c (d)", TABLE)
    monkeypatch.setattr(sqlite, "_MOST_IN_SCHEMA", 2)
    with pytest.raises(Unreadable, match="no table of packages"):
        records(body)


def inner_page(body: bytes) -> tuple[int, list[int]]:
    """Where the first inner page begins, and where the numbers of its children stand."""
    start = next(at for at in range(512, len(body), 512) if body[at] == 5)
    cells = int.from_bytes(body[start + 3 : start + 5], "big")
    places = [start + 12 + 2 * number for number in range(cells)]
    return start, [start + int.from_bytes(body[at : at + 2], "big") for at in places]


def test_children_that_are_the_same_page_are_damaged():
    """In twenty levels they would tell more rows than there are atoms."""
    body = bytearray(rpms.sqlite([bytes([n]) * 300 for n in range(40)]))
    _, children = inner_page(body)
    for child in children:
        body[child : child + 4] = body[children[0] : children[0] + 4]
    found = records(bytes(body))
    assert found.count(None) == 1
    assert found.count(bytes(300)) == 1


def test_pages_in_a_circle_end():
    body = bytearray(rpms.sqlite([bytes(300)] * 40))
    start, children = inner_page(body)
    for child in children:
        pack_into(">I", body, child, start // 512 + 1)
    assert None in records(bytes(body))


def test_overflow_pages_in_a_circle_are_damaged():
    body = bytearray(rpms.sqlite([b"x" * 5000, b"next"]))
    chain = [at for at in range(0, len(body), 512) if body[at + 4 : at + 508] == b"x" * 504]
    pack_into(">I", body, chain[3], chain[1] // 512 + 1)
    assert records(bytes(body)) == [None, b"next"]


def test_cells_that_overlap_are_not_read_for_ever():
    body = bytearray(rpms.sqlite([b"x" * 400]))
    leaf = body.index(b"x" * 300) // 512 * 512
    (cell,) = [int.from_bytes(body[leaf + 8 : leaf + 10], "big")]
    pack_into(">H", body, leaf + 3, 20)
    for number in range(20):
        pack_into(">H", body, leaf + 8 + 2 * number, cell)
    assert records(bytes(body)) == [b"x" * 400, None]


@pytest.mark.parametrize(("at", "value"), [(16, 0), (16, 0x12C0), (16, 100), (20, 0xFF00)])
def test_pages_of_other_sizes_are_refused(at, value):
    body = bytearray(rpms.sqlite([b"one"]))
    pack_into(">H", body, at, value)
    with pytest.raises(Unreadable, match="size that SQLite never uses"):
        records(bytes(body))


def test_a_header_that_is_cut_off_is_unreadable():
    with pytest.raises(Unreadable, match="cut off in its header"):
        records(rpms.sqlite([])[:90])
