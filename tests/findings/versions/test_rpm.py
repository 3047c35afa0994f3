"""rpm's order, against a comparer written after rpm-version(7) and rpmvercmp."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from findings.versions import rpm

ORDERED = [
    "1.0~~-1",
    "1.0~beta-1",
    "1.0~rc1-1",
    "1.0~rc1^git3-1",
    "1.0~rc2-1",
    "1.0",
    "1.0-0.1",
    "1.0-1",
    "1.0-1.ael7b",
    "1.0-1.el7",
    "1.0-1.el7_9",
    "1.0-1.1.el7",
    "1.0-2.el7",
    "1.0-10.el7",
    "1.0^-1",
    "1.0^git1~pre-1",
    "1.0^git1-1",
    "1.0^git2-1",
    "1.0^20240101-1",
    "1.0a-1",
    "1.0.1-1",
    "1.2-1",
    "1.10-1",
    "2b-1",
    "2.0-1",
    "1:0.1-1",
    "2:0.1~1-1",
    "12:0.1-1",
]


def compare(a: str, b: str) -> int:
    epoch_a, version_a, release_a = split(a)
    epoch_b, version_b, release_b = split(b)
    if epoch_a != epoch_b:
        return -1 if epoch_a < epoch_b else 1
    if order := vercmp(version_a, version_b):
        return order
    if release_a is None or release_b is None:
        return (release_a is not None) - (release_b is not None)
    return vercmp(release_a, release_b)


def split(version: str) -> tuple[int, str, str | None]:
    epoch, rest = (version.split(":", 1)) if re.match("[0-9]*:", version) else ("0", version)
    upstream, release = rest.rsplit("-", 1) if "-" in rest else (rest, None)
    return int(epoch or 0), upstream, release


def vercmp(a: str, b: str) -> int:
    """One step at a time, consuming both strings."""
    while a or b:
        a, b = (re.sub(r"^[^A-Za-z0-9~^]+", "", text) for text in (a, b))
        if (order := mark(a, b)) is not None:
            if order:
                return order
            a, b = a[1:], b[1:]
            continue
        if not (a and b):
            break
        pattern = "[0-9]+" if a[0].isdigit() else "[A-Za-z]+"
        head_a, head_b = re.match(pattern, a), re.match(pattern, b)
        if not head_b:
            return 1 if a[0].isdigit() else -1
        values = [head_a[0], head_b[0]]
        if a[0].isdigit():
            values = list(map(int, values))
        if values[0] != values[1]:
            return -1 if values[0] < values[1] else 1
        a, b = a[head_a.end() :], b[head_b.end() :]
    return bool(a) - bool(b)


def mark(a: str, b: str) -> int | None:
    """A tilde before everything, a caret after the end; None where neither stands here."""
    if "~" in (a[:1], b[:1]):
        return (b[:1] == "~") - (a[:1] == "~")
    if "^" in (a[:1], b[:1]):
        if not (a and b):
            return bool(a) - bool(b)
        return (b[0] == "^") - (a[0] == "^")
    return None


texts = st.text("019az.~^_+", min_size=1, max_size=8)
versions = st.one_of(
    st.builds("{}:{}-{}".format, st.integers(0, 12), texts, texts),
    st.builds("{}-{}".format, texts, texts),
    texts,
)


def test_versions_sort_as_rpm_sorts_them():
    assert sorted(reversed(ORDERED), key=rpm.key) == ORDERED
    assert len({rpm.key(version) for version in ORDERED}) == len(ORDERED)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("1.0-1", "0:1.0-1"),
        ("1.0-1", "1_00-01"),
        ("1.0.-1", "1.0-1"),
        ("1.é-1", "1-1"),
        (":1", "1"),
    ],
)
def test_versions_that_are_equal_have_one_key(a, b):
    assert rpm.key(a) == rpm.key(b)


def test_no_version_at_all_is_unknown():
    assert rpm.key("") is None


@settings(max_examples=400)
@given(versions, versions)
def test_the_order_of_keys_is_the_order_of_versions(a, b):
    key_a, key_b = rpm.key(a), rpm.key(b)
    assert (key_a > key_b) - (key_a < key_b) == compare(a, b)
