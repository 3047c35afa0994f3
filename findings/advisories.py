"""Import one feed: stage what changed, refuse what cannot be right, merge the rest at once.

The feed is streamed into tables of the session's own; nothing that is judged by changes until the
whole feed was read and believed. Then one transaction merges it and marks the packages it touches;
evaluation does the rest.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from psycopg.types.json import Jsonb

from findings import clusters
from findings.evaluation import hold_lock
from findings.feeds import FeedError, osv
from findings.feeds.sources import open_source
from findings.matching import cluster_ids
from findings.models import Feed
from findings.severity import assess
from registries import session_locks

log = logging.getLogger(__name__)

# What an import writes on its feed; the rest is the operator's, who may change it meanwhile.
_WRITTEN = (
    "attempted_at", "succeeded_at", "newest_record_at", "record_count", "unreadable_ranges",
    "etag", "read_by", "problem",
)  # fmt: skip

# A feed that loses more than this share of its records at once is not believed.
LARGEST_SHRINKAGE = 0.2
# Nor is one of which more than this share cannot be read.
LARGEST_UNREADABLE = 0.01

BATCH = 500

# Changed records past which an import changes the figures that queries are planned by.
_MANY = 1000

# The class of database locks that keep two sessions from importing one feed at once.
_LOCK = 0x4665_6564

_STAGING = """
    CREATE TEMP TABLE seen_advisory (name text);
    CREATE TEMP TABLE staged_advisory (entry int, name text, ids text[], modified_at timestamptz,
        published_at timestamptz, withdrawn_at timestamptz, summary text, details text,
        severity smallint, severity_source text, cvss_v2 numeric, cvss_v3 numeric,
        cvss_v4 numeric, cvss_vectors jsonb, refs jsonb, unreadable_ranges int,
        content_hash bytea);
    CREATE TEMP TABLE staged_affected (entry int, advisory text, ecosystem text, name text,
        low bytea, high bytea, introduced text, fixed text, last_affected text, severity smallint,
        flavour text, fix_state text, unreadable boolean);
