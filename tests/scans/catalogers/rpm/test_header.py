from itertools import chain
from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scans.catalogers import Component
from scans.catalogers.rpm.header import Damaged, Header
from tests.scans.rpms import (
    ARCH,
    BASENAMES,
    DIR_INDEXES,
    DIRNAMES,
    EPOCH,
    LABEL,
    NAME,
    RELEASE,
    SOURCE,
    VERSION,
    header,
)


def component(values) -> Component:
    return Header(header(values)).component()


def paths(blob: bytes) -> list[str]:
    return list(chain.from_iterable(owns.paths for owns in Header(blob).owned("x")))


def test_everything_a_header_says_of_a_package_is_kept():
    assert component(
        {
            NAME: "npm",
            VERSION: "8.19.2",
            RELEASE: "1.18.10.0.1.module_el8",
            EPOCH: 1,
            ARCH: "x86_64",
            SOURCE: "nodejs-18.10.0-1.module_el8.src.rpm",
            LABEL: "nodejs:18:8070020221009220316:bd1311ed",
        }
    ) == Component(
        "rpm",
        "npm",
        "1:8.19.2-1.18.10.0.1.module_el8",
        "x86_64",
        "nodejs",
        "18.10.0-1.module_el8",
        "nodejs:18",
    )


@pytest.mark.parametrize(
    ("source", "name", "version"),
    [
        ("glibc-2.34-60.el9.src.rpm", "glibc", "2.34-60.el9"),
        ("java-17-openjdk-17.0.6-1.el9.nosrc.rpm", "java-17-openjdk", "17.0.6-1.el9"),
        ("no-version.src.rpm", "", ""),
        ("(none)", "", ""),
        ("", "", ""),
    ],
)
def test_the_source_is_told_by_the_name_of_its_file(source, name, version):
    found = component({NAME: "x", VERSION: "1", RELEASE: "1", SOURCE: source})
    assert (found.source_name, found.source_version) == (name, version)


def test_what_is_not_there_is_unknown_or_empty():
    assert component({NAME: "x"}) == Component("rpm", "x", "UNKNOWN")
    assert component({NAME: "x", VERSION: "1"}).version == "1"
    assert component({NAME: "x", VERSION: "1", RELEASE: "2", EPOCH: 0}).version == "1-2"


def test_the_first_of_a_repeated_tag_counts():
    twice = header({NAME: "first", VERSION: "1"})
    index, store = twice[8:40] + pack(">IIII", NAME, 6, 6, 1), twice[40:]
    blob = pack(">II", 3, len(store)) + index + store
    assert Header(blob).component() == Component("rpm", "first", "1")


def test_files_are_their_folders_and_names():
    files = {
        BASENAMES: ["bash", "sh", "README", "lost"],
        DIRNAMES: ["/usr/bin/", "/usr/share/doc/"],
        DIR_INDEXES: [0, 0, 1, 7],
    }
    assert paths(header(files)) == ["usr/bin/bash", "usr/bin/sh", "usr/share/doc/README"]


def test_names_of_files_need_not_be_utf_8_nor_short():
    blob = header({BASENAMES: ["a?b", "c"], DIRNAMES: ["/", "/" + "x" * 3000], DIR_INDEXES: [0, 1]})
    assert paths(blob.replace(b"?", b"\xff")) == ["a\\xffb"]


def test_many_files_come_in_parts():
    """A few bytes can name many long paths, which must never be in memory together."""
    names = ["f"] * 5000
    blob = header({BASENAMES: names, DIRNAMES: ["/" + "d" * 2000], DIR_INDEXES: [0] * 5000})
    parts = [len(owns.paths) for owns in Header(blob).owned("x")]
    assert sum(parts) == 5000
    assert max(parts) <= 2000


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"1234567",
        pack(">II", 1, 0),
        pack(">II", 0, 1),
        pack(">II", 70000, 0) + bytes(70000 * 16),
        pack(">II", 0xFFFFFFFF, 0xFFFFFFFF),
        header({VERSION: "1"}),
        header({NAME: ""}),
        header({NAME: 7}),
        pack(">IIIIII", 1, 1, NAME, 6, 0, 1) + b"x",  # not ended
        pack(">IIIIII", 1, 2, NAME, 6, 0xFFFFFFFF, 1) + b"x\0",
        header({NAME: "x", EPOCH: "one"}),
    ],
)
def test_what_rpm_would_not_read_is_damaged(blob):
    with pytest.raises(Damaged):
        Header(blob).component()


def test_counts_that_lie_are_damaged():
    blob = bytearray(header({NAME: "x", BASENAMES: ["a"], DIRNAMES: ["/"], DIR_INDEXES: [0]}))
    at = blob.index(pack(">I", DIR_INDEXES)) + 12
    blob[at : at + 4] = pack(">I", 0x7FFFFFFF)
    with pytest.raises(Damaged):
        paths(bytes(blob))


@given(st.binary(max_size=300), st.integers(0, 20))
@settings(max_examples=200)
def test_any_bytes_are_a_header_or_damaged(blob, entries):
    body = pack(">II", entries, max(0, len(blob) - 16 * entries)) + blob
    try:
        Header(body).component()
        paths(body)
    except Damaged:
        pass
