from contextlib import suppress
from io import BytesIO
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scans.catalogers import Component, Unreadable
from scans.catalogers.elf import read_elf
from scans.catalogers.golang import modules
from tests.scans.programs import elf, go_blob, go_text, old_go

TEXT = go_text(
    "path\texample.org/app/cmd/app",
    "mod\texample.org/app\t(devel)\t",
    "dep\tgolang.org/x/sys\tv0.1.0\th1:abc=",
    "dep\tgithub.com/one/thing\tv1.2.3",
    "=>\tgithub.com/fork/thing\tv1.2.4\th1:def=",
    "dep\texample.org/beside\tv0.0.0",
    "=>\t../beside\t(devel)\t",
    "build\t-compiler=gc",
    'build\t-ldflags="-X main.version=9.9.9"',
)
MODULES = {
    ("stdlib", "go1.21.5"),
    ("example.org/app", "(devel)"),
    ("golang.org/x/sys", "v0.1.0"),
    ("github.com/fork/thing", "v1.2.4"),
    ("example.org/beside", "(devel)"),
}


def found(body: bytes) -> set[tuple[str, str]]:
    components = list(modules(read_elf(BytesIO(body))))
    assert {component.type for component in components} <= {"go-module"}
    return {(component.name, component.version) for component in components}


@pytest.mark.parametrize(("bits", "order"), [*product((32, 64), "<>")])
def test_modules_replacements_and_go_itself_are_found_in_every_form(bits, order):
    blob = go_blob("go1.21.5", TEXT)
    assert found(elf({".go.buildinfo": blob}, bits=bits, order=order)) == MODULES
    assert found(old_go("go1.21.5", TEXT, bits=bits, order=order)) == MODULES


def test_a_program_without_section_headers_tells_it_in_its_data():
    data = bytes(1000) + go_blob("go1.21.5", TEXT)
    assert found(elf(memory=[(0x1000, data)])) == MODULES
    assert found(elf(memory=[(0x1000, bytes(1000))])) == set()


def test_the_words_in_another_program_s_text_make_it_no_go_program():
    blob = go_blob("go1.21.5", TEXT)
    assert found(elf({".rodata": blob}, [(0x1000, blob)])) == set()


@pytest.mark.parametrize(
    ("says", "version"),
    [
        ("go1.20.3 X:boringcrypto", "go1.20.3"),
        ("go1.20.12 (Red Hat 1.20.12-1.el9)", "go1.20.12"),
        ("devel go1.22-0123abcd Thu Oct 5", "go1.22-0123abcd"),
        ("devel +0123abcd Thu Oct 5", "UNKNOWN"),
    ],
)
def test_the_release_of_go_is_read_from_whatever_stands_around_it(says, version):
    assert found(elf({".go.buildinfo": go_blob(says, b"")})) == {("stdlib", version)}


def test_a_program_of_no_module_has_go_itself():
    assert found(old_go("go1.17", b"")) == {("stdlib", "go1.17")}


def test_a_module_without_a_version_is_unknown():
    body = elf({".go.buildinfo": go_blob("go1.21.5", go_text("dep\tgithub.com/a/b", "dep"))})
    assert found(body) == {("stdlib", "go1.21.5"), ("github.com/a/b", "UNKNOWN")}


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"something else",
        go_blob("", TEXT),
        go_blob("go1.21.5", TEXT)[:30],
        go_blob("go1.21.5", TEXT)[:-1],
        go_blob("go1.21.5", TEXT)[:32] + b"\xff" * 100,
        go_blob("go1.21.5", bytes(2_000_000)),
        b"\xff Go buildinf:\x08\0" + b"\xff" * 16,
        b"\xff Go buildinf:\x07\0" + bytes(16),
    ],
)
def test_a_go_program_that_cannot_be_read_says_so(blob):
    with pytest.raises(Unreadable, match="It is a Go program"):
        found(elf({".go.buildinfo": blob}))


def test_the_modules_of_a_hundred_thousand_lines_come_one_by_one():
    lines = modules(
        read_elf(BytesIO(elf({".go.buildinfo": go_blob("go1", b"dep\ta\n" * 170_000)})))
    )
    assert next(lines) == Component("go-module", "stdlib", "go1")
    assert sum(1 for _ in lines) < 170_000


@given(st.data())
def test_whatever_the_bytes_only_unreadable_is_raised(data):
    body = bytearray(data.draw(st.sampled_from(PROGRAMS)))
    for _ in range(data.draw(st.integers(1, 6))):
        body[data.draw(st.integers(4, len(body) - 1))] = data.draw(st.integers(0, 255))
    program = read_elf(BytesIO(body))
    with suppress(Unreadable):
        assert sum(1 for _ in modules(program)) < 100 if program else True


PROGRAMS = [
    elf({".go.buildinfo": go_blob("go1.21.5", TEXT)}),
    elf(memory=[(0x1000, go_blob("go1.21.5", TEXT))], bits=32),
    old_go("go1.17", TEXT, bits=32, order=">"),
    old_go("go1.17", TEXT),
]