"""
_DROP_STAGING = "DROP TABLE IF EXISTS seen_advisory, staged_advisory, staged_affected"


class Refused(Exception):
    """The feed was read but is not believed; the last good import stays. The message says why."""


@dataclass
class Tally:
    """What one reading of a feed has seen."""

    records: int = 0
    fresh: int = 0
    unreadable: list[str] = field(default_factory=list)


@contextmanager
def alone_with(feed_id: int, **wanted: Any) -> Iterator[Feed | None]:
    """The feed, for this session alone; None where another session has it, or where the feed is
    gone or not as `wanted`, which is enabled if nothing is said."""
    with session_locks.alone_with(_LOCK, feed_id) as alone:
        feeds = Feed.objects.filter(pk=feed_id, **wanted or {"enabled": True})
        yield feeds.first() if alone else None


def update(feed: Feed, read: Callable[[Feed], int] | None = None) -> int:
    """Bring one feed up to date. Returns how many records changed; a failure stays on the feed.

    `read` is how a feed of another kind than OSV is read: it raises FeedError or Refused, and says
    on the feed what it holds now.
    """
    feed.attempted_at = timezone.now()
    changed = 0
    try:
        changed = (read or _update)(feed)
        feed.succeeded_at = feed.attempted_at
    except (FeedError, Refused) as error:
        log.warning("feed %s: %s", feed.name, error)
        _fail(feed, str(error))
    except Exception as error:  # a bug, or something no table can hold
        log.exception("feed %s", feed.name)
        _fail(
            feed,
            f"The import ended in an error of Vigie's own ({type(error).__name__}); the last good "
            "import stays. The worker's log tells more.",
        )
    Feed.objects.filter(pk=feed.pk).update(**{name: getattr(feed, name) for name in _WRITTEN})
    return changed


def _fail(feed: Feed, problem: str) -> None:
    """Read it whole the next time, changed or not: what is to be told of it is found by reading."""
    feed.problem, feed.etag = problem, ""


def _update(feed: Feed) -> int:
    etag = feed.etag if feed.read_by == osv.READER else ""
    with open_source(feed.location, etag) as source, connection.cursor() as cursor:
        if source.unchanged:
            return 0
        with staging(cursor):
            tally = _stage(cursor, feed, source)
            _believe(feed, tally)
            changed = merge(cursor, feed)
        _describe(cursor, feed, tally)
        feed.etag, feed.read_by = source.etag, osv.READER
    return changed


@contextmanager
def staging(cursor) -> Iterator[None]:
    """The empty tables that a feed is read into."""
    cursor.execute(_DROP_STAGING)
    cursor.execute(_STAGING)
    try:
        yield
    finally:
        cursor.execute(_DROP_STAGING)


def _stage(cursor, feed: Feed, entries: Iterable[tuple[str, bytes]]) -> Tally:
    """Read the whole feed; stage the records that are new or differ from what is stored."""
    tally = Tally()
    stored = feed.advisories.exclude(content_hash=b"").values_list("content_hash", "name")
    if feed.read_by != osv.READER:  # the same bytes may say more now
        stored = stored.none()
    known = {bytes(content_hash): name for content_hash, name in stored.iterator()}
    for batch in _batches(entries):
        seen, fresh = [], []
        for entry_name, raw in batch:
            content_hash = sha256(raw).digest()
            if name := known.get(content_hash):
                seen.append(name)
            elif record := _read(entry_name, raw, tally):
                tally.fresh += 1
                fresh.append((tally.fresh, record, content_hash))
        tally.records += len(seen) + len(fresh)
        _copy(cursor, "seen_advisory", ([name] for name in seen))
        _copy(cursor, "staged_advisory", ((n, *_advisory_row(r, h)) for n, r, h in fresh))
        _copy(
            cursor, "staged_affected", ((n, *row) for n, r, _ in fresh for row in _affected_rows(r))
        )
    return tally


def _batches(entries: Iterable[tuple[str, bytes]]) -> Iterator[list[tuple[str, bytes]]]:
    entries = iter(entries)
    while batch := list(islice(entries, BATCH)):
        yield batch


def _read(entry_name: str, raw: bytes, tally: Tally) -> osv.Record | None:
    try:
        return osv.parse(raw)
    except FeedError as error:
        log.warning("%s: %s", entry_name, error)
    except Exception:  # a bug of ours must not keep all other records out
        log.exception("%s", entry_name)
    tally.unreadable.append(entry_name)
    return None


def _copy(cursor, table: str, rows: Iterable[Iterable[Any]]) -> None:
    with cursor.copy(f"COPY {table} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _advisory_row(record: osv.Record, content_hash: bytes) -> tuple:
    assessed = assess(record)
    return (
        record.id,
        # What was withdrawn no longer says what means the same.
        [record.id] if record.withdrawn else list(cluster_ids(record)),
        record.modified,
        record.published,
        record.withdrawn,
        record.summary,
        record.details,
        assessed.severity,
        assessed.source,
        assessed.v2,
        assessed.v3,
        assessed.v4,
        Jsonb(list(record.cvss)),
        Jsonb([{"type": reference.type, "url": reference.url} for reference in record.references]),
        record.unreadable,
        content_hash,
    )


def _affected_rows(record: osv.Record) -> Iterator[tuple]:
    for interval in record.affected:
        yield (
            record.id,
            interval.ecosystem,
            interval.name,
            interval.low,
            interval.high,
            interval.introduced,
            interval.fixed,
            interval.last_affected,
            interval.severity,
            interval.flavour,
            interval.fix_state,
            interval.unreadable,
        )


def _believe(feed: Feed, tally: Tally) -> None:
    """Raises Refused when the feed cannot be what its source meant to publish."""
    total = tally.records + len(tally.unreadable)
    if not tally.records:
        raise Refused(f"No OSV record could be read from {feed.location}.")
    if len(tally.unreadable) > total * LARGEST_UNREADABLE:
        raise Refused(
            f"{len(tally.unreadable)} of {total} records cannot be read, "
            f"{tally.unreadable[0]} the first; the last good import stays."
        )
    if tally.records < feed.record_count * (1 - LARGEST_SHRINKAGE):
        raise Refused(
            f"The feed shrank from {feed.record_count} to {tally.records} records; "
            "the last good import stays. If that is right, allow it by resetting the record count."
        )


@transaction.atomic
def merge(cursor, feed: Feed) -> int:
    """Make what was seen and staged all that the feed says. Returns how many records are new,
    changed or gone."""
    hold_lock()
    cursor.execute("CREATE INDEX ON staged_affected (advisory)")
    cursor.execute("ANALYZE seen_advisory, staged_advisory, staged_affected")
    _settle(cursor, feed)
    cursor.execute(_TOUCHED, {"feed": feed.pk})
    clusters.take_apart(cursor)
    clusters.assign(cursor)
    cursor.execute(_MARK_STALE)
    changed = 0
    for statement in (_WITHDRAW, _UPSERT):
        cursor.execute(statement, {"feed": feed.pk})
        changed += cursor.rowcount
    for statement in (_CLEAR_AFFECTED, _INSERT_AFFECTED):
        cursor.execute(statement, {"feed": feed.pk})
    if changed > _MANY:  # else the planner goes by what it knew of the tables before
        cursor.execute("ANALYZE findings_advisory, findings_affected")
    for statement in (_FORGET_ECOSYSTEMS, _LEARN_ECOSYSTEMS):
        cursor.execute(statement, {"feed": feed.pk})
    cursor.execute("DROP TABLE touched_advisory, assigned")
    return changed


def _settle(cursor, feed: Feed) -> None:
    """Of several records of one id keep the newest, the same one at every import."""
    superseded = 0
    for statement in (_SUPERSEDED_BY_STAGED, _SUPERSEDED_BY_STORED):
        cursor.execute(statement, {"feed": feed.pk})
        superseded += cursor.rowcount
    if superseded:
        cursor.execute(_FORGET_SUPERSEDED)


_SUPERSEDED_BY_STAGED = """
    DELETE FROM staged_advisory s USING staged_advisory o
    WHERE o.name = s.name
      AND (o.modified_at, o.content_hash, o.entry) > (s.modified_at, s.content_hash, s.entry)
