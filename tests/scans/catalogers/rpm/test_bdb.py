"""Pages that lead in circles, lie or are not there."""

from io import BytesIO
from struct import pack, pack_into

import pytest

from scans.catalogers import Unreadable
from scans.catalogers.rpm import bdb
from tests.scans.rpms import berkeley

PAGE = 512
LONG = bytes(range(256)) * 8  # five overflow pages, 3 to 7


def records(body: bytes) -> list[bytes | None]:
    return list(bdb.records(BytesIO(body), len(body)))


def patched(at: int, format_: str, *values: int) -> bytes:
    body = bytearray(berkeley([LONG, b"short"]))
    pack_into(format_, body, at, *values)
    return bytes(body)


@pytest.mark.parametrize("order", "<>")
def test_the_byte_order_is_the_writers(order):
    body = berkeley([LONG, b"short"], order)
    assert bdb.is_hash(body)
    assert records(body) == [LONG, b"short"]


def test_another_kind_of_database_is_none():
    assert not bdb.is_hash(berkeley([])[:15])
    assert not bdb.is_hash(pack("<12xI", 0x053162) + bytes(500))


@pytest.mark.parametrize(
    ("at", "format_", "values"),
    [
        (4 * PAGE + 16, "<I", (3,)),  # a circle
        (4 * PAGE + 16, "<I", (4,)),  # to itself
        (4 * PAGE + 16, "<I", (0,)),  # ends too early
        (4 * PAGE + 16, "<I", (10**9,)),  # outside
        (4 * PAGE + 22, "<H", (0,)),  # nothing on the page
        (4 * PAGE + 25, "<B", (13,)),  # a page of another kind
        (3 * PAGE - 9, "<I", (2**32 - 1,)),  # of four gigabytes
        (3 * PAGE - 17, "<B", (4,)),  # an item of another kind
        (2 * PAGE + 28, "<H", (511,)),  # cut off
        (2 * PAGE + 28, "<H", (0,)),  # before the page's items
    ],
)
def test_a_record_whose_pages_are_damaged_is_none_and_the_next_is_read(at, format_, values):
    assert records(patched(at, format_, *values)) == [None, b"short"]


def test_an_overflow_page_is_used_once():
    """Else a small database could name the same long record a million times."""
    body = bytearray(berkeley([LONG, LONG]))
    second = body.index(pack("<B3xI", 3, 3 + 6))
    pack_into("<I", body, second + 4, 3)
    assert records(bytes(body)) == [LONG, None]


def test_offsets_that_overlap_are_no_items():
    body = bytearray(berkeley([]))
    pack_into("<H", body, PAGE + 20, 200)  # of 200 items
    body[PAGE + 26 : PAGE + 426] = pack("<200H", *[430, 511] * 100)
    found = records(bytes(body))
    assert len(found) <= 100
    assert set(found) == {None}


def test_more_items_than_fit_on_a_page_are_damaged():
    assert set(records(patched(2 * PAGE + 20, "<H", 65535))) <= {None, b"short"}


def test_a_file_that_ends_before_its_last_page_says_so():
    body = berkeley([b"short", LONG])
    found = bdb.records(BytesIO(body), len(body) - PAGE)
    assert next(found) == b"short"
    assert next(found) is None
    with pytest.raises(Unreadable, match="is cut off"):
        next(found)


@pytest.mark.parametrize(("at", "value"), [(20, 500), (20, 0), (20, 2**31), (24, 1)])
def test_page_sizes_and_ciphers_that_rpm_never_uses_are_refused(at, value):
    with pytest.raises(Unreadable, match="size or cipher"):
        records(patched(at, "<I" if at == 20 else "<B", value))
