"""The table is the queue: which images are due, who works on what, and what a finished scan is.

Every verb here is one conditional statement and safe to run twice. The clock is the database's.
"""

from collections.abc import Collection

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from scans.catalogers import VERSION
from scans.models import Report, Scan

# An image is in use when someone pulled it within the window; where its registry cannot look back
# that far, when a tag points to it, itself or through an index.
_IN_USE = """
    (p.pulled_at >= statement_timestamp() - make_interval(days => %(window)s)
     OR ((g.pulls_known_since IS NULL
          OR g.pulls_known_since > statement_timestamp() - make_interval(days => %(window)s))
         AND EXISTS (
            SELECT FROM registries_tag t
            WHERE t.repository_id = r.id
              AND (t.image_id = i.id OR t.image_id IN (
                    SELECT m.index_id FROM registries_indexmember m WHERE m.image_id = i.id)))))
"""

# When an image arrived as a push: as the registry said, or, where its event was missed, when a walk
# first saw it in a registry that was listened to by then.
_PUSHED = """
    greatest(p.pushed_at, CASE WHEN p.first_seen_at > g.pulls_known_since THEN p.first_seen_at END)
    >= s.plan_enabled_at
"""

# Why each image that is due is due; one row per image, the strongest reason first.
_DUE = f"""
    SELECT DISTINCT ON (i.id)
        i.id AS image_id, g.subscription_id, i.digest, g.name AS registry, r.name AS repository,
        CASE
            WHEN v.image_id IS NULL AND {_PUSHED} THEN 'push'
            WHEN v.image_id IS NULL THEN 'discovery'
            WHEN v.catalogers_version < %(version)s THEN 'catalogers'
            ELSE 'weekly'
        END AS trigger
    FROM registries_image i
    JOIN registries_registry g ON g.id = i.registry_id
    JOIN registries_subscription s ON s.id = g.subscription_id AND s.plan_enabled
    JOIN registries_placement p ON p.image_id = i.id
    JOIN registries_repository r ON r.id = p.repository_id
    LEFT JOIN scans_report v ON v.image_id = i.id
    WHERE i.kind = 'image' AND g.kind <> 'sbom'
      AND (v.image_id IS NULL
           OR v.catalogers_version < %(version)s
           OR (v.reason = ANY(%(retried)s)
               AND v.scanned_at < statement_timestamp() - make_interval(days => %(interval)s)))
      AND ((v.image_id IS NULL AND {_PUSHED}) OR {_IN_USE})
      AND NOT EXISTS (SELECT FROM scans_scan a
                      WHERE a.image_id = i.id AND a.state IN ('queued', 'running'))
    ORDER BY i.id, trigger DESC, p.id
"""

# So long without a scan running or finished, while some wait, means that messages were lost.
QUIET_SECONDS = 5

_QUEUE = """
    INSERT INTO scans_scan (image_id, subscription_id, digest, registry, repository, trigger,
        state, result, reason, detail, attempts, announced,
        bytes_fetched, layers_fetched, layers_reused)
"""

# What is worth another try a week later; an image that is unsupported stays so.
RETRIED_REASONS = ["no-access", "failed", "too-slow", "damaged"]


def _parameters() -> dict:
    return {
        "version": VERSION,
        "window": settings.PULL_WINDOW_DAYS,
        "interval": settings.RESCAN_INTERVAL_DAYS,
        "retried": RETRIED_REASONS,
        "lease": settings.SCAN_LEASE_SECONDS,
        "max_attempts": settings.SCAN_MAX_ATTEMPTS,
    }


def _execute(sql: str, **more) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, _parameters() | more)
        return cursor.rowcount


def enqueue_due() -> int:
    """Queue a scan for every image that is due; images with an active scan keep that one."""
    return _execute(
        f"""
        {_QUEUE}
        SELECT image_id, subscription_id, digest, registry, repository, trigger,
            'queued', '', '', '', 0, FALSE, 0, 0, 0
        FROM ({_DUE}) due
        ON CONFLICT DO NOTHING
        """
    )


