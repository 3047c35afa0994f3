"""Read-only numbers of the workload-protection dashboard, for pages and the API."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db.models import Count, Min, Q, QuerySet, Sum
from django.utils import timezone

from findings.images import ImageRow, describe
from findings.models import OPEN, DailyCount, Feed, ImageVerdict, Vulnerability
from findings.recommendations import SEVERITIES, UNHEALTHY, RegistryRow, Tally
from registries import scope
from registries.models import Placement, Subscription
from scans.models import Scan

TREND_DAYS = 30
# A feed that has had no good import for so many of its intervals (and at least a day) is stale.
STALE_INTERVALS = 3
# How often a digest may stand among the worst before others are shown for lack of room.
COPIES = 10
MOST_PLACES = 500


@dataclass
class Coverage:
    """A subscription: is its plan on, how many of its registries are protected, what is in them."""

    subscription: Subscription
    registries: int = 0
    troubled: int = 0
    tally: Tally = field(default_factory=Tally)

    @property
    def protected(self) -> int:
        """Registries of a plan that is on, and that can be reached."""
        return self.registries - self.troubled if self.subscription.plan_enabled else 0


@dataclass(frozen=True)
class Activity:
    waiting: int
    running: int
    oldest_waiting: datetime | None
    scans: list[Scan]
    now: datetime


@dataclass(frozen=True)
class FeedFreshness:
    feed: Feed
    stale: bool


@dataclass(frozen=True)
class Day:
    day: date
    counts: Tally


def coverage(user, registries: list[RegistryRow]) -> list[Coverage]:
    """The user's subscriptions, those with most to do first."""
    rows = {s.pk: Coverage(s) for s in scope.visible_subscriptions(user)}
    for registry_row in registries:
        row = rows[registry_row.registry.subscription_id]
        row.registries += 1
        row.troubled += bool(registry_row.registry.problem)
        row.tally += registry_row.tally
    return sorted(rows.values(), key=lambda row: (-row.tally.critical, -row.tally.findings))


@dataclass(frozen=True)
class WorstImage:
    """A digest where it was first seen, and the names of some other places it stands in."""

    row: ImageRow
    also_in: list[str]


def worst_images(user, limit: int) -> list[WorstImage]:
    """The most vulnerable images, each digest once: whoever copies an image copies its findings."""
    visible = scope.visible(ImageVerdict.objects.all(), user, "image__registry__subscription")
    order = [f"-{severity}" for severity in SEVERITIES]
    found = visible.filter(state=UNHEALTHY).order_by(*order, "-image_id")
    # Copies stand next to each other in this order, or nearly so.
    digests = found.values_list("image__digest", flat=True)[: limit * COPIES]
    worst = list(dict.fromkeys(digests))[:limit]
    places: dict[str, list[Placement]] = {digest: [] for digest in worst}
    for place in _places(user, worst):
        places[place.image.digest].append(place)
    rows = describe([first for first, *_ in filter(None, places.values())])
    return [WorstImage(row, _names(row, places[row.image.digest][1:])) for row in rows]


def _places(user, digests: list[str]) -> QuerySet[Placement]:
    placed = Placement.objects.filter(image__digest__in=digests).order_by("pk")
    placed = placed.select_related("image", "repository__registry")
    return scope.visible(placed, user)[:MOST_PLACES]


def _names(row: ImageRow, others: list[Placement]) -> list[str]:
    """Repositories by name, with the registry where it is another one."""
    home = row.placement.repository.registry_id
    return [
        other.repository.name
        if other.repository.registry_id == home
        else f"{other.repository.registry.name} / {other.repository.name}"
        for other in others
    ]


_EXPLOITED = f"""
    SELECT v.*, held.images
    FROM (
        SELECT v.* FROM findings_vulnerability v
        WHERE v.known_exploited_on IS NOT NULL AND EXISTS (
            SELECT FROM findings_finding finding
            JOIN scans_reportinventory held ON held.inventory_id = finding.inventory_id
            JOIN registries_image image ON image.id = held.report_id
            JOIN registries_registry registry ON registry.id = image.registry_id
            WHERE finding.vulnerability_id = v.id AND {OPEN}
              AND registry.subscription_id = ANY(%(seen)s))
        ORDER BY v.known_exploited_on DESC, v.id DESC LIMIT %(limit)s
    ) v
    CROSS JOIN LATERAL (
        SELECT count(DISTINCT image.id) AS images FROM findings_finding finding
        JOIN scans_reportinventory held ON held.inventory_id = finding.inventory_id
        JOIN registries_image image ON image.id = held.report_id
        JOIN registries_registry registry ON registry.id = image.registry_id
        WHERE finding.vulnerability_id = v.id AND {OPEN}
          AND registry.subscription_id = ANY(%(seen)s)
    ) held
    ORDER BY v.known_exploited_on DESC, v.id DESC
"""


def exploited(user, limit: int) -> list[Vulnerability]:
    """Known exploited vulnerabilities in the user's images, those last known first, each with in
    how many `images`: two queries, and images are counted only for those it shows."""
    seen = scope.visible_subscriptions(user).order_by().values_list("pk", flat=True)
    return list(Vulnerability.objects.raw(_EXPLOITED, {"seen": list(seen), "limit": limit}))


def activity(user, limit: int = 6) -> Activity:
    """Scans that run and wait, the oldest first, with their age."""
    active = scope.visible(
        Scan.objects.filter(state__in=[Scan.State.QUEUED, Scan.State.RUNNING]), user, "subscription"
    )
    waiting = Q(state=Scan.State.QUEUED)
    numbers = active.aggregate(
        waiting=Count("id", filter=waiting),
        running=Count("id", filter=~waiting),
        oldest_waiting=Min("requested_at", filter=waiting),
    )
    # "running" sorts after "queued": what runs is shown first.
    scans = list(active.order_by("-state", "requested_at")[:limit])
    return Activity(scans=scans, now=timezone.now(), **numbers)


def feeds() -> list[FeedFreshness]:
    """Every feed, and whether its last good import is too long ago; a disabled one ages too."""
    interval = timedelta(seconds=settings.FEED_INTERVAL_SECONDS)
    oldest = timezone.now() - max(timedelta(days=1), STALE_INTERVALS * interval)
    return [
        FeedFreshness(feed, stale=feed.succeeded_at is None or feed.succeeded_at < oldest)
        for feed in Feed.objects.all()
    ]


def trend(user, days: int = TREND_DAYS) -> list[Day]:
    """Open findings by severity of each counted day, oldest first."""
    since = timezone.now().date() - timedelta(days=days)
    counts = scope.visible(DailyCount.objects.filter(day__gte=since), user, "subscription")
    sums = {severity: Sum(severity) for severity in SEVERITIES}
    images = {state: Sum(f"{state}_images") for state in ("healthy", "unhealthy", "unverified")}
    rows = counts.order_by("day").values("day").annotate(**sums, **images)
    return [Day(row["day"], Tally.of(row)) for row in rows]
