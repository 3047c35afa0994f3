"""What every list page shares: its choices stand in the URL, and htmx gets the list alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from findings.keyset import page
from findings.recommendations import STATES, UNHEALTHY, WORST_FIRST

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
    counts: Mapping[str, int],
    in_state: Mapping[str, Q],
    matching: Callable[[str], Q],
    sorts: Mapping[str, Sort] = SORTS,
) -> dict[str, Any]:
    """The context of a list in tabs by state: one query.

    `counts` says how many rows are in each state, those that want attention first; `in_state`
    which rows belong under which tab; `matching` which a search finds. Without a choice the first
    tab with something that wants attention is open.
    """
    context = choices(request, counts, sorts)
    selected, q = rows.filter(in_state[context["state"]]), context["q"]
    order = sorts[context["sort"]].order
    return context | {
        "page": page(selected.filter(matching(q)) if q else selected, order, request.GET)
    }


def choices(
    request: HttpRequest, counts: Mapping[str, int], sorts: Mapping[str, Sort]
) -> dict[str, Any]:
    """Tabs with their counts, and which tab, order and search the request chooses."""
    first = next((state for state, number in counts.items() if number), UNHEALTHY)
    return {
        "tabs": [Tab(key, label, counts[key]) for key, label in STATES.items()],
        "state": chosen(request, "state", STATES, first),
        "q": searched(request),
        "sort": chosen(request, "sort", sorts, next(iter(sorts))),
        "sorts": sorts,
        "counts": counts,
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
