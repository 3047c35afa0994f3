"""Why a vulnerability is, or is not, reported for an image: gather the facts, and explain them.

A fixed number of queries, whatever the image holds.
"""

from collections.abc import Collection, Iterable

from django.db.models import Exists, OuterRef, QuerySet

from findings import explanation, vulnerabilities
from findings.explanation import Explanation, Facts
from findings.images import inventories_of, proofs
from findings.models import (
    Advisory,
    Affected,
    FeedEcosystem,
    Finding,
    ImageVerdict,
    PackageMatch,
    Vulnerability,
)
from registries.models import Image
from scans.models import ImageLayer, InventoryPackage, Report, Scan
from scans.owned import owned_packages

MOST_ADVISORIES = 1_000
MOST_NAMES = 5_000
MOST_ENTRIES = 1_000
MOST_RANGES = 10_000
MOST_FINDINGS = 1_000
MOST_PLACES = 10  # of one package
LONGEST_NAME = 200


def explain(image: Image, asked: str) -> Explanation:
    """`asked` is any id of the vulnerability, in any letters."""
    asked = asked.replace("\0", "").strip()[:LONGEST_NAME]
    report = Report.objects.filter(pk=image.pk).first()
    vulnerability = vulnerabilities.named(asked) if asked else None
    spoken = tuple(FeedEcosystem.objects.values_list("ecosystem", flat=True).distinct())
    facts = Facts(asked=asked, image=_image(image, report), spoken=spoken)
    if vulnerability is None:
        return explanation.explain(facts)
    return explanation.explain(_with_what_is_known(facts, image, report, vulnerability))


def _image(image: Image, report: Report | None) -> explanation.Image:
    if report is None:
        return explanation.Image(image.digest, scanned=False)
    unread = report.result == Scan.Result.UNVERIFIED
    return explanation.Image(
        digest=image.digest,
        judged=ImageVerdict.objects.filter(pk=image.pk, scanned_at__gte=report.scanned_at).exists(),
        reason=report.reason if unread else "",
        detail=report.detail if unread else "",
        distribution=report.distro_name,
        packages=report.package_count,
        unread_files=report.unread_count,
    )


def _with_what_is_known(
    facts: Facts, image: Image, report: Report | None, vulnerability: Vulnerability
) -> Facts:
    advisories = list(
        vulnerability.advisories.select_related("feed")
        .only("name", "modified_at", "withdrawn_at", "feed__name", "vulnerability_id")
        .order_by("-modified_at", "name")[:MOST_ADVISORIES]
    )
    affected = Affected.objects.filter(advisory__vulnerability=vulnerability)
    named = tuple(affected.values_list("ecosystem", "name").distinct()[:MOST_NAMES])
    packages = _packages(image.pk, vulnerability)
    ranges = affected.filter(name__in={package.key_name for package in packages})
    findings = _findings(image.pk, vulnerability)
    return Facts(
        **{
            **vars(facts),
            "vulnerability": vulnerability.name,
            "aliases": tuple(
                vulnerability.aliases.exclude(name=vulnerability.name)
                .order_by("name")
                .values_list("name", flat=True)
            ),
            "in_force": sum(advisory.withdrawn_at is None for advisory in advisories),
            "withdrawals": tuple(
                explanation.Withdrawal(each.name, each.feed.name, each.withdrawn_at)
                for each in advisories
                if each.withdrawn_at
            ),
            "named": named,
            "packages": tuple(packages),
            "ranges": tuple(_ranges(ranges.order_by("pk")[:MOST_RANGES], advisories)),
            "findings": tuple(_open(findings, vulnerability)),
            "closed": tuple(_closed(findings)),
            "owned": tuple(_owned(report, {name for _, name in named})),
        }
    )


