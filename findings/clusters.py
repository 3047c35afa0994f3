"""Ids that mean the same vulnerability, brought together when advisories are imported."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import chain

from django.db.models import Q

from findings.matching import preferred_name
from findings.models import Vulnerability, VulnerabilityAlias


def assign(cursor) -> None:
    """Give every staged advisory its vulnerability, in a table `assigned (name, vulnerability_id)`.

    Vulnerabilities are made where an id is new, and brought together where a record shows that two
    known ones are the same. Call it in the transaction that merges the import.
    """
    cursor.execute("SELECT name, ids FROM staged_advisory")
    staged = cursor.fetchall()
    known = _known({identifier for _, ids in staged for identifier in ids})
    parents = _joined(chain((ids for _, ids in staged), _clusters(known)))
    groups: dict[str, set[str]] = defaultdict(set)
    for identifier in parents:
        groups[_root(parents, identifier)].add(identifier)
    chosen = _vulnerabilities(cursor, groups, known)
    cursor.execute("CREATE TEMP TABLE assigned (name text PRIMARY KEY, vulnerability_id bigint)")
    with cursor.copy("COPY assigned FROM STDIN") as copy:
        for name, root in {name: _root(parents, ids[0]) for name, ids in staged}.items():
            copy.write_row((name, chosen[root]))
    cursor.execute("ANALYZE assigned")


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
    cursor, groups: dict[str, set[str]], known: Mapping[str, int]
) -> dict[str, int]:
    """The vulnerability of each group of ids, by the group's root."""
    found = {root: {known[i] for i in ids if i in known} for root, ids in groups.items()}
    names = _names(set(known.values()), [preferred_name(ids) for ids in groups.values()])
    chosen = _create({root: ids for root, ids in groups.items() if not found[root]})
    for root, ids in groups.items():
        if found[root]:
            chosen[root] = _one_of(cursor, found[root], preferred_name(ids), names)
    VulnerabilityAlias.objects.bulk_create(
        (
            VulnerabilityAlias(vulnerability_id=chosen[root], name=identifier)
            for root, ids in groups.items()
            for identifier in sorted(ids)
            if identifier not in known
        ),
        batch_size=5000,
    )
    return chosen


def _known(ids: set[str]) -> dict[str, int]:
    rows = VulnerabilityAlias.objects.filter(name__in=ids)
    return dict(rows.values_list("name", "vulnerability_id"))


def _names(ids: set[int], wanted: list[str]) -> dict[int, str]:
    """The names of these vulnerabilities, and of any that already bears a wanted name."""
    rows = Vulnerability.objects.filter(Q(pk__in=ids) | Q(name__in=wanted))
    return dict(rows.values_list("pk", "name"))


def _create(groups: dict[str, set[str]]) -> dict[str, int]:
    created = Vulnerability.objects.bulk_create(
        (Vulnerability(name=preferred_name(ids)) for ids in groups.values()), batch_size=5000
    )
    return dict(zip(groups, (row.pk for row in created), strict=True))


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
