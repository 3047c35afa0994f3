"""What a database and its log are together, as SQLite itself reads them."""

import sqlite3
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scans.catalogers import Component
from scans.catalogers.rpm import wal
from scans.layers import read_layer
from scans.support import Reason
from tests.scans.rpms import package, sqlite_with_log
from tests.scans.tars import file, names, tar

INSERT = "INSERT INTO Packages (blob) VALUES (?)"
DELETE = "DELETE FROM Packages WHERE hnum = ?"
CHANGES = [(INSERT, (bytes(2000),)), (DELETE, (1,)), (INSERT, (b"last",))]
DATABASE, LOG = "var/lib/rpm/rpmdb.sqlite", "var/lib/rpm/rpmdb.sqlite-wal"
FRAME = 24 + 512


def rows(database: bytes) -> list[tuple[int, bytes]]:
    without_log = bytearray(database)
    without_log[18:20] = b"\1\1"
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(without_log)
        return connection.execute("SELECT hnum, blob FROM Packages").fetchall()


def as_sqlite_reads(folder, database: bytes, log: bytes) -> list[tuple[int, bytes]]:
    path = folder / "copy.sqlite"
    path.write_bytes(database)
    path.with_name("copy.sqlite-wal").write_bytes(log)
    path.with_name("copy.sqlite-shm").unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT hnum, blob FROM Packages").fetchall()


@pytest.fixture
def made(tmp_path):
    return sqlite_with_log(tmp_path, [b"one", b"two"], *CHANGES)


def test_what_was_committed_counts(made):
    database, log = made
    assert rows(database) == [(1, b"one"), (2, b"two")]
    assert rows(wal.merge(database, log)) == [(2, b"two"), (3, bytes(2000)), (4, b"last")]


@pytest.mark.parametrize("length", [0, 31, 32, 100, 32 + FRAME, -1, -FRAME, -FRAME - 1])
def test_a_log_counts_as_far_as_its_last_whole_transaction(made, tmp_path, length):
    database, log = made
    cut = log[:length]
    assert rows(wal.merge(database, cut)) == as_sqlite_reads(tmp_path, database, cut)


@pytest.mark.parametrize("at", [0, 4, 8, 16, 24, 32, 36, 40, 48, 60, 32 + 3 * FRAME + 300])
def test_a_log_counts_as_far_as_its_salts_and_checksums_fit(made, tmp_path, at):
    database, log = made
    wrong = log[:at] + bytes([log[at] ^ 1]) + log[at + 1 :]
    assert rows(wal.merge(database, wrong)) == as_sqlite_reads(tmp_path, database, wrong)


def test_frames_of_an_older_log_are_passed_over(made, tmp_path):
    """A log is written over from its beginning, with new salts; what stands behind is old."""
    database, log = made
    (tmp_path / "other").mkdir()
    _, shorter = sqlite_with_log(tmp_path / "other", [b"one", b"two"], (DELETE, (2,)))
    both = shorter + log[len(shorter) :]
    assert rows(wal.merge(database, both)) == as_sqlite_reads(tmp_path, database, both)
    assert rows(wal.merge(database, both)) == [(1, b"one")]


def test_a_log_with_pages_of_another_size_says_nothing(made):
    database, log = made
    other = database[:16] + (1024).to_bytes(2, "big") + database[18:]
    assert wal.merge(other, log) == other


def test_a_log_cannot_make_a_database_longer_than_itself(made):
    database, log = made
    assert len(wal.merge(database, log)) <= len(database) + len(log)


@given(st.data())
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_log_is_merged(made, data):
    database, log = made
    at = data.draw(st.integers(0, len(log)))
    wal.merge(database, log[:at] + data.draw(st.binary(max_size=100)) + log[at:])
    wal.merge(data.draw(st.binary(max_size=200)), log)


@pytest.fixture
def files(tmp_path):
    records = [package("old"), package("kept")]
    return sqlite_with_log(tmp_path, records, (DELETE, (1,)), (INSERT, (package("new"),)))


@pytest.mark.parametrize("reverse", [False, True])
def test_a_layer_holds_what_its_database_and_log_say_together(files, reverse):
    entries = [file(DATABASE, files[0]), file(LOG, files[1])]
    blob = tar(*(reversed(entries) if reverse else entries))
    record = read_layer([blob])
    assert record.unread == (DATABASE,)
    assert names(read_layer([blob], also_read={DATABASE})) == {
        (DATABASE, "kept"),
        (DATABASE, "new"),
    }


def test_an_empty_log_says_nothing(files):
    record = read_layer([tar(file(DATABASE, files[0]), file(LOG))])
    assert record.unread == ()
    assert record.problems == {}
    assert record.files[DATABASE] == (
        Component("rpm", "old", "1-1.el9", "x86_64", "old", "1-1.el9"),
        Component("rpm", "kept", "1-1.el9", "x86_64", "kept", "1-1.el9"),
    )


def test_a_log_without_its_database_leaves_the_image_unread(files):
    record = read_layer([tar(file(LOG, files[1]))])
    assert record.problems[LOG].reason is Reason.DAMAGED
