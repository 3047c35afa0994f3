"""Read-only questions about packages: which the user's images hold, and where."""

from collections.abc import Collection
from dataclasses import dataclass

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from findings.images import holding
from findings.models import FeedEcosystem, PackageKey, PackageMatch, Severity
from findings.recommendations import Tally
from registries import scope
from registries.models import Placement, Repository
from scans.models import InventoryPackage, Package

MOST_PLACES = 1000
MOST_NAMES = 200
MOST_PACKAGES = 1000
NAMED_REPOSITORIES = 3
MOST_MATCHES = 100


@dataclass(frozen=True)
class Held:
    """A package in images the user may see: in how many (`more`: at least), in which
    repositories (the first few), and its vulnerabilities by severity; `judged` says whether none
    means none."""

    package: Package
    images: int
    more: bool
    repositories: list[Repository]
    repository_count: int
    tally: Tally
    judged: bool


# Names are taken from the index one after the other, from the one searched for on, however many
# packages there are: some more than are wanted, as a collation may put others in between. Places
# are counted up to a limit, and for no more packages than are shown.
_HELD = """
    WITH RECURSIVE following (spelling, name, number) AS (
        SELECT spelling, (SELECT name FROM scans_package
                          WHERE name >= spelling ORDER BY name LIMIT 1), 1
        FROM unnest(%(spellings)s::text[]) spelling
        UNION ALL
        SELECT spelling, (SELECT next.name FROM scans_package next
                          WHERE next.name > following.name ORDER BY next.name LIMIT 1), number + 1
        FROM following WHERE name IS NOT NULL AND number < %(names)s
    ), wanted AS (
        SELECT package.id
        FROM (SELECT name, bool_or(name = spelling) AS exact FROM following
              WHERE starts_with(name, spelling) GROUP BY name) named
        JOIN scans_package package USING (name)
        WHERE %(version)s = '' OR (exact AND starts_with(package.version, %(version)s))
        ORDER BY NOT exact, package.name, package.id DESC LIMIT %(packages)s
    )
    SELECT wanted.id, held.*
    FROM wanted CROSS JOIN LATERAL (
        SELECT count(DISTINCT image_id), count(*), count(DISTINCT repository_id),
               (array_agg(DISTINCT repository_id))[:%(named)s]
        FROM (
            SELECT placement.image_id, placement.repository_id
            FROM scans_inventorypackage entry
            JOIN scans_reportinventory report ON report.inventory_id = entry.inventory_id
            JOIN registries_placement placement ON placement.image_id = report.report_id
            JOIN registries_repository repository ON repository.id = placement.repository_id
            JOIN registries_registry registry ON registry.id = repository.registry_id
            WHERE entry.package_id = wanted.id AND registry.subscription_id = ANY(%(seen)s)
            LIMIT %(places)s
        ) place
    ) held (images, places, repositories, named)
    WHERE held.images > 0 LIMIT %(limit)s
"""


def search(user, q: str, limit: int) -> list[Held]:
    """Packages called `q`, then those whose name begins so; "name@version" asks for a version, or
    how one begins. Six queries."""
    name, _, version = q.rpartition("@")
    name, version = (name, version) if name else (q, "")  # "@scope/name" has no version
    seen = scope.visible_subscriptions(user).order_by().values_list("pk", flat=True)
    parameters = {
        "spellings": list({name, name.lower()}), "version": version, "seen": list(seen),
        "names": MOST_NAMES, "packages": MOST_PACKAGES, "places": MOST_PLACES,
        "named": NAMED_REPOSITORIES, "limit": limit,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_HELD, parameters)
        return _described(cursor.fetchall())


def _described(rows: list[tuple[int, int, int, int, list[int]]]) -> list[Held]:
    packages = Package.objects.in_bulk([row[0] for row in rows])
    repositories = Repository.objects.select_related("registry").in_bulk(
        {repository for row in rows for repository in row[-1]}
    )
    tallies, judged = _tallies(packages), set(judged_among(packages))
    return [
        Held(
            packages[pk],
            images,
            places == MOST_PLACES,
            [repositories[some] for some in named if some in repositories],
            number,
            tallies.get(pk, Tally()),
            pk in judged or pk in tallies,
        )
        for pk, images, places, number, named in rows
    ]


def _tallies(packages: Collection[int]) -> dict[int, Tally]:
    """The vulnerabilities of these packages by severity: they hold wherever a package stands."""
    counts = {
        severity.name.lower(): Count("id", filter=Q(severity=severity)) for severity in Severity
    }
    matches = PackageMatch.objects.filter(package__in=packages).values("package").annotate(**counts)
    return {row["package"]: Tally.of(row) for row in matches}


def judged_among(packages: Collection[int]) -> QuerySet:
    """Of these, the packages whose ecosystem some feed speaks of, in a version that is read."""
    keys = PackageKey.objects.filter(package__in=packages, key__isnull=False)
    spoken_of = FeedEcosystem.objects.filter(ecosystem=OuterRef("package__ecosystem"))
    return keys.filter(Exists(spoken_of)).values_list("package_id", flat=True)


def is_counted(package_id: int) -> bool:
    """Whether its findings count: those of kernel packages do not."""
    return not PackageKey.objects.filter(package=package_id, counted=False).exists()


def matches(package_id: int) -> list[PackageMatch]:
    """Its vulnerabilities, the worst first, with the advisory that says so."""
    found = PackageMatch.objects.filter(package=package_id)
    found = found.select_related("vulnerability", "advisory").defer("advisory__details")
    return list(found.order_by("-severity", "vulnerability__name")[:MOST_MATCHES])


def placed(user, package_id: int) -> QuerySet[Placement]:
    """The images that hold it, wherever the user may see them; one query for the package sets."""
    entries = InventoryPackage.objects.filter(package=package_id)
    return holding(user, set(entries.values_list("inventory_id", flat=True)))