"""

_SUPERSEDED_BY_STORED = """
    DELETE FROM staged_advisory s USING seen_advisory n, findings_advisory a
    WHERE n.name = s.name AND a.feed_id = %(feed)s AND a.name = s.name
      AND (a.modified_at, a.content_hash) > (s.modified_at, s.content_hash)
"""

_FORGET_SUPERSEDED = """
    DELETE FROM staged_affected f
    WHERE NOT EXISTS (SELECT FROM staged_advisory s WHERE s.entry = f.entry)
"""

# The stored advisories that change or are gone from the feed.
_TOUCHED = """
    CREATE TEMP TABLE touched_advisory AS
    SELECT a.id, a.vulnerability_id, s.name IS NULL AS gone
    FROM findings_advisory a
    LEFT JOIN staged_advisory s ON s.name = a.name
    WHERE a.feed_id = %(feed)s AND (s.name IS NOT NULL OR (
        a.content_hash <> '' AND NOT EXISTS (SELECT FROM seen_advisory n WHERE n.name = a.name)))
"""

# Packages that the old or the new intervals name, and packages already matched to any of these
# vulnerabilities, whose severity may now be another.
_MARK_STALE = """
    INSERT INTO findings_stalepackage (package_id)
    SELECT k.package_id FROM findings_packagekey k WHERE EXISTS (
        SELECT FROM findings_affected f JOIN touched_advisory t ON t.id = f.advisory_id
        WHERE f.name = k.name AND f.ecosystem = k.ecosystem)
    UNION
    SELECT k.package_id FROM findings_packagekey k
    JOIN (SELECT DISTINCT name, ecosystem FROM staged_affected) f
        ON f.name = k.name AND f.ecosystem = k.ecosystem
    UNION
    SELECT m.package_id FROM findings_packagematch m WHERE m.vulnerability_id IN (
        SELECT vulnerability_id FROM touched_advisory UNION SELECT vulnerability_id FROM assigned)
    ON CONFLICT DO NOTHING
