from dataclasses import dataclass

import pytest

from findings.keyset import page, page_of_list
from registries.models import Repository
from tests.factories import a_registry

ORDERS = [("name", "id"), ("-name", "id"), ("-first_seen_at", "name", "-id"), ("-id",)]


@pytest.fixture
def repositories(db):
    """Eleven, of which several share a name's beginning and all but two their time."""
    registry, other = a_registry(), a_registry()
    made = [Repository(registry=registry, name=f"r{n % 4}-{n}") for n in range(9)]
    Repository.objects.bulk_create(made)
    Repository.objects.create(registry=other, name="r0-0")
    Repository.objects.create(registry=other, name="r1-1")
    return Repository.objects.all()


@pytest.mark.parametrize("order", ORDERS)
def test_walking_forwards_shows_every_row_once_in_order(repositories, order):
    rows, parameters = [], {}
    while True:
        found = page(repositories, order, parameters, size=3)
        rows += found.rows
        if not found.after:
            break
        parameters = {"after": found.after}
    assert rows == list(repositories.order_by(*order))


@pytest.mark.parametrize("order", ORDERS)
def test_walking_backwards_from_the_last_page_shows_the_same(repositories, order):
    rows, parameters = [], {"last": "1"}
    while True:
        found = page(repositories, order, parameters, size=3)
        rows = found.rows + rows
        if not found.before:
            break
        parameters = {"before": found.before}
    assert rows == list(repositories.order_by(*order))


def test_a_list_of_one_page_leads_nowhere(repositories):
    found = page(repositories, ("id",), {}, size=11)
    assert (len(found), found.before, found.after) == (11, "", "")


def test_the_last_page_leads_only_back(repositories):
    found = page(repositories, ("id",), {"last": "1"}, size=3)
    assert found.before
    assert not found.after


@pytest.mark.parametrize("cursor", ["x", "WzFd:abc:def", "\0", "é" * 500])
def test_a_cursor_nobody_signed_gives_the_first_page(repositories, cursor):
    first = page(repositories, ("id",), {}, size=3)
    assert page(repositories, ("id",), {"after": cursor}, size=3).rows == first.rows


def test_a_cursor_of_another_order_gives_the_first_page(repositories):
    cursor = page(repositories, ("name", "id"), {}, size=3).after
    found = page(repositories, ("-id",), {"after": cursor}, size=3)
    assert found.rows == list(repositories.order_by("-id")[:3])


def test_a_page_whose_rows_are_gone_gives_the_first_page(repositories):
    cursor = page(repositories, ("id",), {}, size=9).after
    Repository.objects.filter(pk__in=repositories.order_by("-id").values("pk")[:2]).delete()
    assert len(page(repositories, ("id",), {"after": cursor}, size=9)) == 9


def test_every_page_is_one_query(repositories, django_assert_num_queries):
    cursor = page(repositories, ("name", "id"), {}, size=3).after
    for parameters in ({}, {"after": cursor}, {"before": cursor}, {"last": "1"}):
        with django_assert_num_queries(1):
            page(repositories, ("name", "id"), parameters, size=3)


@dataclass(frozen=True)
class Row:
    pk: int


@pytest.mark.parametrize("number", [0, 1, 3, 4, 11])
def test_a_list_in_memory_is_walked_alike_in_both_directions(number):
    rows = [Row(100 - n) for n in range(number)]
    assert walk(rows, {}, "after") == rows
    assert walk(rows, {"last": "1"}, "before") == rows


def walk(rows, parameters, towards):
    """All rows, page by page of three."""
    found = page_of_list(rows, lambda row: row.pk, parameters, size=3)
    cursor = getattr(found, towards)
    rest = walk(rows, {towards: cursor}, towards) if cursor else []
    return found.rows + rest if towards == "after" else rest + found.rows


def test_a_row_gone_from_a_list_in_memory_gives_the_first_page():
    rows = [Row(n) for n in range(9)]
    cursor = page_of_list(rows, lambda row: row.pk, {}, size=3).after
    left = [row for row in rows if row.pk != 2]
    assert page_of_list(left, lambda row: row.pk, {"after": cursor}, size=3).rows == left[:3]
    assert page_of_list(left, lambda row: row.pk, {"before": cursor}, size=3).rows == left[:3]
