"""Semantic versioning, against a comparer written after section 11 of the specification."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from findings.versions import semver

ORDERED = [
    "0.0.0-0",
    "0.0.0-20190101000000-0123456789ab",
    "0.0.0",
    "0.0.1-a",
    "1.0.0-0",
    "1.0.0-2",
    "1.0.0-10",
    "1.0.0-A",
    "1.0.0-a",
    "1.0.0-a.1",
    "1.0.0-a.1.0",
    "1.0.0-a.a",
    "1.0.0-a-b",
    "1.0.0-aa",
    "1.0.0-rc.2",
    "1.0.0-rc.10",
    "1.0.0",
    "1.0.2",
    "1.0.10",
    "1.2.0",
    "1.10.0",
    "2.0.0",
    "10.0.0",
]


def compare(a: str, b: str) -> int:
    left, right = precedence(a), precedence(b)
    return (left > right) - (left < right)


def precedence(version: str) -> tuple[list[int], bool, list[tuple[bool, int, str]]]:
    core, _, pre = version.partition("+")[0].partition("-")
    identifiers = pre.split(".") if pre else []
    return (
        list(map(int, core.split("."))),
        not pre,
        [(not i.isdigit(), int(i) if i.isdigit() else 0, i.strip("0123456789") and i)
         for i in identifiers],
    )  # fmt: skip


numbers = st.sampled_from([0, 1, 2, 10, 255, 256, 65536])
identifiers = st.sampled_from(["0", "1", "10", "2", "a", "b", "ab", "a1", "A", "a-", "-", "rc"])
versions = st.builds(
    "{}.{}.{}{}{}".format,
    numbers,
    numbers,
    numbers,
    st.one_of(
        st.just(""),
        st.lists(identifiers, min_size=1, max_size=3).map(lambda found: "-" + ".".join(found)),
    ),
    st.sampled_from(["", "", "+build.1"]),
)


def test_versions_sort_by_precedence():
    assert sorted(reversed(ORDERED), key=semver.key) == ORDERED
    assert len({semver.key(version) for version in ORDERED}) == len(ORDERED)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("1.0.0+a", "1.0.0"),
        ("v1.2.3", "1.2.3"),
        ("=1.2.3", "1.2.3"),
        ("1.2", "1.2.0"),
        ("1", "1.0.0"),
    ],
)
def test_versions_that_are_equal_have_one_key(a, b):
    assert semver.key(a) == semver.key(b)


@pytest.mark.parametrize(
    "version",
    [
        "",
        "a",
        "1.2.3.4",
        "1.2.x",
        "^1.2.3",
        "1.0.0_1",
        "1.0.0-é",
        "*",
        "1..0",
        "1.0.0-a..b",
        "1.0.0-٣",
    ],
)
def test_what_is_no_semantic_version_is_unknown(version):
    assert semver.key(version) is None


@settings(max_examples=400)
@given(versions, versions)
def test_the_order_of_keys_is_the_order_of_versions(a, b):
    key_a, key_b = semver.key(a), semver.key(b)
    assert (key_a > key_b) - (key_a < key_b) == compare(a, b)
