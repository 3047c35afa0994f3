"""Names, links and sizes that lie: nothing leads out of the image, and nothing goes round."""

import tarfile
from itertools import pairwise

import pytest

from scans.coalesce import stack
from scans.layers import LayerError
from scans.support import Reason
from tests.scans.hostile.streams import layer, read, refused
from tests.scans.tars import PACK, file, folder, hard_link, link, names, npm, tar

LAYER = tar(
    folder("etc"),
    file("etc/os-release", b"ID=debian\nVERSION_ID=12\n"),
    npm("app/node_modules/x", "x"),
    link("lib", "usr/lib"),
    file("n" * 300, b"x" * 600),
)


@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("name", ["n" * 65_536, "/".join(["d"] * 32_768)])
def test_a_name_of_64_kib_is_refused(name, format):
    error = refused(tar(file(name), format=format))
    assert error.reason is Reason.TOO_LARGE
    assert "“path length”" in str(error) or "“depth”" in str(error)


def test_a_link_to_64_kib_is_refused():
    assert "“path length”" in str(refused(tar(link("lib", "x" * 65_536))))


@pytest.mark.parametrize(
    "raw", [b"\xff\xfe/package.json", b"\xc0\xaf/package.json", b"\x1b[2J/package.json"]
)
def test_a_name_that_is_no_text_can_be_stored_and_shown(raw):
    body = b'{"name": "x", "version": "1"}'
    info = tarfile.TarInfo("N" * len(raw))
    info.size = len(body)
    blob = bytearray(tar((info, body), format=tarfile.GNU_FORMAT))
    blob[: len(raw)] = raw
    _mend(blob, 0)
    (path,) = read(bytes(blob)).files
    assert path.isprintable()
    assert path.endswith("/package.json")


@pytest.mark.parametrize(
    "name", ["../../etc/os-release", "/../etc/os-release", "a/../../etc/os-release"]
)
def test_no_path_leads_out_of_the_image(name):
    record = layer(file(name, b"ID=alpine\n"), file("etc/x"))
    assert not record.files


@pytest.mark.parametrize(
    "links",
    [
        {"a": "a"},
        {"a": "b", "b": "a"},
        {"a": "b/c", "b": "a/c"},
        {"a": "a/a"},
        {"a": "../../../../.."},
        {"a": "/"},
        {"a": "/proc/self/root"},
        {"a": "b" * 2000, "b" * 2000: "a"},
        dict(pairwise([f"l{number}" for number in range(500)])),
    ],
    ids=lambda links: str(links)[:30],
)
def test_links_that_lead_in_circles_or_out_end_somewhere_inside(links):
    below = layer(npm("a/x", "one"), npm("etc/x", "two"))
    above = layer(*(link(*each) for each in links.items()))
    last = layer(npm("a/y", "three"))
    packages = stack([below, above, last]).packages
    assert {package.name for package in packages} <= {"one", "two", "three"}
    assert "two" in {package.name for package in packages}
    assert not any(package.path.startswith(("/", "..")) for package in packages)


@pytest.mark.parametrize("target", ["../../../etc/passwd", "/etc/passwd", "", "a/package.json"])
def test_a_hard_link_out_of_the_image_or_to_itself_says_nothing(target):
    record = layer(hard_link("a/package.json", target), npm("b", "one"))
    assert names(record) == {("b/package.json", "one")}


@pytest.mark.parametrize(
    "size",
    [
        b"77777777777\0",
        b"\x80" + b"\x7f" + b"\xff" * 10,
        b"\xff" * 12,
        b"00000002000\0",
        b"-1000000000\0",
    ],
)
def test_a_size_that_lies_is_refused(size):
    blob = bytearray(tar(file("data", b"x"), npm("a", "one")))
    blob[124:136] = size
    _mend(blob, 0)
    assert refused(bytes(blob)).reason in (Reason.DAMAGED, Reason.TOO_LARGE)


@pytest.mark.parametrize("packing", sorted(PACK))
def test_a_layer_cut_off_anywhere_is_read_or_damaged(packing):
    blob, reasons = PACK[packing](LAYER), set()
    for length in range(0, len(blob), max(1, len(blob) // 25)):
        try:
            record = read(blob[:length])
        except LayerError as error:
            reasons.add(error.reason)
        else:  # runtimes take a tar without its end
            assert record.bytes <= length or packing != "plain"
    assert reasons == {Reason.DAMAGED}


def _mend(blob: bytearray, at: int) -> None:
    blob[at + 148 : at + 156] = b" " * 8
    blob[at + 148 : at + 156] = b"%06o\0 " % sum(blob[at : at + 512])
