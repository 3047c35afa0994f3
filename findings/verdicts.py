"""What sets and images are, by what was found in them: the roll-ups that lists and totals read.

Part of a batch of `findings.evaluation`, or of what else has a table `work_inventory (id)`: they
read that and its connection, and want its lock.

An image that was not read is unverified, with the reason of its report. Any open finding makes one
unhealthy. What else keeps an image from being healthy stands in `DOUBTS`; an unhealthy one has
them as well. The verdict's reason is the first that holds, its detail has a line for each.
"""

from django.utils import timezone

from findings.keys import ANY_STREAM
from findings.models import OPEN, OPEN_KERNEL, WITHIN

IMAGES_AT_ONCE = 20_000

# Which feeds speak of the ecosystem of the set `i`, as `models.Judge` counts.
JUDGED_BY = """(
    SELECT CASE bool_and(f.sample) WHEN true THEN 1 WHEN false THEN 2 ELSE 0 END
    FROM findings_feedecosystem e JOIN findings_feed f ON f.id = e.feed_id
    WHERE e.ecosystem = i.ecosystem)"""

# Few packages have a version that nobody can read, and few advisories such a range: both are asked
# from their side, once for all work sets. What no advisory names cannot be missed in it.
_UNREADABLE_VERSIONS = """
    SELECT e.inventory_id, count(DISTINCT e.package_id) AS number
    FROM findings_packagekey k
    JOIN scans_inventorypackage e ON e.package_id = k.package_id
    JOIN work_inventory w ON w.id = e.inventory_id
    WHERE k.key IS NULL AND k.counted AND EXISTS (
        SELECT FROM findings_affected f
        JOIN findings_advisory a ON a.id = f.advisory_id AND a.withdrawn_at IS NULL
        WHERE f.name = k.name AND f.ecosystem = k.ecosystem)
    GROUP BY e.inventory_id
"""

# Where another range of the same vulnerability holds for the package, nothing is unknown. A range
# of flavour "*" is of some module stream, nobody says which.
_UNREADABLE_RANGES = f"""
    SELECT e.inventory_id, count(DISTINCT e.package_id) AS number
    FROM findings_affected f
    JOIN findings_advisory a ON a.id = f.advisory_id AND a.withdrawn_at IS NULL
    JOIN findings_packagekey k ON k.name = f.name AND k.ecosystem = f.ecosystem
        AND k.key IS NOT NULL AND k.counted
        AND (f.flavour = k.flavour OR f.flavour = '{ANY_STREAM}' AND k.flavour <> '')
        AND {WITHIN}
    JOIN scans_inventorypackage e ON e.package_id = k.package_id
    JOIN work_inventory w ON w.id = e.inventory_id
    WHERE f.unreadable AND NOT EXISTS (
        SELECT FROM findings_packagematch m
        WHERE m.package_id = k.package_id AND m.vulnerability_id = a.vulnerability_id)
    GROUP BY e.inventory_id
"""

_COUNTS = f"""
    SELECT count(*) FILTER (WHERE {OPEN} AND finding.severity = 4) AS critical,
        count(*) FILTER (WHERE {OPEN} AND finding.severity = 3) AS high,
        count(*) FILTER (WHERE {OPEN} AND finding.severity = 2) AS medium,
        count(*) FILTER (WHERE {OPEN} AND finding.severity = 1) AS low,
        count(*) FILTER (WHERE {OPEN} AND finding.severity = 0) AS unknown,
        count(*) FILTER (WHERE {OPEN_KERNEL}) AS uncounted,
        count(*) FILTER (WHERE {OPEN} AND finding.vulnerability_id IN (
            SELECT id FROM findings_vulnerability WHERE known_exploited_on IS NOT NULL)
        ) AS exploited
    FROM findings_finding finding
    WHERE finding.inventory_id = w.id AND finding.closed_at IS NULL
"""


def roll_up_inventories(cursor) -> int:
    cursor.execute(
        f"""
        INSERT INTO findings_inventoryverdict (inventory_id, critical, high, medium, low, unknown,
            uncounted, exploited, unreadable_ranges, unreadable_versions, judged_by, evaluated_at)
        SELECT w.id, c.critical, c.high, c.medium, c.low, c.unknown, c.uncounted, c.exploited,
            coalesce(r.number, 0), coalesce(u.number, 0), {JUDGED_BY}, now()
        FROM work_inventory w
        JOIN scans_inventory i ON i.id = w.id
        LEFT JOIN ({_UNREADABLE_VERSIONS}) u ON u.inventory_id = w.id
        LEFT JOIN ({_UNREADABLE_RANGES}) r ON r.inventory_id = w.id
        CROSS JOIN LATERAL ({_COUNTS}) c
        ON CONFLICT (inventory_id) DO UPDATE SET critical = excluded.critical,
            high = excluded.high, medium = excluded.medium, low = excluded.low,
            unknown = excluded.unknown, uncounted = excluded.uncounted,
            exploited = excluded.exploited, unreadable_ranges = excluded.unreadable_ranges,
            unreadable_versions = excluded.unreadable_versions,
            judged_by = excluded.judged_by, evaluated_at = excluded.evaluated_at
        """
    )
    return cursor.rowcount


