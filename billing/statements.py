"""A month of the ledger: totals, lines, CSV.

A charge belongs to the month, in UTC, in which its image was first scanned.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from billing.models import Charge
from registries.models import Subscription
from scans.models import Scan

PAGE_SIZE = 100
CSV_COLUMNS = (
    "subscription",
    "subscription_name",
    "digest",
    "registry",
    "repository",
    "scanned_at",
    "amount",
    "currency",
)


@dataclass(frozen=True, order=True)
class Month:
    """A calendar month in UTC."""

    year: int
    month: int

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"

    @classmethod
    def parse(cls, text: str) -> "Month | None":
        """From "2026-11"; None where that is no month."""
        try:
            day = date.fromisoformat(f"{text}-01")
        except ValueError:
            return None
        return cls(day.year, day.month) if 1 < day.year < 9999 else None

    @classmethod
    def now(cls) -> "Month":
        today = timezone.now().astimezone(UTC)
        return cls(today.year, today.month)

    @property
    def first_day(self) -> date:
        return date(self.year, self.month, 1)

    @property
    def start(self) -> datetime:
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    @property
    def previous(self) -> "Month":
        return Month(self.year, self.month - 1) if self.month > 1 else Month(self.year - 1, 12)

    @property
    def next(self) -> "Month":
        return Month(self.year, self.month + 1) if self.month < 12 else Month(self.year + 1, 1)


@dataclass(frozen=True)
class Total:
    """What one subscription owes in one currency."""

    subscription: Subscription
    images: int
    amount: Decimal
    currency: str


@dataclass(frozen=True)
class Lines:
    """A page of charges; `after` is where the next page begins, None at the end."""

    charges: list[Charge]
    after: int | None


def charges(subscriptions: Iterable[Subscription], month: Month) -> QuerySet[Charge]:
    """In the order of the statement: by subscription, then as scanned."""
    return Charge.objects.filter(
        subscription__in=subscriptions,
        scanned_at__gte=month.start,
        scanned_at__lt=month.next.start,
    ).order_by("subscription_id", "scanned_at", "id")


def totals(subscriptions: Iterable[Subscription], month: Month) -> list[Total]:
    """Per subscription, and per currency where that was changed; in the subscriptions' order."""
    sums = (
        charges(subscriptions, month)
        .order_by("currency")
        .values("subscription_id", "currency")
        .annotate(images=Count("id"), amount=Sum("amount"))
    )
    owed = {}
    for row in sums:
        owed.setdefault(row.pop("subscription_id"), []).append(row)
    return [
        Total(subscription, **row)
        for subscription in subscriptions
        for row in owed.get(subscription.pk, [])
    ]


def by_currency(totals: Iterable[Total]) -> dict[str, Decimal]:
    """Sums of money, which add up within a currency only."""
    owed: dict[str, Decimal] = {}
    for total in totals:
        owed[total.currency] = owed.get(total.currency, Decimal(0)) + total.amount
    return owed


def scans_finished(subscriptions: Iterable[Subscription], month: Month) -> int:
    """How many scans read an image in a month. Those that no charge was made from were free."""
    return Scan.objects.filter(
        subscription__in=subscriptions,
        state=Scan.State.DONE,
        result=Scan.Result.INDEXED,
        finished_at__gte=month.start,
        finished_at__lt=month.next.start,
    ).count()


def lines(charged: QuerySet[Charge], after: int | None = None) -> Lines:
    """The page that follows charge number `after`. A ledger loses no row, so its number says where
    the page begins; a number that is not in this statement gives the first page."""
    last = charged.filter(pk=after).first() if after else None
    rest = (charged.filter(_beyond(last)) if last else charged).select_related("subscription")
    page = list(rest[: PAGE_SIZE + 1])
    more = len(page) > PAGE_SIZE
    return Lines(page[:PAGE_SIZE], page[PAGE_SIZE - 1].pk if more else None)


def _beyond(last: Charge) -> Q:
    """After `last` in the order of the statement; the first bound is one the index can use."""
    return Q(subscription__gte=last.subscription_id) & (
        Q(subscription__gt=last.subscription_id)
        | Q(scanned_at__gt=last.scanned_at)
        | Q(scanned_at=last.scanned_at, pk__gt=last.pk)
    )


class _Echo:
    """A file that hands back what is written: lets the csv module format one line at a time."""

    def write(self, line: str) -> str:
        return line


def csv_lines(charged: QuerySet[Charge]) -> Iterator[str]:
    """The statement as CSV (RFC 4180), a line at a time from a cursor of the server's, so that a
    statement of any length costs the same memory."""
    writer = csv.writer(_Echo())
    yield writer.writerow(CSV_COLUMNS)
    for charge in charged.select_related("subscription").iterator(chunk_size=2000):
        yield writer.writerow(harmless(cell) for cell in _cells(charge))


def _cells(charge: Charge) -> tuple[str, ...]:
    return (
        str(charge.subscription_id),
        charge.subscription.display_name,
        charge.digest,
        charge.registry,
        charge.repository,
        charge.scanned_at.astimezone(UTC).isoformat(),
        str(charge.amount),
        charge.currency,
    )


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula (OWASP, CSV Injection)."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else cell
