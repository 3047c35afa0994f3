"""Ids that mean the same vulnerability, brought together and taken apart as imports tell."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain

from findings.matching import preferred_name
from findings.models import Vulnerability

# The vulnerabilities that a record held together which is gone or no longer claims the same: it
# is so by this import, or was so before and this import speaks of one of their ids again.
_LOOSENED = """
    CREATE TEMP TABLE loosened AS
    SELECT t.vulnerability_id AS id
    FROM touched_advisory t
    JOIN findings_advisory a ON a.id = t.id
    LEFT JOIN staged_advisory s ON s.name = a.name
    WHERE cardinality(a.claims) <> 1 AND (t.gone OR a.claims = '{}' OR NOT a.claims <@ s.ids)
    UNION
    SELECT a.vulnerability_id
    FROM (SELECT unnest(ids) AS id FROM staged_advisory) s
    JOIN findings_vulnerabilityalias n ON n.name = s.id
    JOIN findings_advisory a ON a.vulnerability_id = n.vulnerability_id
    WHERE a.withdrawn_at IS NOT NULL AND cardinality(a.claims) <> 1
"""

# What is claimed of them after this import; NULL where a record says nothing any more.
_CLAIMS = """
    SELECT l.id, a.name, CASE WHEN t.id IS NULL AND a.withdrawn_at IS NULL THEN a.claims END
    FROM loosened l
    JOIN findings_advisory a ON a.vulnerability_id = l.id
    LEFT JOIN touched_advisory t ON t.id = a.id
    UNION ALL
    SELECT DISTINCT l.id, s.name, s.ids
    FROM loosened l
    JOIN findings_vulnerabilityalias n ON n.vulnerability_id = l.id
    JOIN (SELECT name, ids, unnest(ids) AS id FROM staged_advisory WHERE withdrawn_at IS NULL) s
        ON s.id = n.name
"""

_MOVE = """
    UPDATE findings_vulnerabilityalias a SET vulnerability_id = m.new
        FROM moved m WHERE a.name = m.name;
    UPDATE findings_advisory a SET vulnerability_id = m.new
        FROM moved m WHERE a.vulnerability_id = m.old AND a.name = m.name;
    INSERT INTO findings_stalepackage (package_id)
        SELECT p.package_id FROM findings_packagematch p
        WHERE p.vulnerability_id IN (SELECT old FROM moved UNION SELECT new FROM moved)
        ON CONFLICT DO NOTHING
"""


@dataclass
class _Cluster:
    """One vulnerability as it stands: its ids, whose records there are, what current ones claim."""

    name: str
    ids: list[str]
    records: set[str] = field(default_factory=set)
    claims: list[list[str]] = field(default_factory=list)

    def parts(self) -> list[list[str]]:
        """The ids by what is still claimed of them. One that no record speaks for is nothing of
        anyone's, unless the vulnerability goes by it."""
        known = set(self.ids)
        held = ([name for name in ids if name in known] for ids in self.claims)
        spoken_for = self.records.union(*self.claims, [self.name])
        alone = ([name] for name in self.ids if name in spoken_for)
        return list(_groups(_joined(chain(filter(None, held), alone))).values())


def take_apart(cursor) -> None:
    """Part the ids that only records held together which this import changes or withdraws.

    The part with the vulnerability's name keeps its row; the others get one of their own, which
    their records move to. Findings are closed under the old name and opened under the new one by
    the evaluation that the packages are marked for. Of a vulnerability without a current record
    nothing is judged: it stays as its findings knew it. Call it before `assign`, in the same
    transaction, once `touched_advisory` tells what changes.
    """
    cursor.execute(_LOOSENED)
    cursor.execute("ANALYZE loosened")
    clusters = _loosened(cursor)
    moved, forgotten = [], []
    for vulnerability, cluster in clusters.items():
        if not cluster.claims:
            continue
        parts = cluster.parts()
        forgotten += set(cluster.ids).difference(*parts)
        moved += [(part, vulnerability) for part in parts if cluster.name not in part]
    if moved:
        _move(cursor, moved)
    cursor.execute("DELETE FROM findings_vulnerabilityalias WHERE name = ANY(%s)", [forgotten])
    cursor.execute("DROP TABLE loosened")


def _loosened(cursor) -> dict[int, _Cluster]:
    cursor.execute(
        """
        SELECT v.id, v.name, array_agg(a.name)
        FROM loosened l
        JOIN findings_vulnerability v ON v.id = l.id
        JOIN findings_vulnerabilityalias a ON a.vulnerability_id = v.id
        GROUP BY v.id
        """
    )
    clusters = {pk: _Cluster(name, ids) for pk, name, ids in cursor}
    cursor.execute(_CLAIMS)
    for pk, name, claims in cursor:
        clusters[pk].records.add(name)
        if claims is not None:
            # Read before claims were kept: it may be what holds all of them.
            clusters[pk].claims.append(claims or clusters[pk].ids)
    return clusters


def _move(cursor, parts: list[tuple[list[str], int]]) -> None:
    """Give each part (its ids, the vulnerability they were of) a vulnerability of its own."""
    names = [preferred_name(ids) for ids, _ in parts]
    rows = _rows(cursor, names)
    cursor.execute("CREATE TEMP TABLE moved (name text, old bigint, new bigint)")
    with cursor.copy("COPY moved FROM STDIN") as copy:
        for name, (ids, old) in zip(names, parts, strict=True):
            for identifier in ids:
                copy.write_row((identifier, old, rows[name]))
    cursor.execute("ANALYZE moved")
    cursor.execute(_MOVE)
    cursor.execute("DROP TABLE moved")