# The last day on which the release of the report `r` got security fixes, once that is past.
# "9" stands for 9.3 as well, but not where releases such as 9.2 have days of their own: a new one
# is then not known to have ended. CentOS Stream calls itself "centos" too.
_ENDED = """(
    SELECT d.ends_on FROM findings_distributionrelease d
    WHERE d.distro_id = CASE WHEN starts_with(r.distro_name, 'CentOS Stream')
                             THEN 'centos-stream' ELSE r.distro_id END
      AND d.ends_on < %(today)s
      AND (d.version = r.distro_version
           OR starts_with(r.distro_version, d.version || '.') AND NOT EXISTS (
                SELECT FROM findings_distributionrelease o
                WHERE o.distro_id = d.distro_id AND starts_with(o.version, d.version || '.'))))"""

# A set without an ecosystem is of an unknown distribution, or of programs that no package brought
# and no ecosystem knows: the first of these, in the set `i`.
_PROGRAM = """
    SELECT p.name FROM scans_inventorypackage e JOIN scans_package p ON p.id = e.package_id
    WHERE i.ecosystem = '' AND e.inventory_id = i.id AND p.type = 'binary'
    ORDER BY p.name LIMIT 1"""

_IMAGE_STATES = f"""
    SELECT r.image_id,
        coalesce(sum(v.critical), 0) AS critical, coalesce(sum(v.high), 0) AS high,
        coalesce(sum(v.medium), 0) AS medium, coalesce(sum(v.low), 0) AS low,
        coalesce(sum(v.unknown), 0) AS unknown, coalesce(sum(v.uncounted), 0) AS uncounted,
        coalesce(sum(v.exploited), 0) AS exploited,
        coalesce(sum(v.unreadable_versions), 0) AS unreadable_versions,
        coalesce(sum(v.unreadable_ranges), 0) AS unreadable_ranges,
        r.unread_count AS unread_files, r.unread_files -> 0 AS first_unread,
        {_ENDED} AS end_of_life,
        coalesce(nullif(r.distro_name, ''), r.distro_id) AS distribution,
        r.scanned_at, r.result = 'unverified' AS unread, r.reason, r.detail,
        string_agg(DISTINCT coalesce(nullif(i.ecosystem, ''), nullif(r.distro_name, ''),
                                     'an unknown distribution'), ', ')
            FILTER (WHERE (v.judged_by = 0 OR v.judged_by = 1 AND NOT g.sample)
                          AND program.name IS NULL) AS unjudged,
        min(program.name) AS program,
        bool_or(v.judged_by = 1 AND NOT g.sample) AS sampled
    FROM {{images}} AS work
    JOIN scans_report r ON r.image_id = work.image_id
    JOIN registries_image m ON m.id = r.image_id
    JOIN registries_registry g ON g.id = m.registry_id
    LEFT JOIN scans_reportinventory h ON h.report_id = r.image_id
    LEFT JOIN findings_inventoryverdict v ON v.inventory_id = h.inventory_id
    LEFT JOIN scans_inventory i ON i.id = h.inventory_id
    LEFT JOIN LATERAL ({_PROGRAM}) program ON true
    GROUP BY r.image_id, g.sample
    HAVING count(h.inventory_id) = count(v.inventory_id)
"""


def _many(number: str, one: str, more: str) -> str:
    """SQL that says how many there are of what."""
    return f"{number} || CASE {number} WHEN 1 THEN ' {one}' ELSE ' {more}' END"


# Code → when it holds, and its sentence; the gravest first.
DOUBTS = {
    # Samples count only in registries that are samples too.
    "not-judged": (
        "unjudged IS NOT NULL OR program IS NOT NULL",
        "'Read, but not judged: ' || concat_ws(' ',"
        " 'no feed has advisories for ' || unjudged"
        " || CASE WHEN sampled THEN ' beyond a few samples' ELSE '' END"
        " || '. Add or update a feed that speaks of it.',"
        " CASE WHEN program IS NOT NULL THEN CASE WHEN unjudged IS NULL THEN 'no' ELSE 'No' END"
        " || ' feed speaks of programs that no package brought, such as ' || program"
        " || '. Install them as packages.' END)",
    ),
    "end-of-life": (
        "end_of_life IS NOT NULL",
        "'Security fixes for ' || distribution || ' ended on '"
        " || to_char(end_of_life, 'FMDD FMMonth YYYY') || ': what became known since is not fixed,"
        " and may not be told here. Build on a release that still gets them.'",
    ),
    "partly-read": (
        "unread_files > 0",
        _many("unread_files", "file that tells", "files that tell")
        + " || ' of packages could not be read' || coalesce(', first /'"
        " || ltrim(first_unread ->> 'path', '/') || ': '"
        " || regexp_replace(first_unread ->> 'sentence', '\\s+', ' ', 'g'), '.')",
    ),
    "unknown-version": (
        "unreadable_versions > 0",
        _many("unreadable_versions", "package has", "packages have")
        + " || ' a version that cannot be compared; not judged.'",
    ),
    "unknown-range": (
        "unreadable_ranges > 0",
        _many("unreadable_ranges", "package is", "packages are")
        + " || ' named by an advisory in a range that cannot be compared: affected or not is not"
        " known.'",
    ),
}
_HELD = " OR ".join(holds for holds, _ in DOUBTS.values())
_FIRST = " ".join(f"WHEN {holds} THEN '{code}'" for code, (holds, _) in DOUBTS.items())
_LINES = ", ".join(f"CASE WHEN {holds} THEN {line} END" for holds, line in DOUBTS.values())

