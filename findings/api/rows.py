"""One page of sub-assessments as plain values: a constant number of queries, whatever lies before.

The walk is by key, (placement, package, vulnerability), so that a page deep in the list costs what
the first one costs and rows that come or go meanwhile neither repeat nor hide others.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from operator import itemgetter
from typing import NamedTuple

from django.db import connection
from django.db.models.functions import Left

from findings.commands import MANAGER_PACKAGES
from findings.models import OPEN, OPEN_KERNEL, Advisory, FixState, ImageVerdict
from findings.recommendations import SEVERITIES
from findings.subassessments import START, Key

PAGE_SIZE = 500
MAX_PROSE = 4000  # characters of an advisory's details


@dataclass(frozen=True)
class Wanted:
    """Which findings are asked for; without a choice all that count, and the verdicts of the
    images that have none. `fix` is a value of `FixState`, `epss` the least probability."""

    exploited: bool = False
    epss: float = 0.0
    fix: str = ""
    kernel: bool = False

    @property
    def chosen(self) -> bool:
        return self != Wanted()

    @property
    def promise(self) -> str:
        """SQL: at most how many of them an image's verdict says it has."""
        if self.kernel:
            return "verdict.uncounted"
        counted = " + ".join(f"verdict.{severity}" for severity in SEVERITIES)
        return "verdict.exploited" if self.exploited else counted

    @property
    def condition(self) -> str:
        """SQL: what a finding and its vulnerability have to be."""
        conditions = [OPEN_KERNEL if self.kernel else OPEN]
        if self.exploited:
            conditions.append("vulnerability.known_exploited_on IS NOT NULL")
        if self.epss:
            conditions.append("vulnerability.epss >= %(epss)s")
        if self.fix:
            conditions.append(_FIX[self.fix])
        return " AND ".join(conditions)


EVERYTHING = Wanted()

_FIX = {
    FixState.FIXED: "finding.fixed_version <> ''",
    FixState.NOT_YET: "finding.fixed_version = '' AND finding.fix_state <> 'wont-fix'",
    FixState.WONT_FIX: "finding.fixed_version = '' AND finding.fix_state = 'wont-fix'",
}


class Placed(NamedTuple):
    """A judged image where it stands; `findings` is at most how many of the wanted ones it has."""

    placement: int
    image: int
    registry: int
    repository: str
    digest: str
    state: str
    reason: str
    detail: str
    evaluated_at: datetime
    uncounted: int
    findings: int


class Found(NamedTuple):
    """An open finding of an image where it stands."""

    placement: int
    package_id: int
    vulnerability_id: int
    severity: int
    fixed_version: str
    fix_state: str
    vulnerability: str
    known_exploited_on: date | None
    ransomware: bool
    epss: float | None
    epss_percentile: float | None
    package: str
    version: str
    source: str
    type: str
    ecosystem: str
    advisory: int | None
    inventory: int  # the package set it was found in
    path: str | None  # the file that told of the package, the first where there are several

    @property
    def key(self) -> Key:
        return Key(self.placement, self.package_id, self.vulnerability_id)


@dataclass(frozen=True)
class Known:
    """What all advisories on one vulnerability say together; None where none of them says."""

    names: list[str]
    published_at: datetime | None
    cvss: dict[str, Decimal]  # by the version of CVSS: "2.0", "3.0", "4.0"
    vectors: list[str]


@dataclass(frozen=True)
class Page:
    """Rows in the order of their keys: a finding, or None for the verdict of an image without."""

    rows: list[tuple[Key, Found | None]]
    placed: dict[int, Placed]
    advisories: dict[int, dict]
    known: dict[int, Known]
    managers: dict[int, list[str]]  # by package set, the package managers among its packages
    after: Key | None  # where the next page begins; None at the end


def page_after(
    registries: Collection[int],
    after: Key = START,
    size: int | None = None,
    wanted: Wanted = EVERYTHING,
) -> Page:
    """At most `size` rows of these registries whose keys come after `after`."""
    size = size or PAGE_SIZE
    # Two more than a page has rows: the first may be used up, and the last shows there are more.
    walked = _walk(registries, after.placement, size + 2, wanted)
    placed = list(_enough(walked, after.placement, size))
    rows = _rows(placed, after, size + 1, wanted)
    if len(rows) > size:
        return _page(rows[:size], placed, rows[size - 1][0])
    # Fewer rows than the verdicts promised, as sets overlap and not all may be wanted; the walk
    # goes on all the same.
    more = len(placed) < len(walked) or len(walked) == size + 2
    return _page(rows, placed, Key(placed[-1].placement).end_of_placement if more else None)


