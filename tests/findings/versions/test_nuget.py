"""NuGet's order, against a comparer written after its documentation."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from findings.versions import nuget

ORDERED = [
    "0.0.0-0",
    "0.0.0",
    "1.0.0-1",
    "1.0.0-2",
    "1.0.0-10",
    "1.0.0-20210301123456",
    "1.0.0-alpha",
    "1.0.0-ALPHA.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-Beta10",
    "1.0.0-beta2",
    "1.0",
    "1.0.0.1-rc.1",
    "1.0.0.1",
    "1.0.2",
    "1.0.10",
    "1.2",
    "10",
]


def precedence(version: str) -> tuple:
    core, _, pre = version.partition("+")[0].lower().partition("-")
    numbers = [int(digits) for digits in core.split(".")]
    identifiers = pre.split(".") if pre else []
    return (
        numbers + [0] * (4 - len(numbers)),
        not pre,
        [(False, int(one), "") if one.isdigit() else (True, 0, one) for one in identifiers],
    )


numbers = st.lists(st.sampled_from(["0", "1", "01", "2", "10", "256"]), min_size=1, max_size=4)
identifiers = st.sampled_from(["0", "1", "01", "10", "a", "B", "b", "ab", "A1", "-", "rc"])
versions = st.builds(
    "{}{}{}".format,
    numbers.map(".".join),
    st.lists(identifiers, max_size=3).map(lambda found: "-" + ".".join(found) if found else ""),
    st.sampled_from(["", "", "+build.1"]),
)


def test_versions_sort_as_nuget_sorts_them():
    assert sorted(reversed(ORDERED), key=nuget.key) == ORDERED
    assert len({nuget.key(version) for version in ORDERED}) == len(ORDERED)


@pytest.mark.parametrize(
    ("a", "b"), [("1", "1.0.0.0"), ("1.0-RC", "1.0-rc"), ("1.0+a", "1.0"), ("1.01", "1.1")]
)
def test_versions_that_are_equal_have_one_key(a, b):
    assert nuget.key(a) == nuget.key(b)


@pytest.mark.parametrize(
    "version", ["", "a", "1.2.3.4.5", "1.*", "[1.0,2.0)", "1.0-", "1.0-a..b", "v1", "1.0-é", "1.٣"]
)
def test_a_version_nuget_refuses_is_unknown(version):
    assert nuget.key(version) is None


@settings(max_examples=400)
@given(versions, versions)
def test_the_order_of_keys_is_the_order_of_versions(a, b):
    key_a, key_b = nuget.key(a), nuget.key(b)
    left, right = precedence(a), precedence(b)
    assert (key_a > key_b) - (key_a < key_b) == (left > right) - (left < right)
