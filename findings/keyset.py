"""Paging by key: the first page and the last cost the same, however long the list.

A cursor holds the values of one row in the list's order, signed, so that nobody can make one up.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Any

from django.core import signing
from django.db.models import Q, QuerySet

PAGE_SIZE = 50
_LIST = "keyset:list"


@dataclass(frozen=True)
class Page:
    """Rows of one page; `before` and `after` are cursors, empty where the list ends."""

    rows: list[Any]
    before: str = ""
    after: str = ""

    def __iter__(self):
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


def page(
    queryset: QuerySet,
    order: Sequence[str],
    parameters: Mapping[str, str],
    size: int = PAGE_SIZE,
) -> Page:
    """One page of `queryset` in `order`: columns without nulls, the last unique, "-" descending.

    `parameters` are a request's: after=CURSOR, before=CURSOR, last=1, or none for the first page.
    A cursor that is not of this order, or whose rows are gone, gives the first page.
    """
    salt = "keyset:" + ",".join(order)
    after = _read(parameters.get("after", ""), salt)
    before = None if after else _read(parameters.get("before", ""), salt)
    backwards = bool(before) or (not after and "last" in parameters)
    direction = [_reverse(column) for column in order] if backwards else list(order)
    cursor = after or before
    rows = queryset.filter(_beyond(direction, cursor)) if cursor else queryset
    found = list(rows.order_by(*direction)[: size + 1])
    if cursor and not found:
        return page(queryset, order, {}, size)
    more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    more_before, more_after = (more, bool(before)) if backwards else (bool(after), more)
    return Page(
        found,
        before=_write(found[0], order, salt) if more_before else "",
        after=_write(found[-1], order, salt) if more_after else "",
    )


def page_of_list(
    rows: Sequence[Any],
    key: Callable[[Any], int],
    parameters: Mapping[str, str],
    size: int = PAGE_SIZE,
) -> Page:
    """The same for a short list that is in memory and in order already; `key` tells rows apart."""
    places = {key(row): place for place, row in enumerate(rows)}
    after = _read(parameters.get("after", ""), _LIST)
    before = _read(parameters.get("before", ""), _LIST)
    start, end = 0, size
    if after:
        start = places.get(after[0], -1) + 1
        end = start + size
    elif before or "last" in parameters:
        end = places.get(before[0], size) if before else len(rows)
        start = max(end - size, 0)
    if start >= len(rows):
        start, end = 0, size
    found = list(rows[start:end])
    return Page(
        found,
        before=signing.dumps([key(found[0])], salt=_LIST) if start else "",
        after=signing.dumps([key(found[-1])], salt=_LIST) if end < len(rows) else "",
    )


def _reverse(column: str) -> str:
    return column.removeprefix("-") if column.startswith("-") else f"-{column}"


def _beyond(order: Sequence[str], values: Sequence[Any]) -> Q:
    """Rows after `values` in `order`: (a > x) or (a = x and b > y) or …"""
    beyond, equal = Q(), Q()
    for column, value in zip(order, values, strict=True):
        name = column.removeprefix("-")
        comparison = "lt" if column.startswith("-") else "gt"
        beyond |= equal & Q(**{f"{name}__{comparison}": value})
        equal &= Q(**{name: value})
    return beyond


def _write(row: Any, order: Sequence[str], salt: str) -> str:
    return signing.dumps([_value(row, column.removeprefix("-")) for column in order], salt=salt)


def _read(cursor: str, salt: str) -> list[Any] | None:
    try:
        return signing.loads(cursor, salt=salt) if cursor else None
    except signing.BadSignature:
        return None


def _value(row: Any, column: str) -> Any:
    value = row[column] if isinstance(row, dict) else reduce(getattr, column.split("__"), row)
    return value.isoformat() if isinstance(value, datetime) else value
