"""The month's statement for people: a page, and the same as a file."""

from collections.abc import Iterable
from decimal import Decimal
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from billing import statements
from billing.statements import Month
from registries.models import Subscription
from registries.scope import visible_subscriptions


@login_required
@require_safe
def statement(request: HttpRequest) -> HttpResponse:
    month, chosen = _asked(request)
    subscriptions = list(visible_subscriptions(request.user))
    shown = [chosen] if chosen else subscriptions
    totals = statements.totals(shown, month)
    charged = statements.charges(shown, month)
    images = sum(total.images for total in totals)
    lines = statements.lines(charged, _number(request.GET.get("after", "")))
    context = {
        "month": month,
        "this_month": Month.now(),
        "subscription": chosen,
        "subscriptions": subscriptions,
        "totals": totals,
        "sums": sorted(statements.by_currency(totals).items()),
        "images": images,
        "free": max(0, statements.scans_finished(shown, month) - images),
        "lines": lines,
        "places": _places(
            [*(total.amount for total in totals), *(c.amount for c in lines.charges)]
        ),
    }
    return render(request, "billing/statement.html", context)


def _places(amounts: Iterable[Decimal]) -> str:
    """How every amount of the page is written: in cents, or finer where one has a finer part."""
    return "2g" if all(amount == round(amount, 2) for amount in amounts) else "4g"


@login_required
@require_safe
def download(request: HttpRequest) -> StreamingHttpResponse:
    month, chosen = _asked(request)
    shown = [chosen] if chosen else list(visible_subscriptions(request.user))
    lines = statements.csv_lines(statements.charges(shown, month))
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="vigie-{month}.csv"'
    return response


def _asked(request: HttpRequest) -> tuple[Month, Subscription | None]:
    """The month and subscription of the query; what one may not see or is no month is 404."""
    asked = request.GET.get("month", "")
    month = Month.parse(asked) if asked else Month.now()
    if month is None:
        raise Http404("There is no such month: write it as 2026-11.")
    subscription = request.GET.get("subscription", "")
    return month, _visible(request.user, subscription) if subscription else None


def _visible(user, subscription: str) -> Subscription:
    try:
        found = visible_subscriptions(user).filter(pk=UUID(subscription)).first()
    except ValueError:
        found = None
    if found is None:
        raise Http404("There is no such subscription.")
    return found


def _number(text: str) -> int | None:
    """A row number, or None for what cannot be one."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
