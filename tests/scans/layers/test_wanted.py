"""Wanted files fail alone, are owned, have journals, and hide what was in their place."""

from dataclasses import replace

import pytest

from scans.catalogers import Cataloger, Component, Owns, Unreadable
from scans.coalesce import stack
from scans.layers import Budget, LayerError, ownership, read_layer, wanted
from scans.support import Reason
from tests.scans.tars import file, folder, hard_link, link, names, tar


def read_words(path, file):
    """A package for each word; other words do what they say."""
    for word in file.read().removeprefix(b"EXE").decode().split():
        if word == "unreadable":
            raise Unreadable("It cannot\nbe read.")
        if word == "endless":
            raise Unreadable("It has no end.", too_large=True)
        if word == "bug":
            raise KeyError(word)
        if word == "memory":
            raise MemoryError
        if word.startswith("owns:"):
            yield Owns("owner", word[5:].split(","))
        else:
            yield Component("rpm" if path == "db" else "npm", word, "1")


DATABASE = Cataloger(
    "words",
    lambda path: path in ("db", "db-log"),
    read_words,
    largest=10**8,
    journal_of=lambda path: "db" if path == "db-log" else "",
    merge=lambda body, log: body + b" " + log,
)
WORDS = Cataloger("words", lambda path: path.endswith(".words"), read_words, largest=10**8)
PROGRAMS = Cataloger(
    "programs", lambda path: True, read_words, largest=10**8, executables=True, magic=b"EXE "
)


@pytest.fixture(autouse=True)
def catalogers(monkeypatch):
    def cataloger_for(path, executable=False):
        for cataloger in (DATABASE, WORDS):
            if cataloger.wants(path):
                return cataloger
        return PROGRAMS if executable else None

    monkeypatch.setattr(wanted, "cataloger_for", cataloger_for)
    monkeypatch.setattr(ownership, "cataloger_for", cataloger_for)


def program(name, body):
    info, body = file(name, body)
    info.mode = 0o755
    return info, body


@pytest.mark.parametrize(
    ("word", "reason", "sentence"),
    [
        ("unreadable", Reason.DAMAGED, "It cannotbe read."),
        ("endless", Reason.TOO_LARGE, "It has no end."),
        ("bug", Reason.FAILED, "Vigie's own (KeyError)"),
        ("memory", Reason.TOO_LARGE, "more memory"),
    ],
)
def test_a_file_that_cannot_be_read_fails_alone(word, reason, sentence):
    blob = tar(file("a.words", f"one {word} two".encode()), file("b.words", b"three"))
    record = read_layer([blob])
    assert names(record) == {("a.words", "one"), ("b.words", "three")}
    assert list(record.problems) == ["a.words"]
    assert record.problems["a.words"].reason is reason
    assert sentence in record.problems["a.words"].sentence


def test_a_later_entry_takes_the_problem_with_it():
    blob = tar(file("a.words", b"bug"), file("a.words", b"fine"))
    assert not read_layer([blob]).problems


def test_a_hard_link_shares_the_problem():
    blob = tar(file("a.words", b"one bug"), hard_link("b.words", "a.words"))
    record = read_layer([blob])
    assert names(record) == {("a.words", "one"), ("b.words", "one")}
    assert record.problems["a.words"] == record.problems["b.words"]


@pytest.mark.parametrize("order", [1, -1])
def test_a_journal_is_applied_whichever_came_first(order):
    blob = tar(*[file("db", b"one"), file("db-log", b"two")][::order])
    first = read_layer([blob])
    assert first.unread == ("db",)
    record = read_layer([blob], also_read=frozenset(first.unread))
    assert names(record) == {("db", "one"), ("db", "two")}
    assert (record.unread, record.problems) == ((), {})


def test_an_empty_journal_says_nothing():
    record = read_layer([tar(file("db", b"one"), file("db-log"))])
    assert (names(record), record.unread, record.problems) == ({("db", "one")}, (), {})


def test_a_journal_without_its_database_is_a_problem():
    record = read_layer([tar(file("db-log", b"two"))])
    assert "journal of a database in another layer" in record.problems["db-log"].sentence


def test_what_a_journal_mends_is_no_problem_any_more():
    blob = tar(file("db", b"unread"), file("db-log", b"able"))
    record = read_layer([blob], also_read={"db"})
    assert names(record) == {("db", "unread"), ("db", "able")}