"""

_WITHDRAW = """
    UPDATE findings_advisory a SET content_hash = '', withdrawn_at = coalesce(withdrawn_at, now())
    FROM touched_advisory t WHERE t.id = a.id AND t.gone
"""

_UPSERT = """
    INSERT INTO findings_advisory (feed_id, vulnerability_id, name, modified_at, published_at,
        withdrawn_at, summary, details, severity, severity_source, cvss_v2, cvss_v3, cvss_v4,
        cvss_vectors, "references", unreadable_ranges, content_hash, claims)
    SELECT %(feed)s, v.vulnerability_id, s.name, s.modified_at, s.published_at, s.withdrawn_at,
        s.summary, s.details, s.severity, s.severity_source, s.cvss_v2, s.cvss_v3, s.cvss_v4,
        s.cvss_vectors, s.refs, s.unreadable_ranges, s.content_hash, s.ids
    FROM staged_advisory s
    JOIN assigned v ON v.name = s.name
    ON CONFLICT (feed_id, name) DO UPDATE SET vulnerability_id = excluded.vulnerability_id,
        modified_at = excluded.modified_at, published_at = excluded.published_at,
        withdrawn_at = excluded.withdrawn_at, summary = excluded.summary,
        details = excluded.details, severity = excluded.severity,
        severity_source = excluded.severity_source, cvss_v2 = excluded.cvss_v2,
        cvss_v3 = excluded.cvss_v3, cvss_v4 = excluded.cvss_v4,
        cvss_vectors = excluded.cvss_vectors, "references" = excluded."references",
        unreadable_ranges = excluded.unreadable_ranges, content_hash = excluded.content_hash,
        claims = excluded.claims
"""

_CLEAR_AFFECTED = """
    DELETE FROM findings_affected f USING touched_advisory t WHERE t.id = f.advisory_id
        AND NOT t.gone
"""

_INSERT_AFFECTED = """
    INSERT INTO findings_affected (advisory_id, ecosystem, name, low, high, introduced, fixed,
        last_affected, severity, flavour, fix_state, unreadable)
    SELECT DISTINCT a.id, s.ecosystem, s.name, s.low, s.high, s.introduced, s.fixed,
        s.last_affected, s.severity, s.flavour, s.fix_state, s.unreadable
    FROM staged_affected s
    JOIN findings_advisory a ON a.feed_id = %(feed)s AND a.name = s.advisory
"""

_FORGET_ECOSYSTEMS = "DELETE FROM findings_feedecosystem WHERE feed_id = %(feed)s"

# Of an ecosystem in which nothing of it can be read, a feed does not speak.
_LEARN_ECOSYSTEMS = """
    INSERT INTO findings_feedecosystem (feed_id, ecosystem)
    SELECT DISTINCT a.feed_id, f.ecosystem
    FROM findings_advisory a
    JOIN findings_affected f ON f.advisory_id = a.id AND NOT f.unreadable
    WHERE a.feed_id = %(feed)s AND a.content_hash <> ''
"""


def _describe(cursor, feed: Feed, tally: Tally) -> None:
    """Say on the feed what it holds now."""
    cursor.execute(
        """
        SELECT max(modified_at), least(coalesce(sum(unreadable_ranges), 0), 2147483647)
        FROM findings_advisory WHERE feed_id = %s AND content_hash <> ''
        """,
        [feed.pk],
    )
    feed.newest_record_at, feed.unreadable_ranges = cursor.fetchone()
    feed.record_count = tally.records
    feed.problem = ""
    if tally.unreadable:
        feed.problem = (
            f"Not read: {len(tally.unreadable)} records, {tally.unreadable[0]} the first."
        )
