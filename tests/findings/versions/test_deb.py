"""Debian's order, against a comparer written after the algorithm of deb-version(7)."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from findings.versions import deb

ORDERED = [
    "0~~",
    "0~",
    "0",
    "0+b1",
    "1.0~~rc1",
    "1.0~alpha1",
    "1.0~beta1",
    "1.0~rc1",
    "1.0~rc10",
    "1.0",
    "1.0-0ubuntu1",
    "1.0-1~bpo12+1",
    "1.0-1~deb12u1",
    "1.0-1",
    "1.0-1+b1",
    "1.0-1+deb12u2",
    "1.0-1+deb12u10",
    "1.0-1.1",
    "1.0-2",
    "1.0-10",
    "1.0a-1",
    "1.0+dfsg-1",
    "1.0-beta-1",
    "1.0.1-1",
    "1.2",
    "1.10",
    "9999999999999999999999",
    "10000000000000000000000",
    "1:0",
    "2:0~rc1",
    "10:0",
]


def compare(a: str, b: str) -> int:
    for left, right in zip(split(a), split(b), strict=True):
        if left != right and (order := compare_part(left, right)):
            return order
    return 0


def split(version: str) -> tuple[str, str, str]:
    epoch, rest = version.split(":", 1) if ":" in version else ("0", version)
    upstream, revision = rest.rsplit("-", 1) if "-" in rest else (rest, "0")
    return epoch, upstream, revision


def compare_part(a: str, b: str) -> int:
    """Step by step: the longest run without digits, then the longest run of digits."""
    while a or b:
        head_a, a = take(a, digits=False)
        head_b, b = take(b, digits=False)
        for x, y in itertools.zip_longest(head_a, head_b, fillvalue=""):
            if weight(x) != weight(y):
                return -1 if weight(x) < weight(y) else 1
        digits_a, a = take(a, digits=True)
        digits_b, b = take(b, digits=True)
        if int(digits_a or 0) != int(digits_b or 0):
            return -1 if int(digits_a or 0) < int(digits_b or 0) else 1
    return 0


def take(text: str, *, digits: bool) -> tuple[str, str]:
    run = "".join(itertools.takewhile(lambda c: c.isdigit() == digits, text))
    return run, text[len(run) :]


def weight(character: str) -> tuple[int, str]:
    if character == "~":
        return (-1, "")
    if not character:
        return (0, "")
    return (1, character) if character.isalpha() else (2, character)


def sign(a: bytes | None, b: bytes | None) -> int:
    assert a is not None
    assert b is not None
    return (a > b) - (a < b)


upstreams = st.text("019az.+~-", min_size=1, max_size=8)
revisions = st.text("019az.+~", min_size=1, max_size=6)
versions = st.one_of(
    st.builds("{}:{}-{}".format, st.integers(0, 12), upstreams, revisions),
    st.builds("{}-{}".format, upstreams, revisions),
    st.text("019az.+~", min_size=1, max_size=8),
)


def test_versions_sort_as_debian_sorts_them():
    assert sorted(reversed(ORDERED), key=deb.key) == ORDERED
    assert len({deb.key(version) for version in ORDERED}) == len(ORDERED)


@pytest.mark.parametrize(
    ("a", "b"),
    [("1.0", "0:1.0"), ("1.0", "1.0-0"), ("1.0", "1.00"), ("1.", "1.0"), ("1-1", "01-01")],
)
def test_versions_that_are_equal_have_one_key(a, b):
    assert deb.key(a) == deb.key(b)


@pytest.mark.parametrize("version", ["", "1-", "-1", ":1", "a:1", "1 2", "1:", "1.0\n-1", "1.0ü"])
def test_a_version_dpkg_refuses_is_unknown(version):
    assert deb.key(version) is None


@settings(max_examples=400)
@given(versions, versions)
def test_the_order_of_keys_is_the_order_of_versions(a, b):
    assert sign(deb.key(a), deb.key(b)) == compare(a, b)