@pytest.mark.parametrize("lengths", [(3000, 10), (10, 3000), (900, 900)])
def test_a_database_and_a_journal_too_long_to_hold_are_a_problem(lengths):
    body, log = (b"one" + b" " * length for length in lengths)
    blob = tar(file("db", body), file("db-log", log))
    budget = Budget(wanted_file_bytes=1500)
    first = read_layer([blob], budget=budget)
    record = read_layer([blob], budget=budget, also_read=frozenset(first.unread))
    assert names(record) <= {("db", "one")}
    assert {problem.reason for problem in record.problems.values()} == {Reason.TOO_LARGE}
    assert record.unread == ()


def test_a_long_file_is_read_from_disk_and_the_next_finds_nothing_of_it(tmp_path):
    long, short = b"long " + b" " * 5_000_000, b"short " + b" " * 4_500_000
    blob = tar(file("a.words", long), file("b.words", short), file("c.words", b"tiny"))
    with (tmp_path / "spool").open("w+b") as spool:
        record = read_layer([blob[:999_999], blob[999_999:]], spool=spool)
    assert names(record) == {("a.words", "long"), ("b.words", "short"), ("c.words", "tiny")}


def test_packages_are_counted_over_all_files():
    blob = tar(file("a.words", b"one two"), file("b.words", b"three four"))
    with pytest.raises(LayerError, match="“packages” is 3"):
        read_layer([blob], budget=Budget(packages=3))


@pytest.mark.parametrize(
    ("stated", "stands"),
    [
        ("usr/lib/a.words", "usr/lib/a.words"),
        ("lib/a.words", "usr/lib/a.words"),
        ("usr/lib/a.words", "lib/a.words"),
    ],
)
def test_files_are_owned_on_either_side_of_the_merge_of_usr(stated, stands):
    record = read_layer([tar(file("db", f"owns:{stated}".encode()), file(stands, b"one"))])
    assert record.owned == {stands: "owner"}


def test_the_database_itself_is_nobodys():
    record = read_layer([tar(file("db", b"rpm-package owns:db"))])
    assert record.owned == {}


def test_a_file_that_is_only_copied_stays_the_packages():
    base = read_layer([tar(file("db", b"owns:lib/a.words"), file("lib/a.words", b"one"))])
    copied = read_layer([tar(folder("lib"), file("lib/a.words", b"one"))])
    changed = read_layer([tar(folder("lib"), file("lib/a.words", b"two"))])
    assert [package.name for package in stack([base, copied]).packages] == []
    assert stack([base, copied]).owned == 1
    assert [package.name for package in stack([base, changed]).packages] == ["two"]


@pytest.mark.parametrize(
    "above",
    [
        program("usr/bin/tool", b"EXE "),
        program("usr/bin/tool", b"#!/bin/sh"),
        link("usr/bin/tool", "other"),
        hard_link("usr/bin/tool", "usr/bin/other"),
    ],
    ids=["barren", "script", "link", "hard link"],
)
def test_whatever_replaces_a_program_hides_its_packages(above):
    below = read_layer([tar(folder("usr/bin"), program("usr/bin/tool", b"EXE one"))])
    assert [package.name for package in stack([below]).packages] == ["one"]
    assert stack([below, read_layer([tar(folder("usr/bin"), above)])]).packages == ()


def test_programs_of_the_distribution_without_packages_are_not_remembered():
    record = read_layer([tar(file("db", b"owns:usr/bin/tool"), program("usr/bin/tool", b"EXE "))])
    assert record.hidden == ()


@pytest.mark.parametrize("cut_at", range(4))
def test_a_program_is_known_by_its_beginning_wherever_the_bytes_are_cut(cut_at):
    blob = tar(program("tool", b"EXE one"), program("other", b"EXF two"))
    record = read_layer([blob[: 512 + cut_at], blob[512 + cut_at : 515], blob[515:]])
    assert names(record) == {("tool", "one")}


def test_a_program_shorter_than_its_beginning_is_none():
    assert names(read_layer([tar(program("tool", b"EX"))])) == set()


@pytest.mark.parametrize(("body", "found"), [(b"EXE one", {"one"}), (b"EXE ", set())])
def test_a_second_name_of_a_program_needs_no_second_reading(body, found, monkeypatch):
    """Where its name, as python3.11's, is wanted whoever may run it."""
    named = replace(PROGRAMS, wants=lambda path: path.startswith("tool"), executables=False)
    before = wanted.cataloger_for
    monkeypatch.setattr(
        wanted,
        "cataloger_for",
        lambda path, executable=False: named if path == "tool-1" else before(path, executable),
    )
    record = read_layer([tar(program("tool", body), hard_link("tool-1", "tool"))])
    assert record.unread == ()
    assert {component for _, component in names(record)} == found