def request(image_ids: Collection[int], trigger: str = Scan.Trigger.ON_DEMAND) -> int:
    """Queue a scan of each of these images now, where the plan is on and none is active."""
    return _request("i.id = ANY(%(images)s)", trigger, images=list(image_ids))


def request_in_use(registry_ids: Collection[int], trigger: str = Scan.Trigger.ON_DEMAND) -> int:
    """The same for all images of these registries that are in use."""
    which = f"g.id = ANY(%(registries)s) AND {_IN_USE}"
    return _request(which, trigger, registries=list(registry_ids))


def _request(which: str, trigger: str, **more) -> int:
    return _execute(
        f"""
        {_QUEUE}
        SELECT DISTINCT ON (i.id) i.id, g.subscription_id, i.digest, g.name, r.name, %(trigger)s,
            'queued', '', '', '', 0, FALSE, 0, 0, 0
        FROM registries_image i
        JOIN registries_registry g ON g.id = i.registry_id
        JOIN registries_subscription s ON s.id = g.subscription_id AND s.plan_enabled
        JOIN registries_placement p ON p.image_id = i.id
        JOIN registries_repository r ON r.id = p.repository_id
        WHERE i.kind = 'image' AND g.kind <> 'sbom' AND {which}
        ORDER BY i.id, p.id
        ON CONFLICT DO NOTHING
        """,
        trigger=trigger,
        **more,
    )


def record_rescans() -> int:
    """The weekly rescan of what was pulled in the window. The stored inventory is judged again
    whenever an advisory changes, so nothing is fetched: the scan is recorded, and costs nothing."""
    return _execute(
        """
        WITH rescanned AS (
            UPDATE scans_report v SET scanned_at = statement_timestamp()
            FROM registries_image i
            JOIN registries_registry g ON g.id = i.registry_id
            JOIN registries_subscription s ON s.id = g.subscription_id AND s.plan_enabled
            WHERE i.id = v.image_id
              AND v.result = 'indexed' AND v.catalogers_version = %(version)s
              AND v.scanned_at < statement_timestamp() - make_interval(days => %(interval)s)
              AND EXISTS (
                SELECT FROM registries_placement p WHERE p.image_id = i.id
                AND p.pulled_at >= statement_timestamp() - make_interval(days => %(window)s))
            RETURNING i.id AS image_id, g.subscription_id, i.digest, g.name AS registry
        )
        INSERT INTO scans_scan (image_id, subscription_id, digest, registry, repository, trigger,
            state, result, reason, detail, attempts, announced, started_at, finished_at,
            bytes_fetched, layers_fetched, layers_reused)
        SELECT n.image_id, n.subscription_id, n.digest, n.registry,
            (SELECT r.name FROM registries_placement p
             JOIN registries_repository r ON r.id = p.repository_id
             WHERE p.image_id = n.image_id ORDER BY p.pulled_at DESC NULLS LAST LIMIT 1),
            'weekly', 'done', 'indexed', '', '', 1, TRUE,
            statement_timestamp(), statement_timestamp(), 0, 0, 0
        FROM rescanned n
        """
    )


def withdraw() -> int:
    """Forget what is queued for plans that were switched off, and every scan of an image that is
    gone: who works on one finds his lease lost."""
    return _execute(
        """
        DELETE FROM scans_scan a
        WHERE a.state IN ('queued', 'running') AND a.image_id IS NULL
           OR a.state = 'queued' AND EXISTS (
                SELECT FROM registries_subscription s
                WHERE s.id = a.subscription_id AND NOT s.plan_enabled)
        """
    )


def reap() -> int:
    """Take scans back from workers that were not heard of within their lease."""
    return _execute(
        """
        UPDATE scans_scan SET state = 'queued', announced = FALSE, leased_until = NULL,
            not_before = statement_timestamp()
        WHERE state = 'running' AND leased_until < statement_timestamp()
          AND attempts < %(max_attempts)s
        """
    )


def claim_exhausted() -> Scan | None:
    """Take a scan that has lost its worker at every attempt it had: it is to be given up."""
    return _claim(
        """
        SELECT w.id FROM scans_scan w
        WHERE w.state = 'running' AND w.leased_until < statement_timestamp()
          AND w.attempts >= %(max_attempts)s
        FOR UPDATE SKIP LOCKED LIMIT 1
        """
    )