_COLUMNS = (
    "critical", "high", "medium", "low", "unknown", "uncounted", "exploited",
    "unreadable_versions", "unreadable_ranges", "unread_files", "end_of_life", "scanned_at",
)  # fmt: skip

_WRITE_IMAGES = f"""
    INSERT INTO findings_imageverdict AS old (image_id, {", ".join(_COLUMNS)}, state, reason,
        detail, since, evaluated_at)
    SELECT image_id, {", ".join(_COLUMNS)},
        CASE WHEN unread THEN 'unverified'
             WHEN critical + high + medium + low + unknown > 0 THEN 'unhealthy'
             WHEN {_HELD} THEN 'unverified'
             ELSE 'healthy' END,
        CASE WHEN unread THEN reason {_FIRST} ELSE '' END,
        CASE WHEN unread THEN detail ELSE concat_ws(E'\\n', {_LINES}) END,
        now(), now()
    FROM ({_IMAGE_STATES}) states
    ON CONFLICT (image_id) DO UPDATE SET
        {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS)}, state = excluded.state,
        reason = excluded.reason, detail = excluded.detail, evaluated_at = excluded.evaluated_at,
        since = CASE WHEN old.state = excluded.state THEN old.since ELSE excluded.since END
    RETURNING image_id, xmax = 0 AS is_new
"""

_OF_WORK_INVENTORIES = """
    (SELECT DISTINCT h.report_id AS image_id FROM work_inventory w
     JOIN scans_reportinventory h ON h.inventory_id = w.id)
"""

_OF_NEW_REPORTS = """
    (SELECT r.image_id FROM scans_report r
     LEFT JOIN findings_imageverdict v ON v.image_id = r.image_id
     WHERE v.image_id IS NULL OR v.scanned_at <> r.scanned_at
     LIMIT %(limit)s)
"""

# A hundred thousand images are of a few hundred releases: the calendar is asked once for each.
_OF_ENDED = f"""
    (SELECT report.image_id
     FROM (SELECT r.*, {_ENDED} AS ended
           FROM (SELECT DISTINCT distro_id, distro_version, distro_name FROM scans_report
                 WHERE distro_id <> '') r) release
     JOIN scans_report report USING (distro_id, distro_version, distro_name)
     JOIN findings_imageverdict v ON v.image_id = report.image_id
     WHERE v.end_of_life IS DISTINCT FROM release.ended
     LIMIT %(limit)s)
"""


def roll_up_images(cursor) -> int:
    """Images of the work sets, then images whose report is newer than their verdict. An image
    that holds a set not judged yet waits for the batch that judges it."""
    _write(cursor, _OF_WORK_INVENTORIES)
    return _write(cursor, _OF_NEW_REPORTS)


def roll_up_ended(cursor) -> int:
    """Images whose release ended since they were judged, or of which another day is known."""
    return _write(cursor, _OF_ENDED)


def _write(cursor, images: str) -> int:
    today = timezone.now().date()
    cursor.execute(_WRITE_IMAGES.format(images=images), {"today": today, "limit": IMAGES_AT_ONCE})
    written = cursor.fetchall()
    _forget_deleted(cursor, written)
    return len(written)


def _forget_deleted(cursor, written: list[tuple[int, bool]]) -> None:
    """A new verdict holds no lock on its image, and one image deleted meanwhile would undo the
    whole batch at its end: those that still stand are locked, the verdicts of others go."""
    new = [image for image, is_new in written if is_new]
    if new:
        cursor.execute(
            """
            WITH standing AS (
                SELECT id FROM registries_image WHERE id = ANY(%(new)s) ORDER BY id FOR KEY SHARE)
            DELETE FROM findings_imageverdict
            WHERE image_id = ANY(%(new)s) AND image_id NOT IN (SELECT id FROM standing)
            """,
            {"new": new},
        )