def only(registries: Collection[int], key: Key) -> Page:
    """The row of this very key, of a kernel too, or none."""
    walked = _walk(registries, key.placement, 1, EVERYTHING)
    placed = [one for one in walked if one.placement == key.placement]
    just_before = key._replace(vulnerability=key.vulnerability - 1)
    rows = (
        row
        for wanted in (EVERYTHING, Wanted(kernel=True))
        for row in _rows(placed, just_before, 1, wanted)
        if row[0] == key
    )
    return _page(list(islice(rows, 1)), placed, None)


_WALK = """
    SELECT placement.id, placement.image_id, repository.registry_id, repository.name, image.digest,
           verdict.state, verdict.reason, verdict.detail, verdict.evaluated_at,
           verdict.uncounted, {promise}
    FROM registries_placement placement
    JOIN registries_repository repository ON repository.id = placement.repository_id
    JOIN registries_image image ON image.id = placement.image_id
    JOIN findings_imageverdict verdict ON verdict.image_id = placement.image_id
    WHERE repository.registry_id = ANY(%s) AND placement.id >= %s AND {promise} >= %s
    ORDER BY placement.id LIMIT %s
"""


def _walk(registries: Collection[int], start: int, limit: int, wanted: Wanted) -> list[Placed]:
    """The next judged placements. An image nobody has judged yet is absent: a client that waits
    for its result must not take "not yet" for one."""
    walk = _WALK.format(promise=wanted.promise)
    rows = _fetch(walk, [list(registries), start, int(wanted.chosen), limit])
    return [Placed(*row) for row in rows]


def _enough(walked: Iterable[Placed], resumed: int, size: int) -> Iterator[Placed]:
    """Placements until their findings fill more than a page. How much is left of the one that the
    page before ended in is not known, so it counts nothing."""
    promised = 0
    for one in walked:
        if promised > size:
            return
        promised += max(one.findings, 1) if one.placement != resumed else 0
        yield one


def _rows(
    placed: Collection[Placed], after: Key, limit: int, wanted: Wanted
) -> list[tuple[Key, Found | None]]:
    """Of these placements at most `limit` rows after `after`, in the order of their keys."""
    quiet = [] if wanted.chosen else [one for one in placed if not _unhealthy(one)]
    verdicts = [(Key(one.placement), None) for one in quiet]
    loud = placed if wanted.chosen else [*filter(_unhealthy, placed)]
    found = [(row.key, row) for row in _found(loud, after, limit, wanted)]
    rows = sorted([*verdicts, *found], key=itemgetter(0))
    return [row for row in rows if row[0] > after][:limit]


def _unhealthy(placed: Placed) -> bool:
    return placed.state == ImageVerdict.State.UNHEALTHY


_JOIN = "JOIN findings_vulnerability vulnerability ON vulnerability.id = finding.vulnerability_id"
_FOUND = """
    WITH page AS (
        SELECT placed.id AS placement_id, finding.package_id, finding.vulnerability_id,
               max(finding.severity) AS severity, max(finding.fixed_version) AS fixed_version,
               max(finding.fix_state) AS fix_state,
               min(finding.inventory_id) AS inventory_id
        FROM unnest(%(placements)s::bigint[], %(images)s::bigint[]) AS placed (id, image_id)
        JOIN scans_reportinventory held ON held.report_id = placed.image_id
        JOIN findings_finding finding ON finding.inventory_id = held.inventory_id
        {join}
        WHERE {condition} AND (placed.id, finding.package_id, finding.vulnerability_id)
            > (%(placement)s, %(package)s, %(vulnerability)s)
        GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 LIMIT %(limit)s
    )
    SELECT page.placement_id, page.package_id, page.vulnerability_id, page.severity,
           page.fixed_version, page.fix_state, vulnerability.name,
           vulnerability.known_exploited_on, vulnerability.ransomware, vulnerability.epss,
           vulnerability.epss_percentile, package.name, package.version,
           package.source_name, package.type, package.ecosystem, match.advisory_id,
           page.inventory_id,
           (SELECT min(entry.path) FROM scans_inventorypackage entry
            WHERE entry.inventory_id = page.inventory_id
              AND entry.package_id = page.package_id)
    FROM page
    JOIN findings_vulnerability vulnerability ON vulnerability.id = page.vulnerability_id
    JOIN scans_package package ON package.id = page.package_id
    LEFT JOIN findings_packagematch match
        ON match.package_id = page.package_id AND match.vulnerability_id = page.vulnerability_id
    ORDER BY 1, 2, 3
"""


