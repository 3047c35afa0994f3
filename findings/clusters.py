"""Ids that mean the same vulnerability, brought together when advisories are imported."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import chain

from findings.matching import preferred_name
from findings.models import Vulnerability


def assign(cursor) -> None:
    """Give every staged advisory its vulnerability, in a table `assigned (name, vulnerability_id)`.

    Vulnerabilities are made where an id is new, and brought together where a record shows that two
    known ones are the same. Call it in the transaction that merges the import.
    """
    cursor.execute("SELECT name, ids FROM staged_advisory")
    staged = cursor.fetchall()
    known = _known(cursor)
    parents = _joined(chain((ids for _, ids in staged), _clusters(known)))
    groups: dict[str, list[str]] = defaultdict(list)
    for identifier in parents:
        groups[_root(parents, identifier)].append(identifier)
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
    cursor.execute(
        "INSERT INTO findings_vulnerability (name) SELECT unnest(%s::text[]) RETURNING name, id",
        [list(roots)],
    )
    return {roots[name]: created for name, created in cursor}


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
