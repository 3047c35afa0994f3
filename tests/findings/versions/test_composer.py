"""Packagist's order, against a comparer that goes through both versions as version_compare()."""

import re
from itertools import zip_longest

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from findings.versions import composer

ORDERED = [
    "0.9",
    "1.0-BETA1",
    "1.0-Alpha.2",
    "1.0-dev",
    "1.0a1-dev",
    "1.0a1",
    "1.0-alpha2",
    "1.0-alpha10",
    "1.0.b.1",
    "1.0-beta2.1",
    "1.0rc1",
    "1.0-RC2",
    "v1.0",
    "1.0.0-rc1",
    "1.0.0",
    "1.0.0.0",
    "1.0.1",
    "1.0pl1",
    "1.0-p2",
    "1.0-patch3",
    "1.2",
    "V1.10",
    "2",
    "20240101.1",
]

FORMS = ["dev", "alpha", "a", "beta", "b", "RC", "rc", "#", "pl", "p"]
ORDER = dict(zip(FORMS, [0, 1, 1, 2, 2, 3, 3, 4, 5, 5], strict=True))


def compare(a: str, b: str) -> int:
    left, right = (re.findall("[0-9]+|[A-Za-z]+", version.lstrip("vV")) for version in (a, b))
    for one, other in zip_longest(left, right):
        if order := compare_token(one, other):
            return order
    return 0


def compare_token(one: str | None, other: str | None) -> int:
    """A number is more than the end; a word is compared with either as with "#"."""
    if one is None or other is None:
        token = one or other
        more = 1 if token.isdigit() else compare_words(token, "#")
        return more if other is None else -more
    if one.isdigit() and other.isdigit():
        return (int(one) > int(other)) - (int(one) < int(other))
    return compare_words(*("#" if token.isdigit() else token for token in (one, other)))


def compare_words(one: str, other: str) -> int:
    ranks = [
        next((ORDER[form] for form in FORMS if word.startswith(form)), -1) for word in (one, other)
    ]
    return (ranks[0] > ranks[1]) - (ranks[0] < ranks[1])


words = [*FORMS[:7], "pl", "p", "patch", "BETA", "Alpha", "DEV"]
tokens = st.sampled_from(["0", "1", "01", "2", "10", *words])
versions = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "", "v", "V"]),
    st.sampled_from(["0", "1", "10"]),
    st.lists(st.builds("{}{}".format, st.sampled_from(".-_"), tokens), max_size=5).map("".join),
)


def test_versions_sort_as_php_sorts_them():
    assert sorted(reversed(ORDERED), key=composer.key) == ORDERED
    assert len({composer.key(version) for version in ORDERED}) == len(ORDERED)


@pytest.mark.parametrize(
    ("a", "b"),
    [("v1.0", "1.0"), ("1.0RC1", "1.0-rc.1"), ("1.0-b2", "1.0beta_2"), ("1.0+build", "1.0")],
)
def test_versions_that_are_equal_have_one_key(a, b):
    assert composer.key(a) == composer.key(b)


@pytest.mark.parametrize(
    "version",
    [
        "", "dev-main", "2.x-dev", "1.0-stable", "1.0-PL1", "1.0-post1", "1.0-foo", "1.0-", "1..0",
        "1.0#", "1.0 x", "master", "^1.0", "1.0-é", "1.٣", "a1",
    ],
)  # fmt: skip
def test_what_composer_cannot_place_is_unknown(version):
    assert composer.key(version.replace("1.0 x", "1.0 x")) is None


@settings(max_examples=500)
@given(versions, versions)
def test_the_order_of_keys_is_the_order_of_versions(a, b):
    key_a, key_b = composer.key(a), composer.key(b)
    if key_a and key_b:
        assert (key_a > key_b) - (key_a < key_b) == compare(a, b)
