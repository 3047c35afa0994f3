"""Slots and blobs that are not as rpm writes them."""

from io import BytesIO
from struct import pack, pack_into

import pytest

from scans.catalogers import Unreadable
from scans.catalogers.rpm import ndb
from tests.scans import rpms

BODY = rpms.ndb([b"first record", b"second"])
BLOB = 4096  # where the first begins
SLOT = 32


def records(body: bytes) -> list[bytes | None]:
    return list(ndb.records(BytesIO(body), len(body)))


def patched(at: int, value: bytes) -> bytes:
    body = bytearray(BODY)
    body[at : at + len(value)] = value
    return bytes(body)


def test_a_blob_for_every_slot_in_use():
    assert records(BODY) == [b"first record", b"second"]
    assert records(patched(SLOT + 4, pack("<I", 0))) == [b"second"]


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (BLOB, b"BlbX"),
        (BLOB + 4, pack("<I", 9)),  # of another package
        (BLOB + 12, pack("<I", 10**9)),  # longer than the blob
        (BLOB + 16, b"F"),  # so that the checksum is wrong
        (SLOT + 12, pack("<I", 1)),  # too short
        (SLOT + 8, pack("<I", 0)),  # elsewhere
        (SLOT + 8, pack("<I", 2**32 - 1)),  # outside
    ],
)
def test_a_damaged_blob_is_none_and_the_next_is_read(at, value):
    assert records(patched(at, value)) == [None, b"second"]


@pytest.mark.parametrize(
    ("at", "value", "sentence"),
    [
        (SLOT, b"Slut", "list of packages"),
        (4, pack("<I", 1), "header that rpm does not write"),
        (12, pack("<I", 0), "header that rpm does not write"),
        (12, pack("<I", 2**32 - 1), "header that rpm does not write"),
        (SLOT + 12, pack("<I", 2**32 - 1), "names more than it holds"),
    ],
)
def test_what_no_blob_can_be_found_by_is_unreadable(at, value, sentence):
    with pytest.raises(Unreadable, match=sentence):
        records(patched(at, value))


def test_a_header_that_is_cut_off_is_unreadable():
    with pytest.raises(Unreadable, match="cut off in its header"):
        records(BODY[:20])


def test_blobs_that_many_slots_name_are_not_read_for_ever():
    body = bytearray(rpms.ndb([bytes(100_000)]))
    for number in range(2, 200):
        slot = pack("<4sIII", b"Slot", number, BLOB // 16, 100_032 // 16)
        pack_into("16s", body, SLOT + 16 * (number - 1), slot)
    with pytest.raises(Unreadable, match="names more than it holds"):
        records(bytes(body))
