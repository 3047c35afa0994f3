"""Every tar that a runtime unpacks is read the same way; what cannot be read is said."""

import io
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scans.layers import LayerError, read_layer
from scans.support import Reason
from tests.scans.tars import FORMATS, PACK, cut, file, folder, hard_link, link, names, npm, tar

LONG = "app/" + "/".join(["a-folder-with-a-long-name"] * 20) + "/node_modules/left-pad"


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_tells_the_same_files(format):
    record = read_layer([tar(folder("app/"), npm("app", "one"), npm("./b", "two"), format=format)])
    assert names(record) == {("app/package.json", "one"), ("b/package.json", "two")}
    assert record.entries == 3


@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_and_long_links_are_read(format):
    elsewhere = "x" * 300
    record = read_layer([tar(npm(LONG, "left-pad"), link("opt", elsewhere), format=format)])
    assert names(record) == {(f"{LONG}/package.json", "left-pad")}
    assert record.links == {"opt": elsewhere}


def test_the_prefix_of_ustar_is_read():
    name = "/".join(["folder"] * 16)
    record = read_layer([tar(npm(name, "one"), format=tarfile.USTAR_FORMAT)])
    assert names(record) == {(f"{name}/package.json", "one")}


def test_a_size_in_an_extended_header_counts():
    info, body = npm("a", "one")
    info.pax_headers = {"size": str(len(body))}
    blob = bytearray(tar((info, body), npm("b", "two")))
    header = blob.index(b"a/package.json\0")
    blob[header + 124 : header + 136] = b"00000000000\0"
    _fix_checksum(blob, header)
    assert {name for _, name in names(read_layer([bytes(blob)]))} == {"one", "two"}


def test_a_global_header_is_passed_over_as_the_runtimes_do():
    buffer = io.BytesIO()
    headers = {"path": "elsewhere", "comment": "of the whole archive"}
    with tarfile.open(fileobj=buffer, mode="w", pax_headers=headers) as archive:
        info, body = npm("a", "one")
        archive.addfile(info, io.BytesIO(body))
    assert names(read_layer([buffer.getvalue()])) == {("a/package.json", "one")}


def test_a_size_in_base_256_is_read():
    info, body = npm("a", "one")
    blob = bytearray(tar((info, body), format=tarfile.GNU_FORMAT))
    blob[124:136] = b"\x80" + len(body).to_bytes(11, "big")
    _fix_checksum(blob, 0)
    assert names(read_layer([bytes(blob)])) == {("a/package.json", "one")}


@pytest.mark.parametrize("size", [b"\xff" * 12, b"-0000000001\0", b"0000000009z\0"])
def test_a_size_that_is_no_size_is_damage(size):
    blob = bytearray(tar(file("a", b"body"), format=tarfile.GNU_FORMAT))
    blob[124:136] = size
    _fix_checksum(blob, 0)
    _assert_damaged(bytes(blob))


@pytest.mark.parametrize("sign", [0, 256])
def test_signed_and_unsigned_checksums_are_accepted(sign):
    info, body = npm("a", "one")
    info.uname = "é"
    blob = bytearray(tar((info, body), format=tarfile.GNU_FORMAT))
    high = sum(byte > 127 for byte in blob[:512])
    assert high
    total = int(blob[148:154], 8) - sign * high
    blob[148:154] = b"%06o" % total
    assert names(read_layer([bytes(blob)])) == {("a/package.json", "one")}


def test_a_wrong_checksum_is_damage():
    blob = bytearray(tar(file("a", b"body")))
    blob[0] += 1
    _assert_damaged(bytes(blob))


def test_the_map_of_an_old_sparse_file_is_passed_over():
    sparse, _ = file("core", b"")
    blob = bytearray(tar((sparse, b""), npm("a", "one"), format=tarfile.GNU_FORMAT))
    blob[156:157] = b"S"
    blob[482] = 1
    _fix_checksum(blob, 0)
    more = bytearray(512)
    more[504] = 1
    blob[512:512] = bytes(more) + bytes(512)
    assert names(read_layer([bytes(blob)])) == {("a/package.json", "one")}