def announce() -> int:
    """How many messages to send: one for each scan that waits and has not been announced. Where
    scans wait and none runs or has just finished, messages were lost, and all are sent again."""
    return _execute(
        """
        UPDATE scans_scan SET announced = TRUE
        WHERE state = 'queued' AND not_before <= statement_timestamp() AND (
            NOT announced
            OR NOT EXISTS (
                SELECT FROM scans_scan b WHERE b.state = 'running'
                OR b.finished_at > statement_timestamp() - make_interval(secs => %(quiet)s)))
        """,
        quiet=QUIET_SECONDS,
    )


def claim() -> Scan | None:
    """Take the scan that has waited longest, under a lease; of the subscriptions that wait, the one
    with the fewest scans running comes first, so that no backlog keeps the others waiting."""
    return _claim(
        """
        SELECT w.id FROM scans_scan w
        JOIN registries_subscription s ON s.id = w.subscription_id AND s.plan_enabled
        LEFT JOIN (
            SELECT subscription_id, count(*) AS running FROM scans_scan
            WHERE state = 'running' GROUP BY subscription_id
        ) busy ON busy.subscription_id = w.subscription_id
        WHERE w.state = 'queued' AND w.not_before <= statement_timestamp()
          AND w.image_id IS NOT NULL
        ORDER BY coalesce(busy.running, 0), w.not_before, w.id
        FOR UPDATE OF w SKIP LOCKED LIMIT 1
        """
    )


def _claim(which: str) -> Scan | None:
    claimed = Scan.objects.raw(
        f"""
        UPDATE scans_scan SET state = 'running', attempts = attempts + 1,
            started_at = statement_timestamp(),
            leased_until = statement_timestamp() + make_interval(secs => %(lease)s)
        WHERE id = ({which})
        RETURNING *
        """,
        _parameters(),
    )
    return next(iter(claimed), None)


class LeaseLost(Exception):
    """Another worker took this scan, or its image is gone: whatever was found is thrown away."""


def _held(scan: Scan) -> QuerySet[Scan]:
    """The scan, if this very attempt still holds it."""
    return Scan.objects.filter(pk=scan.pk, state=Scan.State.RUNNING, attempts=scan.attempts)


def extend(scan: Scan) -> None:
    """Say that the worker lives. Raises LeaseLost when the scan is no longer his."""
    held = _execute(
        """
        UPDATE scans_scan
        SET leased_until = statement_timestamp() + make_interval(secs => %(lease)s)
        WHERE id = %(id)s AND state = 'running' AND attempts = %(attempts)s
        """,
        id=scan.pk,
        attempts=scan.attempts,
    )
    if not held:
        raise LeaseLost


def put_back(scan: Scan, detail: str) -> None:
    """Try again later, twice as late each time, a quarter of an hour at most."""
    _execute(
        """
        UPDATE scans_scan SET state = 'queued', announced = FALSE, leased_until = NULL,
            detail = %(detail)s,
            not_before = statement_timestamp() + make_interval(secs => least(900, 5 * 2 ^ attempts))
        WHERE id = %(id)s AND state = 'running' AND attempts = %(attempts)s
        """,
        id=scan.pk,
        attempts=scan.attempts,
        detail=detail,
    )


def is_last_attempt(scan: Scan) -> bool:
    return scan.attempts >= settings.SCAN_MAX_ATTEMPTS


def finish(scan: Scan, report: Report) -> None:
    """Close the scan with what its report says; call it in the transaction that stores the report.

    Raises LeaseLost when the scan is no longer this worker's, so that the transaction is undone.
    """
    closed = _held(scan).update(
        state=Scan.State.DONE,
        result=report.result,
        reason=report.reason,
        detail=report.detail,
        finished_at=timezone.now(),
        leased_until=None,
        bytes_fetched=scan.bytes_fetched,
        layers_fetched=scan.layers_fetched,
        layers_reused=scan.layers_reused,
    )
    if not closed:
        raise LeaseLost