def _found(placed: Collection[Placed], after: Key, limit: int, wanted: Wanted) -> list[Found]:
    parameters = {
        "placements": [one.placement for one in placed],
        "images": [one.image for one in placed],
        "limit": limit,
        "epss": wanted.epss,
        **after._asdict(),
    }
    return [Found(*row) for row in _fetch(_FOUND.format(**_sql(wanted)), parameters)]


def _sql(wanted: Wanted) -> dict[str, str]:
    """A vulnerability is only looked at where something is asked of it."""
    of_vulnerability = wanted.exploited or wanted.epss
    return {"condition": wanted.condition, "join": _JOIN if of_vulnerability else ""}


def _page(
    rows: list[tuple[Key, Found | None]], placed: Iterable[Placed], after: Key | None
) -> Page:
    found = [row for _, row in rows if row]
    return Page(
        rows,
        {one.placement: one for one in placed},
        _advisories({row.advisory for row in found if row.advisory}),
        _known({row.vulnerability_id for row in found}),
        _managers({row.inventory for row in found}),
        after,
    )


def _advisories(ids: Collection[int]) -> dict[int, dict]:
    rows = Advisory.objects.filter(pk__in=ids).values("pk", "name", "summary", "references")
    # One character more than is shown, so that an excerpt can say that it is one.
    rows = rows.annotate(prose=Left("details", MAX_PROSE + 1))
    return {row["pk"]: row for row in rows}


_KNOWN = """
    SELECT vulnerability.id,
           array(SELECT alias.name FROM findings_vulnerabilityalias alias
                 WHERE alias.vulnerability_id = vulnerability.id ORDER BY alias.name),
           array(SELECT DISTINCT vector.text
                 FROM findings_advisory advisory
                 CROSS JOIN jsonb_array_elements_text(advisory.cvss_vectors) vector (text)
                 WHERE advisory.vulnerability_id = vulnerability.id
                   AND advisory.withdrawn_at IS NULL),
           said.published_at, said.cvss_v2, said.cvss_v3, said.cvss_v4
    FROM findings_vulnerability vulnerability
    CROSS JOIN LATERAL (
        SELECT min(published_at) AS published_at, max(cvss_v2) AS cvss_v2,
               max(cvss_v3) AS cvss_v3, max(cvss_v4) AS cvss_v4
        FROM findings_advisory advisory
        WHERE advisory.vulnerability_id = vulnerability.id AND advisory.withdrawn_at IS NULL
    ) said
    WHERE vulnerability.id = ANY(%s)
"""


def _known(vulnerabilities: Collection[int]) -> dict[int, Known]:
    known = {}
    for number, names, vectors, published_at, *scores in _fetch(_KNOWN, [list(vulnerabilities)]):
        given = zip(("2.0", "3.0", "4.0"), scores, strict=True)
        cvss = {version: score for version, score in given if score is not None}
        known[number] = Known(names, published_at, cvss, vectors)
    return known


# All packages of a distribution are one set, so its package manager is in the same.
_MANAGERS = """
    SELECT entry.inventory_id, array_agg(DISTINCT package.name)
    FROM scans_inventorypackage entry
    JOIN scans_package package ON package.id = entry.package_id
    WHERE entry.inventory_id = ANY(%s) AND package.name = ANY(%s)
    GROUP BY entry.inventory_id
"""


def _managers(inventories: Collection[int]) -> dict[int, list[str]]:
    return dict(_fetch(_MANAGERS, [list(inventories), list(MANAGER_PACKAGES)]))


def _fetch(query: str, parameters) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchall()
