"""Until when releases of distributions get security fixes, and what the calendar does to images."""

from datetime import date

from django.db import connection, transaction

from findings.advisories import update
from findings.evaluation import hold_lock
from findings.feeds import eol
from findings.models import DistributionRelease, Feed
from findings.signals import believe, documents
from findings.verdicts import roll_up_ended


def update_ends(feed: Feed) -> int:
    """Bring the ends of life up to date. Returns how many releases and images changed."""
    return update(feed, _read) + follow_calendar()


def _read(feed: Feed) -> int:
    read = documents(feed)
    if read is None:
        return 0
    found = [eol.parse(raw) for raw in read]
    ends = {(r.distro_id, r.version): r.ends_on for each in found for r in each.releases}
    believe(feed, len(ends), sum(each.unreadable for each in found))
    feed.newest_record_at = max(filter(None, (each.generated for each in found)), default=None)
    return _replace(ends)


@transaction.atomic
def _replace(ends: dict[tuple[str, str], date | None]) -> int:
    """Make these the releases that are known. Returns how many changed."""
    releases = DistributionRelease.objects
    known = {(r.distro_id, r.version): r for r in releases.select_for_update()}
    gone = [release.pk for key, release in known.items() if key not in ends]
    releases.filter(pk__in=gone).delete()
    changed = [key for key in ends if key not in known or known[key].ends_on != ends[key]]
    releases.bulk_create(
        (DistributionRelease(distro_id=d, version=v, ends_on=ends[d, v]) for d, v in changed),
        update_conflicts=True,
        unique_fields=["distro_id", "version"],
        update_fields=["ends_on"],
    )
    return len(gone) + len(changed)


def follow_calendar() -> int:
    """Judge again the images whose release has ended since, or has got another end. Returns how
    many."""
    total = 0
    while judged := _follow():
        total += judged
    return total


@transaction.atomic
def _follow() -> int:
    hold_lock()
    with connection.cursor() as cursor:
        return roll_up_ended(cursor)
