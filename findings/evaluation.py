"""From new inventories and changed advisories to findings opened and closed, set-wise in SQL.

One evaluator works at a time, in short transactions, each a batch: nothing is fetched, no image is
looked at one by one. What is due stands in the tables: sets without a verdict, packages an import
marked stale, reports newer than their image's verdict.
"""

from django.db import connection, transaction

from findings.matching import match_key

INVENTORIES_AT_ONCE = 1000
PACKAGES_AT_ONCE = 20_000
IMAGES_AT_ONCE = 20_000

# The key of the database lock that evaluation and the merging of imports take in turns.
_LOCK = 0x5649_4749


# Which feeds speak of the ecosystem of the set `i`, as `models.Judge` counts.
_JUDGED_BY = """(
    SELECT CASE bool_and(f.sample) WHEN true THEN 1 WHEN false THEN 2 ELSE 0 END
    FROM findings_feedecosystem e JOIN findings_feed f ON f.id = e.feed_id
    WHERE e.ecosystem = i.ecosystem)"""


def evaluate() -> int:
    """Judge all that is due. Returns how many sets and images were judged."""
    total = 0
    while judged := _evaluate_batch():
        total += judged
    return total


@transaction.atomic
def _evaluate_batch() -> int:
    """One batch, as a table of contents."""
    hold_lock()
    with connection.cursor() as cursor:
        _collect_inventories(cursor)
        _make_keys(cursor)
        _collect_packages(cursor)
        _match(cursor)
        _reach_inventories(cursor)
        _collect_entries(cursor)
        _close_findings(cursor)
        _open_findings(cursor)
        _change_findings(cursor)
        inventories = _roll_up_inventories(cursor)
        images = _roll_up_images(cursor)
        done = _clear_queue(cursor)
        cursor.execute("DROP TABLE work_inventory, work_package, changed_package, work_entry")
    return inventories + images + done


def hold_lock() -> None:
    """Wait for the evaluation lock and keep it to the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _collect_inventories(cursor) -> None:
    """Sets never judged, and sets whose ecosystem a feed has begun or ceased to speak of."""
    cursor.execute(
        """
        CREATE TEMP TABLE work_inventory ON COMMIT DROP AS
        SELECT i.id, true AS is_new
        FROM scans_inventory i LEFT JOIN findings_inventoryverdict v ON v.inventory_id = i.id
        WHERE v.inventory_id IS NULL ORDER BY i.id LIMIT %s
        """,
        [INVENTORIES_AT_ONCE],
    )
    cursor.execute(
        f"""
        INSERT INTO work_inventory
        SELECT i.id, false
        FROM findings_inventoryverdict v JOIN scans_inventory i ON i.id = v.inventory_id
        WHERE v.judged_by <> {_JUDGED_BY}
        """
    )


def _make_keys(cursor) -> None:
    """Give each package that was never matched its name and its sortable version."""
    cursor.execute(
        """
        SELECT DISTINCT p.id, p.type, p.ecosystem, p.name, p.version, p.source_name,
            p.source_version
        FROM work_inventory w
        JOIN scans_inventorypackage e ON e.inventory_id = w.id
        JOIN scans_package p ON p.id = e.package_id
        LEFT JOIN findings_packagekey k ON k.package_id = p.id
        WHERE w.is_new AND k.package_id IS NULL
        """
    )
    keys = [(package_id, match_key(*fields)) for package_id, *fields in cursor.fetchall()]
    cursor.execute("CREATE TEMP TABLE work_package (id bigint PRIMARY KEY) ON COMMIT DROP")
    cursor.execute(
        """
        WITH made AS (
            INSERT INTO findings_packagekey (package_id, ecosystem, name, key)
            SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bytea[])
            RETURNING package_id)
        INSERT INTO work_package SELECT package_id FROM made
        """,
        [
            [package_id for package_id, _ in keys],
            [key.ecosystem for _, key in keys],
            [key.name for _, key in keys],
            [key.key for _, key in keys],
        ],
    )


def _collect_packages(cursor) -> None:
    """To the packages never matched, add those that an import marked."""
    cursor.execute(
        """
        INSERT INTO work_package
        SELECT package_id FROM findings_stalepackage ORDER BY package_id LIMIT %s
        ON CONFLICT DO NOTHING
        """,
        [PACKAGES_AT_ONCE],
    )
    cursor.execute("ANALYZE work_package")


# Of several advisories on one vulnerability of one package, the same one is chosen as
# `findings.matching.choose` chooses in memory.
_DESIRED = """
    SELECT DISTINCT ON (k.package_id, a.vulnerability_id)
        k.package_id, a.vulnerability_id, a.id AS advisory_id,
        coalesce(nullif(f.severity, 0), nullif(a.severity, 0), cluster.severity, 0)::smallint
            AS severity,
        coalesce(a.cvss_v3, a.cvss_v4, a.cvss_v2, cluster.cvss) AS cvss,
        f.introduced, f.fixed AS fixed_version, f.last_affected
    FROM work_package w
    JOIN findings_packagekey k ON k.package_id = w.id
    JOIN findings_affected f ON f.name = k.name AND f.ecosystem = k.ecosystem
        AND k.key >= f.low AND (f.high IS NULL OR k.key < f.high)
    JOIN findings_advisory a ON a.id = f.advisory_id AND a.withdrawn_at IS NULL
    LEFT JOIN LATERAL (
        SELECT max(o.severity) AS severity, max(coalesce(o.cvss_v3, o.cvss_v4, o.cvss_v2)) AS cvss
        FROM findings_advisory o
        WHERE o.vulnerability_id = a.vulnerability_id AND o.withdrawn_at IS NULL
    ) cluster ON true
    ORDER BY k.package_id, a.vulnerability_id, (f.fixed <> '') DESC,
        (f.severity IS NOT NULL OR a.severity_source = 'distribution') DESC,
        (coalesce(f.severity, a.severity) > 0) DESC, a.modified_at DESC, a.name COLLATE "C",
        f.high DESC NULLS FIRST, f.low
