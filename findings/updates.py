"""Bring a feed up to date, whatever its kind."""

from findings import advisories, lifecycles, signals
from findings.models import Feed


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
