"""Python's order, against `packaging`, which defines it in practice."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from findings.versions import pep440

ORDERED = [
    "0.dev0",
    "0",
    "1.dev1",
    "1a0.dev2",
    "1a0",
    "1a1.post2.dev1",
    "1a1.post2",
    "1a10",
    "1b1",
    "1rc1",
    "1",
    "1+a",
    "1+a.1",
    "1+b",
    "1+0",
    "1+0.0",
    "1+5",
    "1+10",
    "1.post1.dev1",
    "1.post1",
    "1-2",
    "1.0.1",
    "1.1",
    "1.10",
    "2024.1",
    "1!0.1",
    "12!0",
]
parts = st.integers(0, 300)
versions = st.builds(
    "{}{}{}{}{}{}".format,
    st.sampled_from(["", "0!", "1!", "300!"]),
    st.lists(parts, min_size=1, max_size=4).map(lambda numbers: ".".join(map(str, numbers))),
    st.one_of(st.just(""), st.builds("{}{}".format, st.sampled_from(["a", "b", "rc"]), parts)),
    st.one_of(st.just(""), st.builds(".post{}".format, parts)),
    st.one_of(st.just(""), st.builds(".dev{}".format, parts)),
    st.sampled_from(["", "", "+a", "+a.1", "+a.b", "+ab", "+1", "+1.0", "+10", "+a10"]),
)


def test_versions_sort_as_python_sorts_them():
    assert sorted(reversed(ORDERED), key=pep440.key) == ORDERED
    assert len({pep440.key(version) for version in ORDERED}) == len(ORDERED)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("1", "1.0.0"),
        ("v1.0-ALPHA.1", "1a1"),
        ("1.0c1", "1.0rc1"),
        ("1-1", "1.post1"),
        ("0!1", "1"),
    ],
)
def test_versions_that_are_equal_have_one_key(a, b):
    assert pep440.key(a) == pep440.key(b)


@pytest.mark.parametrize("version", ["", "1.0-bulb", "2013-01-21", "1.0p1", "1+ſ", "1.٣", "a"])
def test_a_version_pep_440_refuses_is_unknown(version):
    assert pep440.key(version) is None


@settings(max_examples=400)
@given(versions, versions)
def test_the_order_of_keys_is_the_order_of_versions(a, b):
    key_a, key_b = pep440.key(a), pep440.key(b)
    assert (key_a < key_b, key_a == key_b) == (Version(a) < Version(b), Version(a) == Version(b))
