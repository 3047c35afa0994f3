"""What to do about an image: upgrades, a newer base, and what has to wait; each with how much it
closes. A fixed number of queries, whatever the image holds."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from django.db import connection

from findings.bases import Base, base_of, findings_of
from findings.commands import MANAGER_PACKAGES
from findings.images import inventories_of
from findings.models import ABOUT, Finding, ImageVerdict
from findings.upgrades import Counts, Flaw, Interval, Upgrades, closing_version, plan
from registries.models import Image
from scans.models import InventoryPackage

MOST_PATHS = 200  # of one package


@dataclass(frozen=True)
class Rebuild:
    """What building the image again on the newer base would close, and what it would open."""

    closes: Counts
    opens: Counts


@dataclass(frozen=True)
class Plan:
    """`findings` are all that count. `end_of_life` is the last day on which the distribution got
    security fixes, once that is past: upgrades will not come any more."""

    findings: Counts
    upgrades: Upgrades
    base: Base | None
    rebuild: Rebuild | None
    end_of_life: date | None


def plan_for(user, image: Image) -> Plan:
    """The base is looked for among the images that the user sees."""
    found = list(
        Finding.objects.filter(inventory__in=inventories_of(image.pk))
        .open()
        .select_related("package", "vulnerability")
        .order_by("package__name", "vulnerability__name", "pk")
    )
    base = base_of(user, image.pk)
    places = places_of(image.pk, {finding.package_id for finding in found})
    fixed = closing_versions(found)
    layers = base.layers if base else frozenset()
    flaws = [_flaw(finding, places, fixed, layers) for finding in found]
    verdict = ImageVerdict.objects.filter(pk=image.pk).only("end_of_life").first()
    return Plan(
        findings=Counts.of(flaw.severity for flaw in flaws),
        upgrades=plan(flaws, managers_of(image.pk)),
        base=base,
        rebuild=_rebuild(found, flaws, base),
        end_of_life=verdict.end_of_life if verdict else None,
    )


def managers_of(image_id: int) -> frozenset[str]:
    """The packages of the image that are package managers: one query."""
    entries = InventoryPackage.objects.filter(
        inventory__in=inventories_of(image_id), package__name__in=MANAGER_PACKAGES
    )
    return frozenset(entries.values_list("package__name", flat=True))


def closing_versions(findings: Collection[Finding]) -> dict[int, str]:
    """The smallest version that closes each finding, by its id, over all advisories on its
    vulnerability; "" where no version does: one query."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT finding.id, k.key, f.low, f.high, f.fixed
            FROM findings_finding finding
            JOIN findings_packagekey k ON k.package_id = finding.package_id AND k.key IS NOT NULL
            JOIN findings_affected f ON {ABOUT}
            JOIN findings_advisory a ON a.id = f.advisory_id AND a.withdrawn_at IS NULL
                AND a.vulnerability_id = finding.vulnerability_id
            WHERE finding.id = ANY(%s)
            """,
            [[finding.pk for finding in findings]],
        )
        ranges: dict[tuple[int, bytes], list[Interval]] = defaultdict(list)
        for finding, key, low, high, fixed in cursor.fetchall():
            end = None if high is None else bytes(high)
            ranges[finding, bytes(key)].append(Interval(bytes(low), end, fixed))
    closing = {finding: closing_version(key, of) for (finding, key), of in ranges.items()}
    # Of what is being judged again just now, what was found before is told.
    return {finding.pk: closing.get(finding.pk, finding.fixed_version) for finding in findings}


def places_of(
    image_id: int, packages: Collection[int]
) -> dict[tuple[int, int], list[tuple[str, str]]]:
    """The paths and layers of these packages, by set and package: one query."""
    entries = InventoryPackage.objects.filter(
        inventory__in=inventories_of(image_id), package__in=packages
    )
    found: dict[tuple[int, int], list[tuple[str, str]]] = defaultdict(list)
    for inventory, package, path, layer in entries.order_by("path").values_list(
        "inventory_id", "package_id", "path", "layer__digest"
    ):
        if len(found[inventory, package]) < MOST_PATHS:
            found[inventory, package].append((path, layer))
    return found


def _flaw(
    finding: Finding,
    places: Mapping[tuple[int, int], list[tuple[str, str]]],
    fixed: Mapping[int, str],
    base: frozenset[str],
) -> Flaw:
    package = finding.package
    at = places.get((finding.inventory_id, finding.package_id), [])
    return Flaw(
        type=package.type,
        ecosystem=package.ecosystem,
        name=package.name,
        version=package.version,
        severity=finding.severity,
        vulnerability=finding.vulnerability.name,
        source_name=package.source_name,
        fixed=fixed[finding.pk],
        fix_state=finding.fix_state,
        paths=tuple(path for path, _ in at),
        base=bool(at) and all(layer in base for _, layer in at),
    )


def _rebuild(found: Iterable[Finding], flaws: Iterable[Flaw], base: Base | None) -> Rebuild | None:
    """By what the newer base has: a package of the base has there what it has there."""
    if base is None or base.newer is None:
        return None
    newer = findings_of(base.newer.image_id)
    pairs = list(zip(found, flaws, strict=True))
    here = {(flaw.name, finding.vulnerability_id) for finding, flaw in pairs}
    return Rebuild(
        closes=Counts.of(
            flaw.severity
            for finding, flaw in pairs
            if flaw.base and (flaw.name, finding.vulnerability_id) not in newer
        ),
        opens=Counts.of(severity for key, severity in newer.items() if key not in here),
    )
