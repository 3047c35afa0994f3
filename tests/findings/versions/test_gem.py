"""RubyGems' order, against a comparer that goes from segment to segment as Gem::Version does."""

import re
from itertools import zip_longest

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from findings.versions import gem

ORDERED = [
    "0.a",
    "0",
    "0.9.9",
    "1.a.b",
    "1.a.0.b",
    "1.a.0.0.b",
    "1.0.0.a",
    "1.a.0.0.1",
    "1.a.0.1",
    "1.a1",
    "1.a.2",
    "1.a10",
    "1.0.beta1",
    "1-a",
    "1.0.pre.rc1",
    "1-0",
    "1.rc",
    "1",
    "1.0.0.1.b",
    "1.0.0.1",
    "1.2",
    "1.10",
    "2.0.0.rc1",
    "2.0",
    "10",
]


def compare(a: str, b: str) -> int:
    """What is missing is a zero, and words come before numbers."""
    for one, other in zip_longest(segments(a), segments(b), fillvalue=0):
        if one != other:
            words = isinstance(one, str), isinstance(other, str)
            less = words[0] if words[0] != words[1] else one < other
            return -1 if less else 1
    return 0


def segments(version: str) -> list[int | str]:
    """Without zeros before the first word and at the end."""
    found = re.findall("[0-9]+|[A-Za-z]+", version.replace("-", ".pre."))
    values = [int(one) if one.isdigit() else one for one in found]
    first = next((at for at, one in enumerate(values) if isinstance(one, str)), len(values))
    return trimmed(values[:first]) + trimmed(values[first:])


def trimmed(values: list) -> list:
    return trimmed(values[:-1]) if values and values[-1] == 0 else values


parts = st.sampled_from(["0", "1", "00", "01", "2", "10", "a", "b", "rc1", "B", "a0", "0a"])
versions = st.builds(
    "{}{}{}".format,
    st.sampled_from(["0", "1", "10"]),
    st.lists(parts, max_size=5).map(lambda found: "".join(f".{part}" for part in found)),
    st.sampled_from(["", "", "-0", "-a.1", "-1"]),
)


def test_versions_sort_as_rubygems_sorts_them():
    assert sorted(reversed(ORDERED), key=gem.key) == ORDERED
    assert len({gem.key(version) for version in ORDERED}) == len(ORDERED)


@pytest.mark.parametrize(
    ("a", "b"),
    [("1", "1.0.0"), ("1.0.a2", "1.a.2"), ("1-a", "1.pre.a"), ("1.a", "1.a.0"), (" 1 ", "1")],
)
def test_versions_that_are_equal_have_one_key(a, b):
    assert gem.key(a) == gem.key(b)


@pytest.mark.parametrize(
    "version", ["", "a", "1beta", "v1", "1..2", "1.", "1_0", "1.é", "1.٣", "1+b"]
)
def test_a_version_rubygems_refuses_is_unknown(version):
    assert gem.key(version) is None


@settings(max_examples=400)
@given(versions, versions)
def test_the_order_of_keys_is_the_order_of_versions(a, b):
    key_a, key_b = gem.key(a), gem.key(b)
    assert (key_a > key_b) - (key_a < key_b) == compare(a, b)
