"""Read-only questions about one vulnerability: what is known of it, and where it occurs."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import F, QuerySet

from findings.images import holding, in_full
from findings.impact import Impact, explain
from findings.models import (
    Advisory,
    Exploitation,
    Finding,
    Severity,
    Vulnerability,
    VulnerabilityAlias,
)
from registries.models import Placement

SHOWN_ELSEWHERE = 20
MOST_REFERENCES = 40

# Where the authority behind an id describes it; osv.dev knows the rest.
_PLACES = {
    "CVE": "https://nvd.nist.gov/vuln/detail/",
    "GHSA": "https://github.com/advisories/",
}


@dataclass(frozen=True)
class Name:
    """One id of a vulnerability, and where to read about it."""

    name: str
    url: str


@dataclass(frozen=True)
class Description:
    """What all advisories on a vulnerability say together; those in force before the withdrawn."""

    vulnerability: Vulnerability
    names: list[Name]
    advisories: list[Advisory]
    exploitation: Exploitation | None

    @property
    def summary(self) -> str:
        return next((a.summary for a in self.advisories if a.summary), "")

    @property
    def details(self) -> str:
        return next((a.details for a in self.advisories if a.details), "")

    @property
    def severity(self) -> Severity:
        return Severity(max((a.severity for a in self.advisories), default=Severity.UNKNOWN))

    @property
    def published_at(self) -> datetime | None:
        return min((a.published_at for a in self.advisories if a.published_at), default=None)

    @property
    def scores(self) -> list[tuple[str, Decimal]]:
        """The highest base score by version of CVSS."""
        versions = {"3": "cvss_v3", "4.0": "cvss_v4", "2.0": "cvss_v2"}
        scores = {
            version: [getattr(a, column) for a in self.advisories if getattr(a, column) is not None]
            for version, column in versions.items()
        }
        return [(version, max(found)) for version, found in scores.items() if found]

    @property
    def vectors(self) -> list[str]:
        return list(dict.fromkeys(v for a in self.advisories for v in a.cvss_vectors))

    @property
    def impact(self) -> Impact:
        """In plain sentences, from the vectors of the advisories in force."""
        in_force = (advisory for advisory in self.advisories if advisory.withdrawn_at is None)
        return explain(vector for advisory in in_force for vector in advisory.cvss_vectors)

    @property
    def references(self) -> list[str]:
        """Links of the advisories that a browser may follow."""
        urls = (r.get("url", "") for a in self.advisories for r in a.references)
        safe = dict.fromkeys(url for url in urls if url.startswith(("https://", "http://")))
        return list(safe)[:MOST_REFERENCES]


def named(name: str) -> Vulnerability | None:
    """The vulnerability that bears this id, in the letters ids are written in or any other."""
    alias = (
        VulnerabilityAlias.objects.filter(name__in={name, *_spellings(name)})
        .select_related("vulnerability")
        .first()
    )
    return alias.vulnerability if alias else None


def beginning(name: str) -> QuerySet[Vulnerability]:
    """Vulnerabilities of which an id begins so."""
    aliases = VulnerabilityAlias.objects.none()
    for spelling in _spellings(name):
        aliases |= VulnerabilityAlias.objects.filter(name__startswith=spelling)
    return Vulnerability.objects.filter(pk__in=aliases.values("vulnerability")).order_by("name")


def _spellings(name: str) -> list[str]:
    """CVE-… and most ids are in capitals; a GHSA id goes on in small letters."""
    prefix, dash, rest = name.partition("-")
    return [name.upper(), prefix.upper() + dash + rest.lower()]


def describe(vulnerability: Vulnerability) -> Description:
    """Three queries: its names, its advisories, and what is known of its exploitation."""
    names = list(vulnerability.aliases.order_by("name").values_list("name", flat=True))
    advisories = vulnerability.advisories.select_related("feed").order_by("-modified_at", "name")
    return Description(
        vulnerability,
        names=[Name(name, link(name)) for name in _cve_first(names)],
        advisories=sorted(advisories, key=lambda advisory: advisory.withdrawn_at is not None),
        exploitation=_exploitation(names),
    )


def _exploitation(names: Collection[str]) -> Exploitation | None:
    """Of several CVEs, the one known to be exploited the longest, else the likeliest."""
    known = Exploitation.objects.filter(cve__in=names)
    order = F("known_exploited_on").asc(nulls_last=True), F("epss").desc(nulls_last=True)
    return known.order_by(*order).first()


def link(name: str) -> str:
    """The public page of an id."""
    return _PLACES.get(name.partition("-")[0], "https://osv.dev/vulnerability/") + name


def _cve_first(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: (not name.startswith("CVE-"), name))


def placed(user, vulnerability_id: int) -> QuerySet[Placement]:
    """The images that have it, wherever the user may see them: one query for the package sets,
    whose number then lets the database choose well between a rare and a common vulnerability."""
    return _holding(user, Finding.objects.open().filter(vulnerability=vulnerability_id))


def in_kernels(user, vulnerability_id: int) -> int:
    """How many images have it in a kernel package, which does not count."""
    found = Finding.objects.open_kernel().filter(vulnerability=vulnerability_id)
    return _holding(user, found).values("image").distinct().count()


def _holding(user, found: QuerySet[Finding]) -> QuerySet[Placement]:
    return holding(user, set(found.values_list("inventory_id", flat=True)))


def elsewhere(user, vulnerability_id: int, placement: Placement) -> list[Placement]:
    """Some of the other places that have it, the newest first."""
    others = in_full(placed(user, vulnerability_id).exclude(pk=placement.pk))
    return list(others.order_by("-id")[:SHOWN_ELSEWHERE])
