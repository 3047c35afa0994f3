"""What sets and images are, by what was found in them: the roll-ups that lists and totals read.

Part of a batch of `findings.evaluation`: they read its table `work_inventory` and its connection.
"""

IMAGES_AT_ONCE = 20_000

# Which feeds speak of the ecosystem of the set `i`, as `models.Judge` counts.
JUDGED_BY = """(
    SELECT CASE bool_and(f.sample) WHEN true THEN 1 WHEN false THEN 2 ELSE 0 END
    FROM findings_feedecosystem e JOIN findings_feed f ON f.id = e.feed_id
    WHERE e.ecosystem = i.ecosystem)"""


def roll_up_inventories(cursor) -> int:
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
            {JUDGED_BY}, now()
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


def roll_up_images(cursor) -> int:
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