"""


def _match(cursor) -> None:
    """Bring the matches of the work packages up to date, and note which packages changed."""
    cursor.execute(f"CREATE TEMP TABLE desired ON COMMIT DROP AS {_DESIRED}")
    cursor.execute("CREATE TEMP TABLE changed_package (id bigint) ON COMMIT DROP")
    cursor.execute(
        """
        WITH gone AS (
            DELETE FROM findings_packagematch m USING work_package w
            WHERE m.package_id = w.id AND NOT EXISTS (
                SELECT FROM desired d
                WHERE d.package_id = m.package_id AND d.vulnerability_id = m.vulnerability_id)
            RETURNING m.package_id)
        INSERT INTO changed_package SELECT DISTINCT package_id FROM gone
        """
    )
    cursor.execute(
        """
        WITH written AS (
            INSERT INTO findings_packagematch AS m (package_id, vulnerability_id, advisory_id,
                severity, cvss, introduced, fixed_version, last_affected)
            SELECT package_id, vulnerability_id, advisory_id, severity, cvss, introduced,
                fixed_version, last_affected
            FROM desired
            ON CONFLICT (package_id, vulnerability_id) DO UPDATE SET
                advisory_id = excluded.advisory_id, severity = excluded.severity,
                cvss = excluded.cvss, introduced = excluded.introduced,
                fixed_version = excluded.fixed_version, last_affected = excluded.last_affected
            WHERE (m.advisory_id, m.severity, m.cvss, m.introduced, m.fixed_version,
                    m.last_affected)
                IS DISTINCT FROM (excluded.advisory_id, excluded.severity, excluded.cvss,
                    excluded.introduced, excluded.fixed_version, excluded.last_affected)
            RETURNING m.package_id)
        INSERT INTO changed_package SELECT DISTINCT package_id FROM written
        """
    )
    # What an import says of a package of unknown version changes no match, but what is unknown.
    cursor.execute(
        """
        INSERT INTO changed_package
        SELECT w.id FROM work_package w JOIN findings_packagekey k ON k.package_id = w.id
        WHERE k.key IS NULL
        """
    )
    cursor.execute("DROP TABLE desired")


def _reach_inventories(cursor) -> None:
    """To the new sets, add every set that holds a package whose matches changed."""
    cursor.execute("ANALYZE changed_package")
    cursor.execute(
        """
        INSERT INTO work_inventory
        SELECT DISTINCT e.inventory_id, false
        FROM changed_package c JOIN scans_inventorypackage e ON e.package_id = c.id
        WHERE e.inventory_id NOT IN (SELECT id FROM work_inventory)
          AND EXISTS (SELECT FROM findings_inventoryverdict v
                      WHERE v.inventory_id = e.inventory_id)
        """
    )
    cursor.execute("ANALYZE work_inventory")


def _collect_entries(cursor) -> None:
    """What findings may follow from: all packages of the new sets, of the others those whose
    matches changed. A package stands in a set once, however many files name it."""
    cursor.execute(
        """
        CREATE TEMP TABLE work_entry ON COMMIT DROP AS
        SELECT DISTINCT e.inventory_id, e.package_id, true AS is_new
        FROM work_inventory w JOIN scans_inventorypackage e ON e.inventory_id = w.id
        WHERE w.is_new
        UNION ALL
        SELECT DISTINCT e.inventory_id, e.package_id, false
        FROM changed_package c
        JOIN scans_inventorypackage e ON e.package_id = c.id
        JOIN work_inventory w ON w.id = e.inventory_id AND NOT w.is_new
        """
    )
    cursor.execute("ANALYZE work_entry")


def _close_findings(cursor) -> None:
    cursor.execute(
        """
        UPDATE findings_finding f SET closed_at = now(), closed_cause = CASE
            WHEN EXISTS (SELECT FROM findings_advisory a
                         WHERE a.vulnerability_id = f.vulnerability_id AND a.withdrawn_at IS NULL)
            THEN 'advisory-changed' ELSE 'advisory-withdrawn' END
        FROM work_entry w
        WHERE NOT w.is_new AND f.inventory_id = w.inventory_id AND f.package_id = w.package_id
          AND f.closed_at IS NULL AND NOT EXISTS (
            SELECT FROM findings_packagematch m
            WHERE m.package_id = f.package_id AND m.vulnerability_id = f.vulnerability_id)
        """
    )


def _open_findings(cursor) -> None:
    cursor.execute(
        """
        INSERT INTO findings_finding (inventory_id, package_id, vulnerability_id, severity,
            fixed_version, opened_at, opened_cause, closed_cause)
        SELECT w.inventory_id, m.package_id, m.vulnerability_id, m.severity, m.fixed_version, now(),
            CASE WHEN w.is_new THEN 'new-inventory'
                 WHEN a.first_imported_at > v.evaluated_at THEN 'advisory-published'
                 ELSE 'advisory-changed' END,
            ''
        FROM work_entry w
        JOIN findings_packagematch m ON m.package_id = w.package_id
        JOIN findings_advisory a ON a.id = m.advisory_id
        LEFT JOIN findings_inventoryverdict v ON v.inventory_id = w.inventory_id
        ON CONFLICT (inventory_id, package_id, vulnerability_id) WHERE closed_at IS NULL DO NOTHING
        """
    )


def _change_findings(cursor) -> None:
    """A finding stays itself when its severity or its fix changes."""
    cursor.execute(
        """
        UPDATE findings_finding f SET severity = m.severity, fixed_version = m.fixed_version
        FROM work_entry w, findings_packagematch m
        WHERE NOT w.is_new AND f.inventory_id = w.inventory_id AND f.package_id = w.package_id
          AND f.closed_at IS NULL
          AND m.package_id = f.package_id AND m.vulnerability_id = f.vulnerability_id
          AND (f.severity, f.fixed_version) IS DISTINCT FROM (m.severity, m.fixed_version)
        """
    )


def _roll_up_inventories(cursor) -> int:
    cursor.execute(
        f"""
        INSERT INTO findings_inventoryverdict (inventory_id, critical, high, medium, low, unknown,
            unreadable_versions, judged_by, evaluated_at)
        SELECT w.id, c.critical, c.high, c.medium, c.low, c.unknown, (
                SELECT count(DISTINCT e.package_id) FROM scans_inventorypackage e
                JOIN findings_packagekey k ON k.package_id = e.package_id
                WHERE e.inventory_id = w.id AND k.key IS NULL AND EXISTS (
                    SELECT FROM findings_affected f
                    JOIN findings_advisory a ON a.id = f.advisory_id AND a.withdrawn_at IS NULL
                    WHERE f.name = k.name AND f.ecosystem = k.ecosystem)),
            {_JUDGED_BY}, now()
        FROM work_inventory w
        JOIN scans_inventory i ON i.id = w.id
        CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE severity = 4) AS critical,
                count(*) FILTER (WHERE severity = 3) AS high,
                count(*) FILTER (WHERE severity = 2) AS medium,
                count(*) FILTER (WHERE severity = 1) AS low,
                count(*) FILTER (WHERE severity = 0) AS unknown
            FROM findings_finding f WHERE f.inventory_id = w.id AND f.closed_at IS NULL) c
        ON CONFLICT (inventory_id) DO UPDATE SET critical = excluded.critical,
            high = excluded.high, medium = excluded.medium, low = excluded.low,
            unknown = excluded.unknown, unreadable_versions = excluded.unreadable_versions,
            judged_by = excluded.judged_by, evaluated_at = excluded.evaluated_at
        """
    )
    return cursor.rowcount


# What an image is, from its report and its sets. Any finding makes it unhealthy. A set that no feed
# speaks of (samples count only in registries that are samples too), or an unknown version of a
# package that some advisory names, keeps it from being healthy.
_IMAGE_STATES = """
    SELECT r.image_id,
        coalesce(sum(v.critical), 0) AS critical, coalesce(sum(v.high), 0) AS high,
        coalesce(sum(v.medium), 0) AS medium, coalesce(sum(v.low), 0) AS low,
        coalesce(sum(v.unknown), 0) AS unknown,
        coalesce(sum(v.unreadable_versions), 0) AS unreadable_versions,
        r.scanned_at, r.result = 'unverified' AS unread, r.reason, r.detail,
        string_agg(DISTINCT coalesce(nullif(i.ecosystem, ''), nullif(r.distro_name, ''),
                                     'an unknown distribution'), ', ')
            FILTER (WHERE v.judged_by = 0 OR v.judged_by = 1 AND NOT g.sample) AS unjudged,
        bool_or(v.judged_by = 1 AND NOT g.sample) AS sampled
    FROM {images} AS work
    JOIN scans_report r ON r.image_id = work.image_id
    JOIN registries_image m ON m.id = r.image_id
    JOIN registries_registry g ON g.id = m.registry_id
    LEFT JOIN scans_reportinventory h ON h.report_id = r.image_id
    LEFT JOIN findings_inventoryverdict v ON v.inventory_id = h.inventory_id
    LEFT JOIN scans_inventory i ON i.id = h.inventory_id
    GROUP BY r.image_id, g.sample
    HAVING count(h.inventory_id) = count(v.inventory_id)
