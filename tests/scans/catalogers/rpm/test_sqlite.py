"""Databases that are not as rpm writes them: SQLite is asked for nothing it should not do."""

import sqlite3
from contextlib import closing
from io import BytesIO

import pytest

from scans.catalogers import Unreadable
from scans.catalogers.rpm import sqlite
from tests.scans import rpms

TABLE = "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB)"
MILLION = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x"


def records(body: bytes) -> list[bytes | None]:
    return list(sqlite.records(BytesIO(body), len(body)))


def made(*statements: str) -> bytes:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        database.execute("PRAGMA page_size = 512")
        for statement in statements:
            database.execute(statement)
        return database.serialize()


@pytest.mark.parametrize("page_size", [512, 4096, 65536])
def test_every_row_is_a_record(page_size):
    rows = [b"short", bytes(range(256)) * 1000, b""]
    assert records(rpms.sqlite(rows, page_size)) == rows


def test_a_database_that_had_a_log_is_read_without(tmp_path):
    body, _ = rpms.sqlite_with_log(tmp_path, [b"one"], ("DELETE FROM Packages", ()))
    assert body[18:20] == b"\2\2"
    assert records(body) == [b"one"]


def test_a_row_that_is_no_record_is_none():
    body = made(TABLE, "INSERT INTO Packages VALUES (1, NULL), (2, x'00'), (3, 7), (4, 7.5)")
    assert records(body) == [None, b"\0", None, None]


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE other (hnum, blob)"],
        [f"CREATE VIEW Packages AS {MILLION} AS hnum, x'00' AS blob FROM n"],
        ["CREATE VIRTUAL TABLE Packages USING fts5(hnum, blob)"],
        ["CREATE TABLE Packages (hnum INTEGER PRIMARY KEY)"],
        [
            "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob AS (zeroblob(1000000000)))",
            "INSERT INTO Packages (hnum) VALUES (1)",
        ],
    ],
)
def test_only_a_true_table_of_records_is_asked(statements):
    with pytest.raises(Unreadable):
        records(made(*statements))


def test_numbers_that_do_not_rise_are_pages_in_a_circle():
    body = made(
        "CREATE TABLE Packages (hnum, blob)", "INSERT INTO Packages VALUES (1, ''), (1, '')"
    )
    with pytest.raises(Unreadable, match="in a circle"):
        records(body)


def test_pages_that_name_the_same_child_are_a_circle():
    """Interior pages of the table whose cells all lead to one leaf would tell its rows for ever."""
    body = bytearray(rpms.sqlite([bytes(300)] * 40))
    root = next(at for at in range(512, len(body), 512) if body[at] == 5)
    cells = int.from_bytes(body[root + 3 : root + 5], "big")
    offsets = [root + 12 + 2 * number for number in range(cells)]
    places = [root + int.from_bytes(body[at : at + 2], "big") for at in offsets]
    first = bytes(body[places[0] : places[0] + 4])
    for place in places:
        body[place : place + 4] = first
    with pytest.raises(Unreadable):
        records(bytes(body))


def test_a_database_past_the_limit_is_not_held(monkeypatch):
    body = rpms.sqlite([b"one"])
    monkeypatch.setattr(sqlite, "_LARGEST_DATABASE", len(body) - 1)
    with pytest.raises(Unreadable, match="more than the"):
        records(body)


def test_errors_that_quote_what_is_no_text_are_errors_of_the_database():
    body = made("CREATE TABLE Packages (hnum, blob)", "CREATE TABLE xyzzy (a)")
    with pytest.raises(Unreadable, match="damaged"):
        records(body.replace(b"CREATE TABLE xyzzy", b"CREATE \xff\xfe\xffLE \xffyzzy"))
