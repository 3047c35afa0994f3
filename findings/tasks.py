"""What the clock and the nudges ask of findings."""

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from findings import advisories, evaluation, lifecycles, trend, updates


@shared_task
def evaluate() -> int:
    """Judge all that is due."""
    return evaluation.evaluate()


@shared_task
def update_feeds() -> int:
    """Ask every feed for news that is due."""
    before = timezone.now() - timedelta(seconds=settings.FEED_INTERVAL_SECONDS)
    feeds = list(updates.due(before).values_list("pk", flat=True))
    for feed_id in feeds:
        update_feed.delay(feed_id)
    return len(feeds)


@shared_task
def update_feed(feed_id: int) -> int:
    """Bring one feed up to date, unless someone is at it."""
    with advisories.alone_with(feed_id) as feed:
        return updates.update(feed) if feed else 0


@shared_task
def follow_calendar() -> int:
    """Judge again the images whose distribution has come to its end of life."""
    return lifecycles.follow_calendar()


@shared_task
def count_day() -> int:
    """Count today for the trend."""
    return trend.count_day()