def assign(cursor) -> None:
    """Give every staged advisory its vulnerability, in a table `assigned (name, vulnerability_id)`.

    Vulnerabilities are made where an id is new, and brought together where a record shows that two
    known ones are the same. Call it in the transaction that merges the import.
    """
    cursor.execute("SELECT name, ids FROM staged_advisory")
    staged = cursor.fetchall()
    known = _known(cursor)
    parents = _joined(chain((ids for _, ids in staged), _clusters(known)))
    groups = _groups(parents)
    chosen = _vulnerabilities(cursor, groups, known)
    assigned = {name: chosen[_root(parents, ids[0])] for name, ids in staged}
    cursor.execute("CREATE TEMP TABLE assigned (name text PRIMARY KEY, vulnerability_id bigint)")
    _copy(cursor, "assigned", assigned.items())
    cursor.execute("ANALYZE assigned")


def _copy(cursor, table: str, rows: Iterable[tuple[str, int]]) -> None:
    with cursor.copy(f"COPY {table} (name, vulnerability_id) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _clusters(known: Mapping[str, int]) -> Iterable[list[str]]:
    """Ids that are one vulnerability already: where one of them goes, the others go."""
    clusters: dict[int, list[str]] = defaultdict(list)
    for identifier, vulnerability in known.items():
        clusters[vulnerability].append(identifier)
    return clusters.values()


def _joined(clusters: Iterable[list[str]]) -> dict[str, str]:
    """A union-find forest over ids: each id's parent."""
    parents: dict[str, str] = {}
    for first, *rest in clusters:
        parents.setdefault(first, first)
        for other in rest:
            parents.setdefault(other, other)
            parents[_root(parents, other)] = _root(parents, first)
    return parents


def _groups(parents: dict[str, str]) -> dict[str, list[str]]:
    """The ids that are joined, by their root."""
    groups: dict[str, list[str]] = defaultdict(list)
    for identifier in parents:
        groups[_root(parents, identifier)].append(identifier)
    return groups


def _root(parents: dict[str, str], identifier: str) -> str:
    while (parent := parents[identifier]) != identifier:
        parents[identifier] = parents[parent]
        identifier = parent
    return identifier


def _vulnerabilities(
    cursor, groups: Mapping[str, list[str]], known: Mapping[str, int]
) -> dict[str, int]:
    """The vulnerability of each group of ids, by the group's root."""
    found: dict[str, set[int]] = defaultdict(set)
    for root, ids in groups.items():
        for identifier in ids:
            if identifier in known:
                found[root].add(known[identifier])
    chosen = _create(cursor, {root: ids for root, ids in groups.items() if root not in found})
    best = {root: preferred_name(groups[root]) for root in found}
    names = _names(cursor, set(known.values()), best.values())
    for root, vulnerabilities in found.items():
        chosen[root] = _one_of(cursor, vulnerabilities, best[root], names)
    new = (
        (identifier, chosen[root])
        for root, ids in groups.items()
        for identifier in ids
        if identifier not in known
    )
    _copy(cursor, "findings_vulnerabilityalias", new)
    return chosen


def _known(cursor) -> dict[str, int]:
    """The vulnerabilities of the staged ids that are not new."""
    cursor.execute(
        """
        SELECT a.name, a.vulnerability_id FROM findings_vulnerabilityalias a
        WHERE a.name IN (SELECT unnest(ids) FROM staged_advisory)
        """
    )
    return dict(cursor)


def _names(cursor, ids: Iterable[int], wanted: Iterable[str]) -> dict[int, str]:
    """The names of these vulnerabilities, and of any that already bears a wanted name."""
    cursor.execute(
        "SELECT id, name FROM findings_vulnerability WHERE id = ANY(%s) OR name = ANY(%s)",
        [list(ids), list(wanted)],
    )
    return dict(cursor)


def _create(cursor, groups: Mapping[str, list[str]]) -> dict[str, int]:
    roots = {preferred_name(ids): root for root, ids in groups.items()}
    return {roots[name]: pk for name, pk in _rows(cursor, list(roots)).items()}


def _rows(cursor, names: list[str]) -> dict[str, int]:
    """Vulnerabilities of these names. One may be left without ids, of an earlier time when they
    were another's: it is itself again."""
    cursor.execute(
        """
        INSERT INTO findings_vulnerability (name) SELECT unnest(%s::text[])
        ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING name, id
        """,
        [names],
    )
    return dict(cursor)


def _one_of(cursor, found: set[int], best: str, names: dict[int, str]) -> int:
    """The vulnerability that stays of those found, under the best name its ids offer."""
    kept = next((pk for pk in sorted(found) if names[pk] == best), min(found))
    for dropped in found - {kept}:
        _bring_together(cursor, dropped, kept)
    if names[kept] != best and best not in names.values():
        Vulnerability.objects.filter(pk=kept).update(name=best)
        names[kept] = best
    return kept


def _bring_together(cursor, dropped: int, kept: int) -> None:
    """Move advisories and ids over. Findings of the dropped one are closed, and opened under the
    kept one, by the evaluation that its packages are marked for."""
    cursor.execute(
        """
        INSERT INTO findings_stalepackage (package_id)
        SELECT package_id FROM findings_packagematch WHERE vulnerability_id = %s
        ON CONFLICT DO NOTHING
        """,
        [dropped],
    )
    for table in ("findings_advisory", "findings_vulnerabilityalias"):
        cursor.execute(
            f"UPDATE {table} SET vulnerability_id = %s WHERE vulnerability_id = %s", [kept, dropped]
        )
