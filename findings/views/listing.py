"""What every list page shares: its choices stand in the URL, and htmx gets the list alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from findings.keyset import page
from findings.recommendations import STATES, UNHEALTHY, WORST_FIRST, count_states

LONGEST_SEARCH = 200


@dataclass(frozen=True)
class Sort:
    label: str
    order: tuple[str, ...]


@dataclass(frozen=True)
class Tab:
    key: str
    label: str
    count: int | None = None


SORTS = {
    "worst": Sort("Most vulnerable first", WORST_FIRST),
    "name": Sort("Name", ("name", "id")),
}


def searched(request: HttpRequest) -> str:
    """The words searched for; PostgreSQL takes no NUL in text."""
    return request.GET.get("q", "").replace("\0", "").strip()[:LONGEST_SEARCH]


def chosen(request: HttpRequest, name: str, options: Mapping[str, Any], default: str) -> str:
    """The option a parameter names, or the default."""
    value = request.GET.get(name, default)
    return value if value in options else default


def by_state(
    request: HttpRequest,
    rows: QuerySet,
    in_state: Mapping[str, Q],
    matching: Callable[[str], Q],
    sorts: Mapping[str, Sort] = SORTS,
) -> dict[str, Any]:
    """The context of a list in tabs by state: two queries, or a third where a page is empty.

    `in_state` says which rows belong under which tab, `matching` which a search finds. Without a
    choice the first tab with something that wants attention is open.
    """
    counts = count_states(rows, in_state)
    first = next((state for state, number in counts.items() if number), UNHEALTHY)
    state = chosen(request, "state", STATES, first)
    sort = chosen(request, "sort", sorts, next(iter(sorts)))
    q = searched(request)
    selected = rows.filter(in_state[state])
    return {
        "tabs": [Tab(key, label, counts[key]) for key, label in STATES.items()],
        "state": state,
        "q": q,
        "sort": sort,
        "sorts": sorts,
        "counts": counts,
        "page": page(
            selected.filter(matching(q)) if q else selected, sorts[sort].order, request.GET
        ),
    }


def by_name(q: str) -> Q:
    return Q(name__icontains=q)


def render_list(
    request: HttpRequest, page: str, part: str, context: dict[str, Any]
) -> HttpResponse:
    """The whole page, or for htmx the list in it: the same view and context for both."""
    alone = request.htmx and not request.htmx.history_restore_request
    response = render(request, part if alone else page, context)
    patch_vary_headers(response, ["HX-Request"])
    return response
