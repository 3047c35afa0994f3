"""What one layer holds: wanted files, links, whiteouts; and what reading it may cost."""

import tarfile
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registries.oci.errors import DigestMismatch
from scans.layers import Budget, LayerError, LayerRecord, read_layer
from scans.support import Reason
from tests.scans.tars import (
    PACK,
    cut,
    failing,
    file,
    folder,
    hard_link,
    link,
    names,
    npm,
    status,
    tar,
)

RELEASE = b'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12"\n'


def test_the_last_of_two_entries_counts():
    record = read_layer([tar(npm("a", "old"), npm("a", "new"))])
    assert names(record) == {("a/package.json", "new")}


def test_a_file_in_place_of_a_folder_takes_what_was_below_it():
    record = read_layer([tar(npm("a/b", "gone"), npm("ab", "stays"), file("a"))])
    assert names(record) == {("ab/package.json", "stays")}
    assert record.hidden == ("a",)


def test_a_hard_link_to_a_wanted_file_says_what_the_file_says():
    record = read_layer([tar(npm("a", "one"), hard_link("b/package.json", "./a/package.json"))])
    assert names(record) == {("a/package.json", "one"), ("b/package.json", "one")}
    assert record.unread == ()


def test_a_hard_link_to_a_file_passed_by_is_read_the_second_time():
    store = file("store/00/c0ffee", b'{"name": "one"}')
    blob = tar(store, hard_link("a/package.json", "store/00/c0ffee"))
    record = read_layer([blob])
    assert names(record) == set()
    assert record.unread == ("store/00/c0ffee",)
    again = read_layer([blob], also_read=frozenset(record.unread))
    assert names(again) == {("a/package.json", "one")}
    assert again.unread == ()


def test_whiteouts_opaque_folders_and_the_metadata_of_aufs_are_told_apart():
    record = read_layer(
        [
            tar(
                file("a/.wh.b"),
                file(".wh.top"),
                file("c/.wh..wh..opq"),
                file(".wh..wh.plnk/1.2"),
                file(".wh..wh.aufs"),
                file("d/.wh."),
                file("d/.wh..."),
            )
        ]
    )
    assert record.whiteouts == ("a/b", "top")
    assert record.opaques == ("c",)


def test_folders_without_an_entry_of_their_own_are_remembered():
    record = read_layer([tar(folder("a"), npm("a/b", "one"), npm("c", "two"))])
    assert record.bare == ("a/b", "c")


def test_a_folder_in_place_of_a_link_leaves_no_link():
    record = read_layer([tar(link("a", "b"), folder("a"))])
    assert (record.links, record.hidden) == ({}, ("a",))


def test_the_diff_id_is_of_the_whole_tar():
    blob = tar(npm("a", "one")) + b"what follows the end"
    record = read_layer([PACK["gzip"](blob)], digest_tar=True)
    assert record.diff_id == "sha256:" + sha256(blob).hexdigest()
    assert record.bytes == len(blob)
    assert read_layer([blob]).diff_id == ""


@pytest.mark.parametrize("packing", sorted(PACK))
def test_the_blob_is_read_to_its_last_byte(packing):
    blob = PACK[packing](tar(npm("a", "one")) + bytes(2_000_000))
    chunks = iter([blob[:100], blob[100:], b""])
    read_layer(chunks)
    assert next(chunks, None) is None


@pytest.mark.parametrize("packing", sorted(PACK))
def test_errors_of_the_source_pass_through(packing):
    error = DigestMismatch("The blob is not what its digest says.")
    with pytest.raises(DigestMismatch):
        read_layer(failing([PACK[packing](tar(npm("a", "one")))], error))


@pytest.mark.parametrize("blob", [b"not a tar" * 100, PACK["gzip"](bytes(3000))[:-9]])
def test_damage_on_the_way_is_the_sources_to_tell(blob):
    """What was altered in transit is read again; only a blob that is what its digest says, and
    still damaged, is damaged for good."""
    with pytest.raises(DigestMismatch):
        read_layer(failing([blob, b"more"], DigestMismatch("")))


def test_what_is_held_for_hard_links_is_bounded_and_the_rest_is_said():
    stores = [file(f"store/{number}", b'{"name": "one"}' + bytes(900)) for number in range(3)]
    links = [hard_link(f"{number}/package.json", f"store/{number}") for number in range(3)]
    record = read_layer(
        [tar(*stores, *links)],
        budget=Budget(wanted_file_bytes=2000),
        also_read={info.name for info, _ in stores},
    )
    assert record.problems["2/package.json"].reason is Reason.DAMAGED
    assert "too long to hold" in record.problems["2/package.json"].sentence
    assert record.unread == ()


