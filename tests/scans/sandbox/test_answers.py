"""An answer is a record in short lines; whatever else a reader sends is none."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scans.catalogers import Component
from scans.layers import Budget, LayerError, LayerRecord
from scans.layers.record import Problem
from scans.osrelease import Distro
from scans.sandbox import answers
from scans.sandbox.answers import NoAnswer, record_of
from scans.support import Reason

BUDGET = Budget(entries=100, bytes=10_000, packages=5, path_length=40, answer_bytes=20_000)
FULL = LayerRecord(
    entries=9,
    bytes=4096,
    diff_id="sha256:" + "0" * 64,
    files={
        "etc/os-release": Distro("debian", "12", "Debian 12", "Debian:12"),
        "var/lib/dpkg/status": (
            Component("deb", "bash", "5.2", "amd64", "bash-src", "5.1"),
            Component("deb", "dash", "UNKNOWN"),
        ),
        "a.jar": (Component("maven", "g:a", "1", inside="lib/b.jar"),),
        "bad/package.json": (),
    },
    problems={"bad/package.json": Problem(Reason.DAMAGED, "It is not JSON.")},
    owned={"a.jar": "libjava"},
    links={"lib": "usr/lib", "x": ""},
    hidden=("srv",),
    whiteouts=("b",),
    opaques=("", "c"),
    bare=("var",),
    unread=("store/1",),
)


def test_every_part_of_a_record_arrives():
    assert record_of(answers.lines(FULL), BUDGET) == FULL
    assert record_of(answers.lines(LayerRecord()), BUDGET) == LayerRecord()


def test_a_refusal_arrives():
    refusal = answers.refusal(LayerError(Reason.TOO_LARGE, "It is too large."))
    with pytest.raises(LayerError) as caught:
        record_of([refusal], BUDGET)
    assert (caught.value.reason, str(caught.value)) == (Reason.TOO_LARGE, "It is too large.")


@pytest.mark.parametrize("kind", ["file", "link", "hidden", "whiteouts", "opaques", "bare"])
def test_a_path_with_more_folders_than_a_layer_may_have_is_none(kind):
    line = orjson.dumps([kind, "a/a/a/a", *["x"] * (kind == "link")])
    with pytest.raises(NoAnswer, match="path"):
        record_of([line], Budget(depth=2))


FILE = ["file", "a/package.json"]
PACKAGE = ["package", "npm", "a", "1", "", "", "", "", ""]


@pytest.mark.parametrize(
    "bad",
    [
        [],
        {},
        "end",
        None,
        [1],
        [["end"]],
        ["unknown", 1],
        ["end", 1, 1],
        ["end", 1, 1, "", 1],
        ["end", -1, 1, ""],
        ["end", True, 1, ""],
        ["end", 1.0, 1, ""],
        ["end", 101, 1, ""],
        ["end", 1, 10_001, ""],
        ["end", 1, 1, "sha256:00"],
        ["end", 1, 1, None],
        ["file", 1],
        ["file", "/a"],
        ["file", "a//b"],
        ["file", "a/../../b"],
        ["file", "a/"],
        ["file", "a\0b"],
        ["file", "a\nb"],
        ["file", "é" * 21],
        ["hidden", ["a"]],
        ["bare", "../a"],
        ["link", "a", "b\0"],
        ["link", "a", "b" * 41],
        ["problem", "elsewhere", "damaged", "It is."],
        ["problem", "a/package.json", "windows", "It is."],
        ["problem", "a/package.json", ["damaged"], "It is."],
        ["problem", "a/package.json", "damaged", ""],
        ["problem", "a/package.json", "damaged", "x" * 1001],
        ["owned", "elsewhere", "bash"],
        ["owned", "a/package.json", ""],
        ["owned", "a/package.json", "a\x1b[31mb"],
        ["refused", "empty", "It is."],
        ["refused", "damaged", ["It is."]],
        ["distro", "debian", "12", "Debian"],
        ["distro", "debian", "12", "Debian", None],
        ["distro", "debian", "12", "x" * 301, ""],
        PACKAGE[:-1],
        [*PACKAGE, ""],
        ["package", "unheard-of", *PACKAGE[2:]],
        ["package", "npm", "", *PACKAGE[3:]],
        ["package", "npm", "x" * 301, *PACKAGE[3:]],
        ["package", "npm", "a", "1\n2", *PACKAGE[4:]],
        ["package", "npm", "a", ["1"], *PACKAGE[4:]],
    ],
    ids=repr,
)
def test_what_has_not_the_form_of_an_answer_is_none(bad):
    lines = [orjson.dumps(line) for line in (FILE, bad, ["end", 1, 1, ""])]
    with pytest.raises(NoAnswer):
        record_of(lines, BUDGET)


def test_a_package_before_any_file_is_no_answer():
    with pytest.raises(NoAnswer):
        record_of([orjson.dumps(PACKAGE)], BUDGET)


def test_an_answer_without_an_end_is_none():
    with pytest.raises(NoAnswer, match="stops before its end"):
        record_of([orjson.dumps(FILE)], BUDGET)


@pytest.mark.parametrize("line", [b"", b"[", b"\xff", b"[" * 5000, b'["' + b"x" * 40_000 + b'"]'])
def test_what_is_no_json_or_too_long_is_no_answer(line):
    with pytest.raises(NoAnswer):
        record_of([line], Budget())


def test_more_packages_than_allowed_are_no_answer():
    lines = [orjson.dumps(line) for line in (FILE, *[PACKAGE] * 6)]
    with pytest.raises(NoAnswer, match="where none can be"):
        record_of(lines, BUDGET)


def test_many_small_lines_are_bounded_together():
    lines = [orjson.dumps(["hidden", f"p{number}"]) for number in range(200)]
    with pytest.raises(LayerError, match="“answer bytes”"):
        record_of(lines, BUDGET)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 200) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=9),
    max_leaves=12,
)


@given(st.lists(st.tuples(st.sampled_from(sorted(answers._TAKE)), st.lists(JSON, max_size=9))))
@settings(max_examples=200, deadline=None)
def test_any_lines_are_a_record_or_refused(found):
    lines = [orjson.dumps([kind, *values]) for kind, values in found]
    try:
        record_of(lines, BUDGET)
    except (NoAnswer, LayerError):
        return
