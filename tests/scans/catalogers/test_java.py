"""Java archives as they stand in images, and as no honest builder makes them."""

import io
import random
import struct
import zipfile
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scans.catalogers import Component, Unreadable, cataloger_for, java, zips
from tests.scans.catalogers.jars import jar, manifest, pom

X = pom("org.example", "x", "1.0")
Y = pom("org.example", "y", "2.0")
FOUND_X = Component("maven", "org.example:x", "1.0")


def read(body: bytes, path: str = "srv/app.jar") -> list[Component]:
    return list(java.read(path, io.BytesIO(body)))


def refused(body: bytes) -> tuple[list[str], str]:
    """What is found all the same, and the sentence."""
    found: list[Component] = []
    error = caught(body, found)
    return [component.name for component in found], str(error)


def caught(body: bytes, found: list[Component]) -> Unreadable:
    with pytest.raises(Unreadable) as error:
        found.extend(java.read("srv/app.jar", io.BytesIO(body)))
    return error.value


def inside(component: Component, path: str) -> Component:
    return Component(component.type, component.name, component.version, inside=path)


@pytest.mark.parametrize("ending", ["jar", "war", "ear", "jpi", "hpi", "par", "sar", "kar", "nar"])
def test_wants_every_kind_of_archive(ending):
    assert cataloger_for(f"srv/x.{ending}") is java.CATALOGER
    assert cataloger_for(f"srv/X.{ending.upper()}") is java.CATALOGER


def test_wants_the_pom_of_an_unpacked_archive_and_no_other():
    path = "srv/app/META-INF/maven/org.example/x/pom.properties"
    assert cataloger_for(path) is java.CATALOGER
    assert read(next(iter(X.values())).encode(), path) == [FOUND_X]
    assert cataloger_for("srv/build/target/pom.properties") is None


@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_an_archive_is_read_by_its_pom(packing):
    body = jar({"X.class": b"\0", **X, **manifest(Bundle_Version="7")}, packing)
    assert read(body, "srv/x-1.0.jar") == [FOUND_X]


@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_archives_in_archives_are_read_in_place_or_unpacked(packing):
    library = jar(X, packing)
    boot = jar({"BOOT-INF/lib/x-1.0.jar": library, **Y}, packing)
    whole = jar({"lib/boot-2.0.war": boot}, packing)
    assert read(whole, "srv/whole.ear") == [
        Component("maven", "org.example:y", "2.0", inside="lib/boot-2.0.war"),
        inside(FOUND_X, "lib/boot-2.0.war!/BOOT-INF/lib/x-1.0.jar"),
    ]


def test_shaded_packages_stand_beside_the_archives_own():
    found = read(jar({**X, **Y}), "srv/x-1.0.jar")
    assert [component.name for component in found] == ["org.example:x", "org.example:y"]


def test_a_script_may_stand_before_an_archive():
    assert read(b"#!/bin/sh\nexec java -jar $0\n" + jar(X)) == [FOUND_X]


def test_a_comment_may_stand_behind_an_archive_and_hold_its_marks():
    body = io.BytesIO(jar(X))
    with zipfile.ZipFile(body, "a") as archive:
        archive.comment = b"PK\5\6" + b"\0" * 400 + b"PK\5\6" + b"x" * 100
    assert read(body.getvalue()) == [FOUND_X]


def test_zip64_archives_are_read(monkeypatch):
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
    body = jar({"padding": b"x" * 200, "lib/x-1.0.jar": jar(X), **Y}, zipfile.ZIP_STORED)
    assert b"PK\6\6" in body
    assert [component.name for component in read(body)] == ["org.example:y", "org.example:x"]


def test_the_manifest_is_found_however_it_is_spelt():
    body = jar({"meta-inf/manifest.mf": "Implementation-Version: 3\n"})
    assert read(body, "srv/tool.jar") == [Component("maven", "tool", "3")]


@pytest.mark.parametrize(
    "body", [b"", b"GIF89a", b"\0" * 100_000, jar({}), jar({"X.class": b"\0"}), b"Rar!\x1a\7\0"]
)
def test_what_tells_nothing_yields_nothing(body):
    assert read(body) == []


def test_an_archive_that_is_cut_short_is_unreadable():
    assert "without an end" in refused(jar(X)[:-30])[1]


