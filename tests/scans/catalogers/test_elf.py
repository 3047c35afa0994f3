import struct
from io import BytesIO
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scans.catalogers.elf import Piece, read_elf
from tests.scans.programs import elf

FORMS = [{"bits": bits, "order": order} for bits, order in product((32, 64), "<>")]


@pytest.mark.parametrize("form", FORMS)
def test_sections_and_memory_are_found_in_every_form(form):
    body = elf({".text": b"code", ".note": b"noted"}, [(0x1000, b"one"), (0x2000, b"two")], **form)
    program = read_elf(BytesIO(body))
    note = program.section(b".note")
    assert program.read(note, 100) == b"noted"
    assert program.read(note, 3) == b"not"
    assert program.section(b".data") is None
    assert program.section(b"note") is None  # but ends the name of another
    assert program.at(0x2001, 100) == b"wo"
    assert program.at(0x1001, 1) == b"n"
    assert program.at(0x3000, 1) == b""
    assert program.read(program.data(), 100) == b"one"


def test_a_program_may_have_no_sections_and_no_segments():
    program = read_elf(BytesIO(elf()))
    assert (program.names, program.section(b".text"), program.data()) == (b"", None, None)
    assert program.at(0, 1) == b""


@pytest.mark.parametrize("body", [b"", b"\x7fELF", b"#!/bin/sh\n" * 10, elf()[:51]])
def test_what_is_no_program_is_none(body):
    assert read_elf(BytesIO(body)) is None


def test_a_word_size_or_byte_order_that_no_one_has_is_none():
    body = bytearray(elf())
    for at in (4, 5):
        strange = body[:at] + b"\7" + body[at + 1 :]
        assert read_elf(BytesIO(strange)) is None


def test_headers_that_lie_of_their_number_size_and_place_hold_nothing():
    body = bytearray(elf({".text": b"code"}, [(0x1000, b"one")]))
    for layout, at in (("<Q", 32), ("<Q", 40), ("<H", 54), ("<H", 56), ("<H", 58), ("<H", 60)):
        strange = bytearray(body)
        struct.pack_into(layout, strange, at, 2 ** (8 * struct.calcsize(layout)) - 1)
        program = read_elf(BytesIO(strange))
        assert len(program.names) < 100
        assert program.at(0x1000, 1 << 40) in (b"", b"one")


def test_a_section_as_long_as_a_number_can_say_is_read_to_the_file_s_end_and_no_further():
    body = elf({".text": b"code"})
    assert read_elf(BytesIO(body)).read(Piece(64, 2**64 - 1), 2**20) == body[64:]
    assert read_elf(BytesIO(body)).read(Piece(2**64 - 1, 10), 10) == b""


@given(st.data())
def test_whatever_the_bytes_nothing_is_raised(data):
    body = bytearray(elf({".text": b"code", ".x": b"x"}, [(0x1000, b"one")], **FORMS[3]))
    for _ in range(data.draw(st.integers(1, 8))):
        body[data.draw(st.integers(4, len(body) - 1))] = data.draw(st.integers(0, 255))
    if program := read_elf(BytesIO(body)):
        section = program.section(b".x")
        assert section is None or len(program.read(section, 5)) <= 5
        assert len(program.at(data.draw(st.integers(0, 2**64 - 1)), 10)) <= 10
        program.data()