def test_a_hard_link_to_a_file_of_another_layer_is_a_problem_of_its_own():
    blob = tar(hard_link("a/package.json", "elsewhere"), npm("b", "one"))
    unread = read_layer([blob]).unread
    assert unread == ("elsewhere",)
    record = read_layer([blob], also_read=frozenset(unread))
    assert "a file of another layer" in record.problems["a/package.json"].sentence
    assert names(record) == {("b/package.json", "one")}


LAYER = tar(
    folder("var/lib/dpkg"),
    file("var/lib/dpkg/status", status(("bash", "5.2"), ("dash", "0.5"))),
    file("etc/os-release", RELEASE),
    npm("app/node_modules/one", "one"),
    link("app/current", "node_modules"),
    file("app/data", bytes(100_000)),
)


@pytest.mark.parametrize(
    ("budget", "reason", "sentence"),
    [
        (Budget(entries=3), Reason.TOO_LARGE, "“entries” is 3"),
        (Budget(bytes=50_000), Reason.TOO_LARGE, "“bytes” is 50,000"),
        (Budget(bytes=105_000), Reason.TOO_LARGE, "“bytes” is 105,000"),
        (Budget(path_length=16), Reason.TOO_LARGE, "“path length” is 16"),
        (Budget(depth=2), Reason.TOO_LARGE, "“depth” is 2"),
        (Budget(wanted_bytes=200), Reason.TOO_LARGE, "“wanted bytes” is 200"),
        (Budget(packages=1), Reason.TOO_LARGE, "“packages” is 1"),
        (Budget(remembered_bytes=500), Reason.TOO_LARGE, "“remembered bytes” is 500"),
        (Budget(seconds=0), Reason.TOO_SLOW, "0 seconds (the budget “seconds”)"),
        (Budget(waiting_seconds=0), Reason.TOO_SLOW, "0 seconds (the budget “waiting seconds”)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_layer_past_a_budget_is_refused_with_its_name_and_number(budget, reason, sentence):
    with pytest.raises(LayerError) as caught:
        read_layer([LAYER], budget=budget)
    assert caught.value.reason is reason
    assert sentence in str(caught.value)


def test_an_endless_extended_header_is_too_large():
    info, body = npm("a", "one")
    info.pax_headers = {"comment": "x" * 1_100_000}
    with pytest.raises(LayerError, match="extended header is too long"):
        read_layer([tar((info, body))])


@pytest.mark.parametrize("path", ["var/lib/dpkg/status", "app/package.json", "etc/os-release"])
def test_a_file_that_is_too_long_is_a_problem_of_its_own(path):
    info = tarfile.TarInfo(path)
    info.size = 100_000_000
    blocks = [info.tobuf(), *[bytes(1_000_000)] * 100, tar(npm("b", "one"))]
    record = read_layer([*blocks[:-1], bytes(-info.size % 512), blocks[-1]])
    assert record.problems[path].reason is Reason.TOO_LARGE
    assert "It has 100,000,000 bytes, more than the" in record.problems[path].sentence
    assert names(record) == {("b/package.json", "one")}


def test_a_record_survives_as_plain_values():
    blob = tar(
        file("var/lib/dpkg/status", status(("bash", "5.2"))),
        file("etc/os-release", RELEASE),
        link("lib", "usr/lib"),
        file("a/.wh.b"),
        file("c/.wh..wh..opq"),
        file("srv"),
    )
    record = read_layer([blob], digest_tar=True)
    assert LayerRecord.from_json(record.to_json()) == record


def test_a_layer_with_nothing_to_say_is_stored_in_little():
    record = read_layer([tar(file("usr/share/doc/README.md", b"hello"))])
    assert set(record.to_json()) == {"entries", "bytes"}


@given(st.binary(max_size=3000), st.sampled_from(["", "gzip", "zstd"]), st.integers(0, 9))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_a_record_or_a_layer_error(noise, packing, seed):
    _read_or_refuse(PACK[packing or "plain"](noise), seed)


@given(st.lists(st.tuples(st.integers(0, len(LAYER) - 1), st.integers(0, 255)), max_size=6))
@settings(max_examples=150, deadline=None)
def test_any_altered_tar_is_a_record_or_a_layer_error(changes):
    blob = bytearray(LAYER)
    for at, value in changes:
        at = at % 6000 if at % 3 else at  # most of them where the headers are
        blob[at] = value
    _read_or_refuse(bytes(blob), 1)


@given(st.integers(0, 4000), st.binary(max_size=20), st.sampled_from(["gzip", "zstd"]))
@settings(max_examples=100, deadline=None)
def test_any_altered_compression_is_a_record_or_a_layer_error(at, noise, packing):
    blob = PACK[packing](LAYER)
    at %= len(blob)
    _read_or_refuse(blob[:at] + noise + blob[at + len(noise) :], 2)


def _read_or_refuse(blob: bytes, seed: int) -> None:
    try:
        record = read_layer(cut(blob, seed))
    except LayerError:
        return
    assert record.entries <= record.bytes // 512