def _patched(body: bytes, mark: bytes, offset: int, field: bytes) -> bytes:
    at = body.rindex(mark) + offset
    return body[:at] + field + body[at + len(field) :]


DIRECTORY = b"PK\1\2"


@pytest.mark.parametrize(
    ("offset", "field", "why"),
    [
        (8, b"\1\0", "encrypted"),
        (10, b"\x0c\0", "packed in another way"),
        (20, struct.pack("<L", 2**31), "ends too early"),
        (42, struct.pack("<L", 7), "not where"),
    ],
)
def test_an_entry_that_cannot_be_read_makes_the_file_unreadable_and_hides_no_other(
    offset, field, why
):
    body = _patched(jar({"lib/x-1.0.jar": jar(X), **Y}), DIRECTORY, offset, field)
    body = jar({"lib/other.jar": body, "lib/x-1.0.jar": jar(X)})
    found, sentence = refused(body)
    assert why in sentence
    assert found.count("org.example:x") == 2


@pytest.mark.parametrize("size", [10, 100_000])
def test_an_inner_archive_that_lies_about_its_size_is_unreadable(size):
    whole = jar({"lib/x-1.0.jar": jar(X)})
    body = _patched(whole, DIRECTORY, 24, struct.pack("<L", size))
    assert "claims" in refused(body)[1]


def test_damaged_data_is_unreadable():
    whole = bytearray(jar({"lib/x-1.0.jar": jar(X)}))
    whole[45:60] = b"\xff" * 15
    assert "In lib/x-1.0.jar: Its data is damaged." in refused(bytes(whole))[1]


def test_a_broken_directory_keeps_what_stood_before_it():
    whole = jar({**X, "lib/y-2.0.jar": jar(Y), "z": b""})
    at = whole.rindex(DIRECTORY)
    body = whole[:at] + b"XXXX" + whole[at + 4 :]
    assert refused(body) == (["org.example:x", "org.example:y"], "Its directory is damaged.")


def test_archives_are_not_followed_deeper_than_five():
    body = jar(X)
    for _ in range(5):
        body = jar({"x.jar": body})
    assert [each.inside for each in read(body)] == ["!/".join(["x.jar"] * 5)]
    assert "deeper" in refused(jar({"x.jar": body}))[1]


def test_a_bomb_of_archives_in_archives_is_refused():
    bomb = jar({"zeros": b"\0" * 50_000_000, **X})
    for _ in range(4):
        bomb = jar({f"{number}.jar": bomb for number in range(40)})
    assert "more" in refused(bomb)[1]


def test_an_inner_archive_too_long_for_memory_is_refused_and_the_rest_read():
    held = zips.Allowance(0).held
    body = jar({"big.jar": b"\0" * (held + 1), "lib/x-1.0.jar": jar(X)})
    found, sentence = refused(body)
    assert found == ["org.example:x"]
    assert sentence == f"In big.jar: It unpacks to {held + 1:,} bytes, more than are read."


def test_memory_for_inner_archives_is_given_back(monkeypatch):
    monkeypatch.setattr(java, "Allowance", partial(zips.Allowance, held=250_000))
    body = jar({f"lib/{number}.jar": b"\0" * 200_000 for number in range(2)})
    assert read(body) == []


def test_archives_in_memory_count_together_with_those_they_stand_in(monkeypatch):
    monkeypatch.setattr(java, "Allowance", partial(zips.Allowance, held=250_000))
    padding = random.Random(1).randbytes(100_000)
    outer = jar({"padding": padding, "inner.jar": b"\0" * 200_000})
    assert "It unpacks to 200,000 bytes" in refused(jar({"outer.jar": outer}))[1]


def test_entries_that_share_their_data_cannot_be_read_without_end(monkeypatch):
    monkeypatch.setattr(java, "Allowance", partial(zips.Allowance, inflated=1_000_000))
    one = jar({"lib/0.jar": b"\0" * 300_000})
    start = one.index(DIRECTORY)
    entry, count = one[start:-22], 50
    body = one[:start] + entry * count
    body += struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(entry) * count, start, 0)
    assert "unpacks to more" in refused(body)[1]


