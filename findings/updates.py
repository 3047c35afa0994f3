"""Which feeds to ask, and how to bring one up to date, whatever its kind."""

from datetime import datetime

from django.db.models import F, Q, QuerySet

from findings import advisories, lifecycles, signals
from findings.feeds import osv
from findings.models import Feed


def due(before: datetime) -> QuerySet[Feed]:
    """Feeds last asked before that moment, and those whose records another reader read: their keys
    and ours are not of one order. One that fails waits for its turn all the same."""
    read_otherwise = Q(kind=Feed.Kind.OSV) & ~Q(read_by=osv.READER)
    return Feed.objects.filter(
        Q(attempted_at=None)
        | Q(attempted_at__lt=before)
        | (read_otherwise & Q(succeeded_at=F("attempted_at"))),
        enabled=True,
    )


def update(feed: Feed) -> int:
    """Returns how much changed; a failure stays on the feed."""
    return _UPDATES[feed.kind](feed)


def _update_advisories(feed: Feed) -> int:
    """New advisories may bring vulnerabilities of which something is known already."""
    changed = advisories.update(feed)
    return changed + signals.spread() if changed else 0


_UPDATES = {
    Feed.Kind.OSV: _update_advisories,
    Feed.Kind.KEV: signals.update_kev,
    Feed.Kind.EPSS: signals.update_epss,
    Feed.Kind.EOL: lifecycles.update_ends,
}