"""

_WRITE_IMAGES = f"""
    INSERT INTO findings_imageverdict AS old (image_id, critical, high, medium, low, unknown,
        unreadable_versions, state, reason, detail, since, scanned_at, evaluated_at)
    SELECT image_id, critical, high, medium, low, unknown, unreadable_versions,
        CASE WHEN unread THEN 'unverified'
             WHEN critical + high + medium + low + unknown > 0 THEN 'unhealthy'
             WHEN unjudged IS NOT NULL OR unreadable_versions > 0 THEN 'unverified'
             ELSE 'healthy' END,
        CASE WHEN unread THEN reason
             WHEN unjudged IS NOT NULL THEN 'not-judged'
             WHEN unreadable_versions > 0 THEN 'unknown-version' ELSE '' END,
        CASE WHEN unread THEN detail
             WHEN unjudged IS NOT NULL THEN 'Read, but not judged: no feed has advisories for '
                || unjudged || CASE WHEN sampled THEN ' beyond a few samples' ELSE '' END
                || '. Add or update a feed that speaks of it.'
             WHEN unreadable_versions > 0 THEN unreadable_versions
                || ' packages have a version that cannot be compared; they are not judged.'
             ELSE '' END,
        now(), scanned_at, now()
    FROM ({_IMAGE_STATES}) states
    ON CONFLICT (image_id) DO UPDATE SET critical = excluded.critical, high = excluded.high,
        medium = excluded.medium, low = excluded.low, unknown = excluded.unknown,
        unreadable_versions = excluded.unreadable_versions, state = excluded.state,
        reason = excluded.reason, detail = excluded.detail, scanned_at = excluded.scanned_at,
        evaluated_at = excluded.evaluated_at,
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
     LIMIT %s)
"""


def _roll_up_images(cursor) -> int:
    """Images of the work sets, then images whose report is newer than their verdict. An image
    that holds a set not judged yet waits for the batch that judges it."""
    cursor.execute(_WRITE_IMAGES.format(images=_OF_WORK_INVENTORIES))
    _forget_deleted(cursor, cursor.fetchall())
    cursor.execute(_WRITE_IMAGES.format(images=_OF_NEW_REPORTS), [IMAGES_AT_ONCE])
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


def _clear_queue(cursor) -> int:
    cursor.execute(
        "DELETE FROM findings_stalepackage s USING work_package w WHERE s.package_id = w.id"
    )
    return cursor.rowcount
