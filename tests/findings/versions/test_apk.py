"""Alpine's order, against a comparer that walks the tokens as apk-tools does."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from findings.versions import apk

ORDERED = [
    "0.9.9-r9",
    "1_alpha",
    "1_alpha1",
    "1_beta_alpha",
    "1_beta",
    "1_pre2",
    "1_pre10",
    "1_rc-r3",
    "1",
    "1-r0",
    "1-r2",
    "1-r10",
    "1~0ab-r1",
    "1_cvs",
    "1_svn",
    "1_git20240101-r0",
    "1_git20240102-r0",
    "1_hg",
    "1_p1_pre1",
    "1_p1",
    "1_p2",
    "1_p10-r1",
    "1a",
    "1a2",
    "1b-r0",
    "1.0",
    "1.0.1",
    "1.01",
    "1.02",
    "1.1",
    "1.9",
    "1.9.5-r1",
    "1.9.5p1-r1",
    "1.9.5p2-r1",
    "1.9.6-r0",
    "1.10",
    "2",
    "10",
]

_TOKENS = re.compile(
    r"(?P<number>\.[0-9]+)|(?P<letter>[a-z])|_(?P<suffix>[a-z]+)|(?P<hash>~[0-9a-f]+)"
    r"|-r(?P<revision>[0-9]*)|(?P<digits>[0-9]+)"
)
PRE, POST = ["alpha", "beta", "pre", "rc"], ["cvs", "svn", "git", "hg", "p"]
# What comes first in a token list is greater, save for pre-release suffixes.
KINDS = ["number", "letter", "suffix", "suffix number", "hash", "revision", "end"]


def tokens(version: str) -> list[tuple[str, object]]:
    first = re.match("[0-9]+", version)[0]
    found: list[tuple[str, object]] = [("first", int(first))]
    for match in _TOKENS.finditer(version, len(first)):
        kind, value = match.lastgroup, match[match.lastgroup]
        if kind == "number":
            digits = value[1:]
            found.append((kind, (1, int(digits), "") if digits[0] != "0" else (0, 0, digits)))
        elif kind == "digits":
            after_letter = found[-1][0] == "letter"
            found.append(
                ("number", (1, int(value), "")) if after_letter else ("suffix number", int(value))
            )
        elif kind == "suffix":
            found.append((kind, (PRE + POST).index(value)))
        else:
            found.append((kind, int(value or 0) if kind == "revision" else value))
    return [*found, ("end", 0)]


def compare(a: str, b: str) -> int:
    for (kind_a, value_a), (kind_b, value_b) in zip(tokens(a), tokens(b), strict=False):
        if kind_a != kind_b:
            pre_a, pre_b = (
                kind == "suffix" and value < len(PRE)
                for kind, value in ((kind_a, value_a), (kind_b, value_b))
            )
            if pre_a or pre_b:
                return pre_b - pre_a
            return -1 if KINDS.index(kind_a) > KINDS.index(kind_b) else 1
        if value_a != value_b:
            return -1 if value_a < value_b else 1
    return 0


numbers = st.sampled_from(["0", "1", "01", "010", "2", "10", "00"])
suffixes = st.builds(
    "_{}{}".format, st.sampled_from(PRE + POST), st.sampled_from(["", "0", "1", "02", "10"])
)
versions = st.builds(
    "{}{}{}{}{}{}".format,
    numbers,
    st.lists(st.builds("{}{}".format, st.sampled_from(".p"), numbers), max_size=3).map("".join),
    st.sampled_from(["", "", "a", "b", "z"]),
    st.lists(suffixes, max_size=2).map("".join),
    st.sampled_from(["", "", "~0", "~0a", "~b"]),
    st.sampled_from(["", "-r0", "-r1", "-r01", "-r10"]),
)


def test_versions_sort_as_apk_sorts_them():
    assert sorted(reversed(ORDERED), key=apk.key) == ORDERED
    assert len({apk.key(version) for version in ORDERED}) == len(ORDERED)


@pytest.mark.parametrize(("a", "b"), [("1", "01"), ("1-r1", "1-r01"), ("1_p1", "1_p01")])
def test_versions_that_are_equal_have_one_key(a, b):
    assert apk.key(a) == apk.key(b)


@pytest.mark.parametrize(
    "version",
    ["", "a", ".1", "1.", "1..2", "1.2A", "1_x", "1-1", "1-r1-r2", "1~", "1.a", "1ab", "1 ", "١"],
)
def test_a_version_apk_refuses_is_unknown(version):
    assert apk.key(version) is None


@settings(max_examples=400)
@given(versions, versions)
def test_the_order_of_keys_is_the_order_of_versions(a, b):
    key_a, key_b = apk.key(a), apk.key(b)
    assert (key_a > key_b) - (key_a < key_b) == compare(a, b)