def test_a_sparse_file_of_the_newer_kind_goes_by_its_real_name():
    info, body = file("GNUSparseFile.0/package.json", b"0\n")
    info.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": "core",
        "GNU.sparse.realsize": "9999999",
    }
    assert names(read_layer([tar((info, body), npm("a", "one"))])) == {("a/package.json", "one")}


def test_a_wanted_file_stored_sparse_is_a_problem_of_its_own():
    info, body = file("GNUSparseFile.0/x", b"0\n")
    info.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": "app/package.json",
    }
    record = read_layer([tar((info, body), npm("b", "one"))])
    assert "stored as a sparse file" in record.problems["app/package.json"].sentence
    assert names(record) == {("b/package.json", "one")}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("./a/package.json", "a/package.json"),
        ("/a/package.json", "a/package.json"),
        ("a//b/./package.json", "a/b/package.json"),
        ("a/../b/package.json", "b/package.json"),
        ("../package.json", None),
        ("a/../../package.json", None),
        ("/../package.json", None),
    ],
)
def test_paths_are_spelt_in_one_way_and_stay_inside(written, read):
    record = read_layer([tar(file(written, b'{"name": "one"}'))])
    assert [path for path, _ in names(record)] == ([read] if read else [])


def test_a_name_that_is_not_text_is_spelt_out():
    info, body = npm("caf\udce9\n", "one")
    record = read_layer([tar((info, body), format=tarfile.GNU_FORMAT)])
    assert names(record) == {("caf\\xe9\\n/package.json", "one")}


def test_a_tar_without_its_end_is_accepted_as_runtimes_do():
    blob = tar(npm("a", "one"), format=tarfile.GNU_FORMAT)[:1024]
    assert names(read_layer([blob])) == {("a/package.json", "one")}


@pytest.mark.parametrize("length", [1, 511, 513, 600, 1023])
def test_a_tar_cut_short_is_damage(length):
    _assert_damaged(tar(npm("a", "one"), format=tarfile.GNU_FORMAT)[:length])


def test_something_after_a_lone_block_of_zeros_is_damage():
    _assert_damaged(bytes(512) + tar(npm("a", "one")))


def test_an_empty_layer_is_empty():
    assert read_layer([]).entries == read_layer([bytes(1024)]).entries == 0


entries = st.lists(
    st.one_of(
        st.builds(npm, st.sampled_from(["a", "b/c", LONG]), st.sampled_from(["one", "two"])),
        st.builds(file, st.sampled_from(["x", "d/y", "e" * 90]), st.binary(max_size=3000)),
        st.builds(link, st.sampled_from(["l", "m/l"]), st.sampled_from(["a", "../b"])),
        st.builds(hard_link, st.just("h"), st.just("x")),
        st.builds(folder, st.sampled_from(["a", "d"])),
    ),
    max_size=12,
)


@given(
    entries,
    st.sampled_from(FORMATS[1:]),
    st.sampled_from(sorted(PACK)),
    st.integers(0, 99),
    st.sampled_from([1, 700, 9000]),
)
@settings(max_examples=80, deadline=None)
def test_what_tarfile_writes_is_read_back_however_it_is_cut(wrote, format, packing, seed, most):
    blob = PACK[packing](tar(*wrote, format=format))
    record = read_layer(cut(blob, seed, most))
    expected = {info.name: body for info, body in wrote if info.name.endswith("package.json")}
    assert {path: name for path, name in names(record)} == {
        path: "one" if b"one" in body else "two" for path, body in expected.items()
    }
    assert record.entries == len(wrote)


def _fix_checksum(blob: bytearray, at: int) -> None:
    blob[at + 148 : at + 156] = b" " * 8
    blob[at + 148 : at + 156] = b"%06o\0 " % sum(blob[at : at + 512])


def _assert_damaged(blob: bytes) -> None:
    with pytest.raises(LayerError) as caught:
        read_layer([blob])
    assert caught.value.reason is Reason.DAMAGED
    assert "Push the image again" in str(caught.value)
