"""Take back what a feed says, for good: first its advisories, later the feed itself."""

from django.db import connection, transaction

from findings import advisories, signals
from findings.models import Advisory, Affected, Feed, PackageMatch


def withdraw(feed: Feed) -> int:
    """Disable a feed of advisories and withdraw all that it says, as if it had become empty.

    Evaluation closes what only they proved, and what no other feed speaks of is no longer judged.
    Returns how many were withdrawn; raises Refused while the feed is being imported.
    """
    with advisories.alone_with(feed.pk, kind=Feed.Kind.OSV) as alone, connection.cursor() as cursor:
        if not alone:
            raise advisories.Refused(
                f"{feed.name} is being imported, or is no feed of advisories: try again when its "
                "import is done."
            )
        with advisories.staging(cursor), transaction.atomic():
            # Enabled again, it is read whole, and not measured by what it held before.
            Feed.objects.filter(pk=feed.pk).update(enabled=False, etag="", record_count=0)
            withdrawn = advisories.merge(cursor, feed)
    signals.spread()
    return withdrawn


def removable(feed: Feed) -> bool:
    """Whether nothing is judged by the feed any more: it was withdrawn, and evaluation is done."""
    said = feed.advisories.exclude(content_hash=b"").exists()
    return not (feed.enabled or said or PackageMatch.objects.filter(advisory__feed=feed).exists())


@transaction.atomic
def remove(feed: Feed) -> None:
    """Delete a feed that is `removable`, and its advisories; findings keep their history."""
    # Nothing else refers to these rows; one by one in memory, Django would take hours over them.
    Affected.objects.filter(advisory__feed=feed)._raw_delete(using="default")
    Advisory.objects.filter(feed=feed)._raw_delete(using="default")
    feed.delete()
