import zlib
from contextlib import suppress
from io import BytesIO

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scans.catalogers import Unreadable
from scans.catalogers.elf import read_elf
from scans.catalogers.rust import crates
from tests.scans.programs import elf


def found(section: bytes) -> list[tuple[str, str, str]]:
    program = read_elf(BytesIO(elf({".text": b"code", ".dep-v0": section})))
    return [(component.type, component.name, component.version) for component in crates(program)]


def packed(*packages: object) -> bytes:
    return zlib.compress(orjson.dumps({"packages": packages, "format": 0}))


def test_the_crates_that_run_are_found_wherever_they_are_from():
    section = packed(
        {"name": "serde", "version": "1.0.1", "source": "crates.io", "dependencies": [1]},
        {"name": "patched", "version": "0.2.0", "source": "git", "kind": "runtime"},
        {"name": "cc", "version": "1.0.9", "source": "crates.io", "kind": "build"},
        {"name": "app", "version": "0.1.0", "source": "local", "root": True},
    )
    assert found(section) == [
        ("cargo", "serde", "1.0.1"),
        ("cargo", "patched", "0.2.0"),
        ("cargo", "app", "0.1.0"),
    ]


def test_a_program_without_the_section_has_none():
    assert list(crates(read_elf(BytesIO(elf({".text": b".dep-v0"}))))) == []


def test_what_is_no_crate_is_passed_over_and_what_has_no_version_is_unknown():
    section = packed("x", 1, None, {"name": 1}, {"name": "a"}, {"name": "b", "version": ["1"]})
    assert found(section) == [("cargo", "a", "UNKNOWN"), ("cargo", "b", "UNKNOWN")]


@pytest.mark.parametrize(
    "section",
    [
        b"",
        b"no zlib",
        zlib.compress(b"no json"),
        zlib.compress(b"[]"),
        zlib.compress(b'{"packages": 1}'),
        zlib.compress(b'{"packages": ' + b"[" * 100_000),
        packed({"name": "a"})[:-6],
        zlib.compress(b'{"packages": [' + b" " * 50_000_000 + b"]}"),  # a bomb
    ],
)
def test_a_list_that_cannot_be_read_says_so(section):
    with pytest.raises(Unreadable, match="It is a Rust program"):
        found(section)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["packages", "name", "version", "kind"]), inner)
    ),
    max_leaves=12,
)


@given(st.binary(max_size=50) | JSON.map(lambda document: zlib.compress(orjson.dumps(document))))
def test_whatever_the_bytes_only_unreadable_is_raised(section):
    with suppress(Unreadable):
        assert all(isinstance(part, str) for row in found(section) for part in row)
