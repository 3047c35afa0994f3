"""Ends of life: what is read of them, which day counts, and our own list."""

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from findings.feeds import NotAdvisories
from findings.feeds.eol import MAX_RELEASES, PRODUCTS, SHIPPED, Release, end_of, parse


def a_document(result) -> bytes:
    return json.dumps({"generated_at": "2026-02-03T00:00:00+00:00", "result": result}).encode()


def a_product(name: str, *releases: dict) -> dict:
    return {"name": name, "releases": list(releases)}


def test_a_release_ends_when_everyone_no_longer_gets_fixes():
    extended = {"eolFrom": "2026-07-11", "eoesFrom": "2028-06-30"}
    document = a_document(
        [
            a_product("debian", {"name": "12"} | extended),
            a_product("ubuntu", {"name": "12.04"} | extended),
            a_product("nodejs", {"name": "12"} | extended),
        ]
    )
    calendar = parse(document)
    assert calendar.releases == (
        Release("debian", "12", date(2028, 6, 30)),
        Release("ubuntu", "12.04", date(2026, 7, 11)),
    )
    assert calendar.generated.isoformat() == "2026-02-03T00:00:00+00:00"


def test_one_product_is_a_document_too():
    calendar = parse(a_document(a_product("alpine-linux", {"name": "3.19", "eolFrom": None})))
    assert calendar.releases == (Release("alpine", "3.19", None),)


@pytest.mark.parametrize(
    "wrong",
    [{"name": 9}, {"name": "nine"}, {"name": ""}, {"name": "9", "eolFrom": "soon"}, {}, None],
)
def test_a_release_that_is_not_understood_is_counted_and_left_out(wrong):
    calendar = parse(a_document(a_product("rhel", wrong, {"name": "8", "eolFrom": "2029-05-31"})))
    assert (len(calendar.releases), calendar.unreadable) == (1, 1)


def test_more_releases_than_there_can_be_are_counted_and_left_out():
    many = [{"name": str(n)} for n in range(MAX_RELEASES + 3)]
    calendar = parse(a_document(a_product("rhel", *many)))
    assert (len(calendar.releases), calendar.unreadable) == (MAX_RELEASES, 3)


@pytest.mark.parametrize("raw", [b"", b"<html>", b"[]", b"{}", b'{"result": 3}', b'{"result": []}'])
def test_anything_else_is_no_such_document(raw):
    with pytest.raises(NotAdvisories):
        parse(raw)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.text() | st.sampled_from(["debian", "12", "2026-01-01"]),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["name", "releases", "eolFrom", "eoesFrom"]), inner)
    ),
    max_leaves=20,
)


@given(st.lists(ANYTHING))
def test_whatever_stands_in_the_list_is_read_counted_or_passed_over(products):
    try:
        calendar = parse(a_document(products))
    except NotAdvisories:
        assert not any(isinstance(product, dict) for product in products)
        return
    assert all(isinstance(release, Release) for release in calendar.releases)


# --- our own list ------------------------------------------------------------------------------


def test_our_own_list_names_every_distribution_whose_advisories_have_releases():
    calendar = parse(SHIPPED.read_bytes())
    named = {release.distro_id for release in calendar.releases}
    assert calendar.unreadable == 0
    assert named == set(PRODUCTS.values())


@pytest.mark.parametrize(
    ("distro", "version", "name", "ends"),
    [
        ("debian", "12", "", date(2028, 6, 30)),
        ("alpine", "3.10.9", "", date(2021, 5, 1)),
        ("almalinux", "8.9", "", date(2029, 5, 31)),
        ("centos", "7", "CentOS Linux 7 (Core)", date(2024, 6, 30)),
        ("centos", "8", "CentOS Stream 8", date(2024, 5, 31)),
        ("sles", "15.5", "", date(2024, 12, 31)),
        ("sles", "15.9", "", None),
        ("amzn", "2023", "", date(2028, 3, 15)),
        ("debian", "", "Debian GNU/Linux forky/sid", None),
        ("wolfi", "20230201", "", None),
    ],
)
def test_a_release_is_found_by_its_version_or_that_of_the_release_it_belongs_to(
    distro, version, name, ends
):
    assert end_of(parse(SHIPPED.read_bytes()).releases, distro, version, name) == ends
