"""What is known of how vulnerabilities are exploited: in attacks (KEV), or how likely (EPSS).

It is kept by CVE and laid out on vulnerabilities, so that lists filter and sort by it. Call
`spread` after whatever gives vulnerabilities other names: it changes only what differs.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, time

from django.db import connection, transaction

from findings.advisories import LARGEST_SHRINKAGE, LARGEST_UNREADABLE, Refused, update
from findings.evaluation import hold_lock
from findings.feeds import epss, kev
from findings.feeds.documents import open_document
from findings.models import OPEN, Feed
from findings.verdicts import roll_up_images, roll_up_inventories


def update_kev(feed: Feed) -> int:
    """Bring the catalogue up to date. Returns how many CVEs changed."""
    return update(feed, _read_kev) + spread()


def update_epss(feed: Feed) -> int:
    """Bring the scores up to date. Returns how many CVEs changed."""
    return update(feed, _read_epss) + spread()


def _read_kev(feed: Feed) -> int:
    read = documents(feed)
    if read is None:
        return 0
    found = [kev.parse(raw) for raw in read]
    entries = [entry for catalogue in found for entry in catalogue.entries]
    believe(feed, len(entries), sum(catalogue.unreadable for catalogue in found))
    feed.newest_record_at = max(filter(None, (each.released for each in found)), default=None)
    rows = {e.cve: (e.cve, e.added, e.due, e.ransomware, e.action) for e in entries}
    return _merge(_EXPLOITED, rows.values())


def _read_epss(feed: Feed) -> int:
    read = documents(feed)
    if read is None:
        return 0
    found = [epss.parse(raw) for raw in read]
    believe(feed, sum(len(f.scores) for f in found), sum(f.unreadable for f in found))
    days = [f.day for f in found if f.day]
    if days:
        feed.newest_record_at = datetime.combine(max(days), time(), UTC)
    rows = {score.cve: (*score, f.day) for f in found for score in f.scores.values()}
    return _merge(_LIKELY, rows.values())


def documents(feed: Feed) -> list[bytes] | None:
    """What a feed holds now; None where that is what was last read of it."""
    with open_document(feed.location, feed.etag) as source:
        if source.unchanged:
            return None
        read = [raw for _, raw in source]
        feed.etag = source.etag
    return read


def believe(feed: Feed, records: int, unreadable: int) -> None:
    """Say on the feed what it holds; raises Refused where its source cannot have meant that."""
    if not records:
        raise Refused(f"Nothing could be read from {feed.location}.")
    if unreadable > (records + unreadable) * LARGEST_UNREADABLE:
        raise Refused(
            f"{unreadable} of {records + unreadable} entries of {feed.location} cannot be read; "
            "the last good import stays."
        )
    if records < feed.record_count * (1 - LARGEST_SHRINKAGE):
        raise Refused(
            f"The feed shrank from {feed.record_count} to {records} entries; the last good import "
            "stays. If that is right, allow it by resetting the record count."
        )
    feed.record_count = records
    feed.problem = f"Not read: {unreadable} entries." if unreadable else ""


# What a feed says of a CVE, by column: what stands there of the CVEs it does not name.
_EXPLOITED = {
    "known_exploited_on": "NULL",
    "due_on": "NULL",
    "ransomware": "false",
    "required_action": "''",
}
_LIKELY = {"epss": "NULL", "epss_percentile": "NULL", "epss_on": "NULL"}


@transaction.atomic
def _merge(silence: dict[str, str], rows: Iterable[tuple]) -> int:
    """Put these columns of every CVE as the rows have them. Returns how many CVEs changed."""
    names = ", ".join(silence)
    new = ", ".join(f"excluded.{name}" for name in silence)
    old = ", ".join(f"old.{name}" for name in silence)
    nothing = ", ".join(silence.values())
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMP TABLE new_signal ON COMMIT DROP AS "
            f"SELECT cve, {names} FROM findings_exploitation WITH NO DATA"
        )
        with cursor.copy(f"COPY new_signal (cve, {names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        cursor.execute("CREATE UNIQUE INDEX ON new_signal (cve)")
        cursor.execute("ANALYZE new_signal")
        cursor.execute(
            f"""
            UPDATE findings_exploitation old SET ({names}) = ROW({nothing})
            WHERE ROW({old}) IS DISTINCT FROM ROW({nothing})
              AND NOT EXISTS (SELECT FROM new_signal n WHERE n.cve = old.cve)
            """
        )
        changed = cursor.rowcount
        cursor.execute(
            f"""
            INSERT INTO findings_exploitation AS old (cve, {names})
            SELECT cve, {names} FROM new_signal
            ON CONFLICT (cve) DO UPDATE SET ({names}) = ROW({new})
            WHERE ROW({old}) IS DISTINCT FROM ROW({new})
            """
        )
        changed += cursor.rowcount
        cursor.execute("DROP TABLE new_signal")
    return changed


# The vulnerabilities of which something else is known than they say.
_DIFFER = """
    CREATE TEMP TABLE spread ON COMMIT DROP AS
    SELECT v.id, s.known_exploited_on, coalesce(s.ransomware, false) AS ransomware, s.epss,
        s.epss_percentile,
        (v.known_exploited_on IS NULL) <> (s.known_exploited_on IS NULL) AS turned
    FROM findings_vulnerability v
    LEFT JOIN (
        SELECT a.vulnerability_id, min(e.known_exploited_on) AS known_exploited_on,
            bool_or(e.ransomware) AS ransomware, max(e.epss) AS epss,
            max(e.epss_percentile) AS epss_percentile
        FROM findings_vulnerabilityalias a JOIN findings_exploitation e ON e.cve = a.name
        GROUP BY a.vulnerability_id) s ON s.vulnerability_id = v.id
    WHERE ROW(v.known_exploited_on, v.ransomware, v.epss, v.epss_percentile) IS DISTINCT FROM
        ROW(s.known_exploited_on, coalesce(s.ransomware, false), s.epss, s.epss_percentile)
"""

_SPREAD = """
    UPDATE findings_vulnerability v SET known_exploited_on = s.known_exploited_on,
        ransomware = s.ransomware, epss = s.epss, epss_percentile = s.epss_percentile
    FROM spread s WHERE s.id = v.id
"""

_TO_COUNT = f"""
    CREATE TEMP TABLE work_inventory ON COMMIT DROP AS
    SELECT DISTINCT finding.inventory_id AS id
    FROM spread JOIN findings_finding finding ON finding.vulnerability_id = spread.id
    WHERE spread.turned AND {OPEN}
"""


@transaction.atomic
def spread() -> int:
    """Lay out on every vulnerability the worst that is known of its CVEs, and count anew where
    known exploitation begins or ends. Returns how many vulnerabilities changed."""
    hold_lock()
    with connection.cursor() as cursor:
        cursor.execute(_DIFFER)
        cursor.execute(_SPREAD)
        changed = cursor.rowcount
        if changed:
            cursor.execute(_TO_COUNT)
            roll_up_inventories(cursor)
            roll_up_images(cursor)
            cursor.execute("DROP TABLE work_inventory")
        cursor.execute("DROP TABLE spread")
    return changed
