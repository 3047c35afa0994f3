"""The findings of an image as SARIF."""

from django.db.models import F

from findings import sarif
from findings.actions import closing_versions, places_of
from findings.images import findings_of, with_matches
from findings.models import Finding, PackageMatch, VulnerabilityAlias
from findings.vulnerabilities import link
from registries.models import Placement
from scans.sboms import name_of

MOST_FINDINGS = 100_000


def export(placement: Placement) -> bytes:
    """Of the open findings that count: five queries."""
    image = placement.image
    found = list(findings_of(image.pk).open().order_by("pk")[:MOST_FINDINGS])
    places = places_of(image.pk, {finding.package_id for finding in found})
    fixed = closing_versions(found)
    aliases = _aliases({finding.vulnerability_id for finding in found})
    results = [
        _result(
            finding,
            match,
            fixed[finding.pk],
            tuple(places.get((finding.inventory_id, finding.package_id), ())),
            aliases.get(finding.vulnerability_id, ()),
        )
        for finding, match in with_matches(found)
    ]
    return sarif.write(name_of(placement), image.digest, results, link)


def _aliases(vulnerabilities: set[int]) -> dict[int, tuple[str, ...]]:
    rows = VulnerabilityAlias.objects.filter(vulnerability__in=vulnerabilities).order_by("name")
    found: dict[int, tuple[str, ...]] = {}
    others = rows.exclude(name=F("vulnerability__name"))
    for vulnerability, name in others.values_list("vulnerability_id", "name"):
        found[vulnerability] = (*found.get(vulnerability, ()), name)
    return found


def _result(
    finding: Finding,
    match: PackageMatch | None,
    fixed: str,
    places: tuple[tuple[str, str], ...],
    aliases: tuple[str, ...],
) -> sarif.Result:
    package = finding.package
    return sarif.Result(
        vulnerability=finding.vulnerability.name,
        severity=finding.severity,
        type=package.type,
        package=package.name,
        version=package.version,
        source_name=package.source_name,
        purl=package.purl,
        fixed=fixed,
        fix_state=finding.fix_state,
        cvss=match.cvss if match else None,
        advisory=match.advisory.name if match else "",
        summary=match.advisory.summary if match else "",
        aliases=aliases,
        places=places,
    )