def _packages(image_id: int, vulnerability: Vulnerability) -> list[explanation.Package]:
    """The image's packages that some advisory names, or that have or had a finding of it, each with
    its places: two queries."""
    entries = InventoryPackage.objects.filter(inventory__in=inventories_of(image_id))
    named = Affected.objects.filter(
        advisory__vulnerability=vulnerability, name=OuterRef("package__match_key__name")
    )
    found = Finding.objects.filter(
        vulnerability=vulnerability,
        inventory=OuterRef("inventory"),
        package=OuterRef("package"),
        closed_at=None,
    )
    entries = entries.filter(Exists(named) | Exists(found))
    rows = list(
        entries.select_related("package__match_key", "layer")
        .defer("layer__record")
        .order_by("package__name", "package__version", "package_id", "path")[:MOST_ENTRIES]
    )
    steps = dict(
        ImageLayer.objects.filter(report=image_id, digest__in={row.layer.digest for row in rows})
        .order_by("-position")
        .values_list("digest", "created_by")
    )
    of_package: dict[int, list[InventoryPackage]] = {}
    for row in rows:
        of_package.setdefault(row.package_id, []).append(row)
    return [_package(entries, steps) for entries in of_package.values()]


def _package(entries: list[InventoryPackage], steps: dict[str, str]) -> explanation.Package:
    package = entries[0].package
    key = getattr(package, "match_key", None)
    own = key is None or key.name != package.source_name
    return explanation.Package(
        id=package.pk,
        ecosystem=key.ecosystem if key else package.ecosystem,
        name=package.name,
        version=package.version,
        key_name=key.name if key else package.name,
        compared=package.version if own else package.source_version or package.version,
        key=bytes(key.key) if key and key.key is not None else None,
        type=package.type,
        flavour=key.flavour if key else "",
        source_name=package.source_name,
        source_version=package.source_version,
        places=tuple(
            explanation.Place(row.path, row.layer.digest, steps.get(row.layer.digest, ""))
            for row in entries[:MOST_PLACES]
        ),
    )


def _ranges(rows: Iterable[Affected], advisories: Collection[Advisory]):
    by_id = {advisory.pk: advisory for advisory in advisories}
    for row in rows:
        if advisory := by_id.get(row.advisory_id):
            yield explanation.Range(
                advisory=advisory.name,
                feed=advisory.feed.name,
                modified=advisory.modified_at,
                withdrawn=advisory.withdrawn_at,
                ecosystem=row.ecosystem,
                name=row.name,
                low=bytes(row.low),
                high=None if row.high is None else bytes(row.high),
                introduced=row.introduced,
                fixed=row.fixed,
                last_affected=row.last_affected,
                flavour=row.flavour,
                unreadable=row.unreadable,
            )


def _findings(image_id: int, vulnerability: Vulnerability) -> list[Finding]:
    found = Finding.objects.filter(
        inventory__in=inventories_of(image_id), vulnerability=vulnerability
    )
    return list(found.select_related("package").order_by("package__name", "pk")[:MOST_FINDINGS])


def _open(findings: list[Finding], vulnerability: Vulnerability):
    standing = {finding.package_id: finding for finding in findings if not finding.closed_at}
    matches = {match.package_id: match for match in _matches(standing, vulnerability)}
    for finding in standing.values():
        match = matches.get(finding.package_id)
        yield explanation.Finding(
            package=finding.package_id,
            severity=finding.get_severity_display(),
            counted=finding.counted,
            opened_at=finding.opened_at,
            proof=_proof(match, finding.package.ecosystem) if match else None,
        )


def _matches(packages: Collection[int], vulnerability: Vulnerability) -> QuerySet[PackageMatch]:
    return proofs(packages, {vulnerability.pk}).defer("advisory__details")


def _proof(match: PackageMatch, ecosystem: str) -> explanation.Range:
    return explanation.Range(
        advisory=match.advisory.name,
        feed=match.advisory.feed.name,
        modified=match.advisory.modified_at,
        withdrawn=match.advisory.withdrawn_at,
        ecosystem=ecosystem,
        name="",
        low=b"",
        high=None,
        introduced=match.introduced,
        fixed=match.fixed_version,
        last_affected=match.last_affected,
    )


def _closed(findings: list[Finding]):
    """Of packages that have no open one."""
    standing = {finding.package_id for finding in findings if not finding.closed_at}
    for finding in findings:
        if finding.closed_at and finding.package_id not in standing:
            yield explanation.Closed(
                name=finding.package.name,
                version=finding.package.version,
                at=finding.closed_at,
                cause=finding.get_closed_cause_display(),
            )


def _owned(report: Report | None, names: Collection[str]):
    if report and report.owned_count:
        for owned in owned_packages(report.pk, names):
            yield explanation.Owned(owned.name, owned.version, owned.path, owned.owner)