def test_a_directory_of_millions_of_entries_is_refused(monkeypatch):
    monkeypatch.setattr(java, "Allowance", partial(zips.Allowance, entries=10_000))
    entry = struct.pack("<4s6H3L5H2L", DIRECTORY, *[0] * 9, 1, *[0] * 6) + b"x"
    count = 10_001
    body = entry * count
    body += struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFE, 0xFFFE, len(body), 0, 0)
    assert "more entries" in refused(body)[1]


def test_more_poms_than_any_archive_has_are_refused(monkeypatch):
    monkeypatch.setattr(java, "_MAX_POMS", 20)
    poms = [pom("g", f"a{number}", "1") for number in range(30)]
    body = jar({path: text for each in poms for path, text in each.items()})
    assert "more packages" in refused(body)[1]


@pytest.mark.parametrize(
    ("allowance", "why"),
    [("archives", "archives in archives"), ("directories", "directories"), ("names", "names")],
)
def test_what_no_archive_has_is_refused(allowance, why, monkeypatch):
    limit = partial(zips.Allowance, **{allowance: 3})
    monkeypatch.setattr(java, "Allowance", limit)
    assert why in refused(jar({f"lib/{number}.jar": jar(X) for number in range(5)}))[1]


def test_facts_are_not_read_without_end(monkeypatch):
    monkeypatch.setattr(java, "Allowance", partial(zips.Allowance, facts=3))
    body = jar({f"lib/{number}.jar": jar(X) for number in range(5)})
    assert refused(body) == (["org.example:x"] * 3, "It holds more packages than are read.")


def test_what_passes_a_bound_is_told_apart_from_what_is_damaged(monkeypatch):
    damaged = caught(jar({"lib/x.jar": b"PK\3\4 and no more", "lib/y.jar": b"PK\3\4"}), [])
    monkeypatch.setattr(java, "Allowance", partial(zips.Allowance, facts=3))
    exhausted = caught(jar({f"lib/{number}.jar": jar(X) for number in range(5)}), [])
    monkeypatch.setattr(java, "Allowance", partial(zips.Allowance, held=10))
    too_long = caught(jar({f"lib/{number}.jar": jar(X) for number in range(2)}), [])
    assert "1 more of the kind" in str(damaged)
    assert "1 more of the kind" in str(too_long)
    assert [each.too_large for each in (damaged, exhausted, too_long)] == [False, True, True]


def test_an_archive_with_many_ends_is_not_taken_for_none():
    body = jar(X) + b"PK\5\6" * 100
    assert refused(body) == ([], "It has several ends, and none that fits.")


def test_names_of_any_bytes_are_shown_as_text():
    raw = jar({"lib/xxxx-1.0.jar": jar(X)}).replace(b"xxxx", b"\xff\xfe\x82\x1b")
    assert [component.name for component in read(raw)] == ["org.example:x"]


VALID = jar({"lib/x-1.0.jar": jar(X), "lib/s.jar": jar(Y, zipfile.ZIP_STORED), **Y, **X})


@settings(max_examples=150)
@given(st.data())
def test_a_mutated_archive_raises_nothing_but_unreadable(data):
    body = bytearray(VALID)
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at] = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]))
    _read_quietly(bytes(body))


@settings(max_examples=150)
@given(st.binary(max_size=300), st.integers(0, len(VALID)), st.integers(0, len(VALID)))
def test_garbage_and_parts_of_archives_raise_nothing_but_unreadable(garbage, start, end):
    _read_quietly(garbage)
    _read_quietly(VALID[start:end])
    _read_quietly(garbage + VALID[start:])
    _read_quietly(VALID[:end] + garbage + VALID[-22:])


def _read_quietly(body: bytes) -> None:
    try:
        found = read(body)
    except Unreadable:
        return
    assert {component.type for component in found} <= {"maven"}


def test_of_a_long_entry_no_more_is_read_than_is_wanted(monkeypatch):
    noise = random.Random(1).randbytes(500_000)
    body = jar({"META-INF/maven/g/a/pom.properties": noise})
    read_at, asked = zips.OnFile.at, []
    monkeypatch.setattr(
        zips.OnFile, "at", lambda self, at, n: asked.append(n) or read_at(self, at, n)
    )
    read(body)
    assert max(asked) < 100_000
