"""What is small and unpacks to much, or never ends, is refused within its budget."""

import gzip
import io
import tarfile
import zipfile

import pytest
import zstandard

from scans import sandbox
from scans.layers import Budget, LayerError
from scans.support import Reason
from tests.scans.hostile.streams import entries, layer, opened, refused
from tests.scans.tars import file, names, npm, tar

MB = 1024 * 1024


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_a_bomb_of_zeros_is_refused_by_its_ratio(packing):
    error = refused(_packed(packing, bytes(30 * MB)) * 10)
    assert error.reason is Reason.TOO_LARGE
    assert "“ratio”" in str(error)


def test_a_bomb_inside_a_file_that_is_passed_over_counts_as_well():
    header = tarfile.TarInfo("data")
    header.size = 300 * MB
    members = [_packed("gzip", header.tobuf()), *[_packed("gzip", bytes(30 * MB))] * 11]
    assert "“ratio”" in str(refused(*members))


def _packed(packing: str, body: bytes) -> bytes:
    return gzip.compress(body, 9) if packing == "gzip" else zstandard.compress(body)


def test_a_gzip_in_a_gzip_is_not_unpacked_twice():
    assert refused(gzip.compress(gzip.compress(bytes(MB)))).reason is Reason.DAMAGED


def test_a_window_of_zstd_larger_than_any_in_use_is_refused():
    frame = bytearray(zstandard.compress(b"x" * 1000, 19))
    frame[4] = 0  # no content size, a window descriptor follows
    frame[5] = 31 << 3  # of two terabytes
    error = refused(bytes(frame))
    assert error.reason is Reason.DAMAGED
    assert "zstd" in str(error)


def test_a_layer_of_entries_without_end_is_refused():
    with pytest.raises(LayerError, match="“entries” is 50,000") as caught:
        sandbox.read_layer(opened(entries), budget=Budget(entries=50_000))
    assert caught.value.reason is Reason.TOO_LARGE


def test_a_layer_of_a_hundred_thousand_entries_is_read():
    record = sandbox.read_layer(opened(lambda: entries(100_000)))
    assert record.entries == 100_000


def test_wanted_files_without_end_are_refused():
    with pytest.raises(LayerError, match="“remembered bytes” is 1,000,000"):
        sandbox.read_layer(opened(_packages), budget=Budget(remembered_bytes=1_000_000))


def _packages():
    number = 0
    while True:
        number += 1
        whole = tar(*(npm(f"{number}/{each}", "x") for each in range(100)))
        yield whole[: 100 * 1024]  # without the archive's end


def test_jars_in_jars_in_jars_end():
    body = b"x"
    for _ in range(50):
        body = _zip({"inner.jar": body})
    record = layer(file("srv/x.jar", body))
    assert record.problems["srv/x.jar"].reason in (Reason.DAMAGED, Reason.TOO_LARGE)


def test_a_zip_bomb_in_a_jar_costs_only_the_jar():
    bomb = _zip({"a.jar": bytes(200 * MB), "META-INF/MANIFEST.MF": bytes(50 * MB)})
    record = layer(file("srv/x.jar", bomb), npm("a", "one"))
    assert ("a/package.json", "one") in names(record)


def test_a_zip_whose_directory_lies_costs_only_the_jar():
    body = bytearray(_zip({f"{number}.class": b"" for number in range(50)}))
    end = body.rindex(b"PK\5\6")
    body[end + 8 : end + 12] = b"\xff\xff\xff\xff"  # how many entries there are
    record = layer(file("srv/x.jar", bytes(body)), npm("a", "one"))
    assert ("a/package.json", "one") in names(record)


def _zip(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return made.getvalue()


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"x":['])
@pytest.mark.parametrize(
    "path",
    ["a/package.json", "vendor/composer/installed.json", "app/x.deps.json", "app/x.spdx.json"],
)
def test_json_nested_a_million_deep_costs_only_its_file(path, opening):
    body = (opening * 1_000_000)[: 3 * MB]
    record = layer(file(path, body), npm("b", "one"))
    assert names(record) == {("b/package.json", "one")}


def test_texts_of_a_megabyte_are_no_versions():
    long = "9" * MB
    record = layer(
        npm("a", "one", long), npm("b", long), file("etc/os-release", b"ID=" + b"x" * MB)
    )
    (component,) = record.files["a/package.json"]
    assert component.version == "UNKNOWN"
    assert record.files["b/package.json"] == ()
    assert len(record.files["etc/os-release"].id) <= 60


def test_the_json_that_grows_most_in_memory_fits_into_a_readers():
    """Past the limit, C libraries say strange things; so files are shorter than that."""
    body = b'{"name": "x", "version": "1", "y": [' + b"[]," * 1_390_000 + b"0]}"
    assert names(layer(file("a/package.json", body))) == {("a/package.json", "x")}
