"""From new inventories and changed advisories to findings opened and closed, set-wise in SQL.

One evaluator works at a time, in short transactions, each a batch: nothing is fetched, no image is
looked at one by one. What is due stands in the tables: sets without a verdict, packages an import
marked stale, reports newer than their image's verdict.
"""

from django.conf import settings
from django.db import connection, transaction

from findings import keys, versions
from findings.keys import match_key
from findings.models import ABOUT, WITHIN
from findings.verdicts import JUDGED_BY, roll_up_images, roll_up_inventories

INVENTORIES_AT_ONCE = 1000
PACKAGES_AT_ONCE = 20_000

# The key of the database lock that evaluation and the merging of imports take in turns.
_LOCK = 0x5649_4749


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
        inventories = roll_up_inventories(cursor)
        images = roll_up_images(cursor)
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
        WHERE v.judged_by <> {JUDGED_BY}
        """
    )


def made_by() -> int:
    """What keys are made by: by another rule, ordering or setting they are made anew."""
    return keys.VERSION << 16 | versions.VERSION << 1 | settings.COUNT_KERNEL


def _make_keys(cursor) -> None:
    """Give each package that was never matched its name and its sortable version, and those a new
    one whose old one was made by other rules."""
    cursor.execute(
        """
        SELECT DISTINCT p.id, p.type, p.ecosystem, p.name, p.version, p.source_name,
            p.source_version, p.module
        FROM work_inventory w
        JOIN scans_inventorypackage e ON e.inventory_id = w.id
        JOIN scans_package p ON p.id = e.package_id
        LEFT JOIN findings_packagekey k ON k.package_id = p.id
        WHERE w.is_new AND k.package_id IS NULL
        """
    )
    fresh = cursor.fetchall()
    cursor.execute("CREATE TEMP TABLE work_package (id bigint PRIMARY KEY) ON COMMIT DROP")
    cursor.execute("CREATE TEMP TABLE changed_package (id bigint) ON COMMIT DROP")
    _write_keys(cursor, fresh + _made_otherwise(cursor))


def _made_otherwise(cursor) -> list[tuple]:
    """Whatever comes out, what is found by these packages is looked at again."""
    cursor.execute(
        """
        WITH old AS (
            (SELECT package_id FROM findings_packagekey WHERE made_by < %(now)s LIMIT %(most)s)
            UNION ALL
            (SELECT package_id FROM findings_packagekey WHERE made_by > %(now)s LIMIT %(most)s)),
        noted AS (INSERT INTO changed_package SELECT package_id FROM old)
        SELECT p.id, p.type, p.ecosystem, p.name, p.version, p.source_name, p.source_version,
            p.module
        FROM old JOIN scans_package p ON p.id = old.package_id
        """,
        {"now": made_by(), "most": PACKAGES_AT_ONCE},
    )
    return cursor.fetchall()


def _write_keys(cursor, packages: list[tuple]) -> None:
    made = [(package_id, match_key(*fields)) for package_id, *fields in packages]
    cursor.execute(
        """
        WITH made AS (
            INSERT INTO findings_packagekey (package_id, ecosystem, name, key, flavour, counted,
                made_by)
            SELECT *, %s FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bytea[],
                %s::text[], %s::bool[])
            ON CONFLICT (package_id) DO UPDATE SET ecosystem = excluded.ecosystem,
                name = excluded.name, key = excluded.key, flavour = excluded.flavour,
                counted = excluded.counted, made_by = excluded.made_by
            RETURNING package_id)
        INSERT INTO work_package SELECT package_id FROM made
        """,
        [
            made_by(),
            [package_id for package_id, _ in made],
            [key.ecosystem for _, key in made],
            [key.name for _, key in made],
            [key.key for _, key in made],
            [key.flavour for _, key in made],
            [settings.COUNT_KERNEL or not key.kernel for _, key in made],
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
_DESIRED = f"""
    SELECT DISTINCT ON (k.package_id, a.vulnerability_id)
        k.package_id, a.vulnerability_id, a.id AS advisory_id,
        coalesce(nullif(f.severity, 0), nullif(a.severity, 0), cluster.severity, 0)::smallint
            AS severity,
        coalesce(a.cvss_v3, a.cvss_v4, a.cvss_v2, cluster.cvss) AS cvss,
        f.introduced, f.fixed AS fixed_version, f.last_affected, f.fix_state
    FROM work_package w
    JOIN findings_packagekey k ON k.package_id = w.id
    JOIN findings_affected f ON {ABOUT} AND {WITHIN}
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
                severity, cvss, introduced, fixed_version, last_affected, fix_state)
            SELECT package_id, vulnerability_id, advisory_id, severity, cvss, introduced,
                fixed_version, last_affected, fix_state
            FROM desired
            ON CONFLICT (package_id, vulnerability_id) DO UPDATE SET
                advisory_id = excluded.advisory_id, severity = excluded.severity,
                cvss = excluded.cvss, introduced = excluded.introduced,
                fixed_version = excluded.fixed_version, last_affected = excluded.last_affected,
                fix_state = excluded.fix_state
            WHERE (m.advisory_id, m.severity, m.cvss, m.introduced, m.fixed_version,
                    m.last_affected, m.fix_state)
                IS DISTINCT FROM (excluded.advisory_id, excluded.severity, excluded.cvss,
                    excluded.introduced, excluded.fixed_version, excluded.last_affected,
                    excluded.fix_state)
            RETURNING m.package_id)
        INSERT INTO changed_package SELECT DISTINCT package_id FROM written
        """
    )
    _note_unknown(cursor)
    cursor.execute("DROP TABLE desired")


def _note_unknown(cursor) -> None:
    """What an import says of a package of unknown version, or in a range nobody can read, changes
    no match, but what is unknown; so does what it says no longer."""
    cursor.execute(
        """
        INSERT INTO changed_package
        SELECT w.id FROM work_package w JOIN findings_packagekey k ON k.package_id = w.id
        WHERE k.key IS NULL OR EXISTS (
            SELECT FROM findings_affected f
            WHERE f.unreadable AND f.name = k.name AND f.ecosystem = k.ecosystem)
        UNION ALL
        SELECT DISTINCT w.id FROM findings_inventoryverdict v
        JOIN scans_inventorypackage e ON e.inventory_id = v.inventory_id
        JOIN work_package w ON w.id = e.package_id
        WHERE v.unreadable_ranges > 0
        """
    )


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
        FROM (SELECT DISTINCT id FROM changed_package) c
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
            fixed_version, fix_state, counted, opened_at, opened_cause, closed_cause)
        SELECT w.inventory_id, m.package_id, m.vulnerability_id, m.severity, m.fixed_version,
            m.fix_state, k.counted, now(),
            CASE WHEN w.is_new THEN 'new-inventory'
                 WHEN a.first_imported_at > v.evaluated_at THEN 'advisory-published'
                 ELSE 'advisory-changed' END,
            ''
        FROM work_entry w
        JOIN findings_packagematch m ON m.package_id = w.package_id
        JOIN findings_packagekey k ON k.package_id = m.package_id
        JOIN findings_advisory a ON a.id = m.advisory_id
        LEFT JOIN findings_inventoryverdict v ON v.inventory_id = w.inventory_id
        ON CONFLICT (inventory_id, package_id, vulnerability_id) WHERE closed_at IS NULL DO NOTHING
        """
    )


def _change_findings(cursor) -> None:
    """A finding stays itself when its severity or its fix changes, or whether it counts."""
    cursor.execute(
        """
        UPDATE findings_finding f SET severity = m.severity, fixed_version = m.fixed_version,
            fix_state = m.fix_state, counted = k.counted
        FROM work_entry w, findings_packagematch m, findings_packagekey k
        WHERE NOT w.is_new AND f.inventory_id = w.inventory_id AND f.package_id = w.package_id
          AND f.closed_at IS NULL AND k.package_id = f.package_id
          AND m.package_id = f.package_id AND m.vulnerability_id = f.vulnerability_id
          AND (f.severity, f.fixed_version, f.fix_state, f.counted)
              IS DISTINCT FROM (m.severity, m.fixed_version, m.fix_state, k.counted)
        """
    )


def _clear_queue(cursor) -> int:
    cursor.execute(
        "DELETE FROM findings_stalepackage s USING work_package w WHERE s.package_id = w.id"
    )
    return cursor.rowcount
