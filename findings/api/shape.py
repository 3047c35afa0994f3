"""Values to JSON: a sub-assessment as clients of Microsoft.Security read it.

The shape is that of api-version 2019-01-01-preview and 2020-01-01, additional data of the kind
ContainerRegistryVulnerability.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

from findings import recommendations
from findings.api.rows import MAX_PROSE, Found, Known, Page, Placed
from findings.commands import manager_of
from findings.impact import explain
from findings.models import FixState, ImageVerdict
from findings.reasons import REASONS, UNNAMED
from findings.remediation import remediate
from findings.severity import outside
from findings.subassessments import Key, pack
from registries.resource_ids import RegistryResource

TYPE = "Microsoft.Security/assessments/subAssessments"
MAX_REFERENCES = 50


def subassessments(page: Page, registries: Mapping[int, RegistryResource]) -> Iterator[dict]:
    for key, found in page.rows:
        placed = page.placed[key.placement]
        registry = registries[placed.registry]
        properties = _finding(found, placed, page) if found else _verdict(placed)
        additional = properties.pop("additionalData", {})
        yield {
            "id": _resource_id(registry, key),
            "name": pack(key),
            "type": TYPE,
            "properties": {
                **properties,
                "timeGenerated": _time(placed.evaluated_at),
                "resourceDetails": {
                    "source": "Azure",
                    "id": f"repositories/{placed.repository}/images/{placed.digest}",
                },
                "additionalData": {
                    "assessedResourceType": "ContainerRegistryVulnerability",
                    "type": "Vulnerability",
                    "registryHost": _host(registry),
                    "repositoryName": placed.repository,
                    "imageDigest": placed.digest,
                    **additional,
                },
            },
        }


def _resource_id(registry: RegistryResource, key: Key) -> str:
    assessment = f"providers/Microsoft.Security/assessments/{recommendations.KEY}"
    return f"{registry.resource_id}/{assessment}/subAssessments/{pack(key)}"


def _host(registry: RegistryResource) -> str:
    """What stands before the repository in a reference; a folder has no host, but a name."""
    return urlsplit(registry.location).netloc.rpartition("@")[2] or registry.name


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _verdict(placed: Placed) -> dict:
    if placed.state == ImageVerdict.State.HEALTHY:
        return {
            "id": placed.state,
            "displayName": "No known vulnerability",
            "status": {
                "code": "Healthy",
                "cause": "",
                "description": _sentences(
                    "None of the image's packages has a known vulnerability.", _kernels(placed)
                ),
            },
            "remediation": "",
            "impact": "",
            "category": "",
            "description": "Every package of this image was read and judged.",
        }
    reason = REASONS.get(placed.reason, UNNAMED)
    return {
        "id": placed.reason or placed.state,
        "displayName": f"Not verified: {reason.title}",
        "status": {
            "code": "NotApplicable",
            "cause": placed.reason,
            "description": placed.detail or reason.title,
        },
        "remediation": reason.advice,
        "impact": "Whether this image has vulnerabilities is not known.",
        "category": "",
        "description": placed.detail or reason.title,
    }


def _kernels(placed: Placed) -> str:
    if not placed.uncounted:
        return ""
    return f"{placed.uncounted} findings of kernel packages do not count in a container."


_NOTHING_KNOWN = Known(names=[], published_at=None, cvss={}, vectors=[])


def _finding(found: Found, placed: Placed, page: Page) -> dict:
    advisory = page.advisories.get(found.advisory, {})
    known = page.known.get(found.vulnerability_id, _NOTHING_KNOWN)
    said = explain(known.vectors)
    return {
        "id": found.vulnerability,
        "displayName": advisory.get("summary") or found.vulnerability,
        "status": {
            "code": "Unhealthy",
            "cause": placed.reason,
            "severity": outside(found.severity),
            "description": ". ".join(filter(None, ("The resource is unhealthy", placed.detail))),
        },
        "remediation": _remediation(found, page.managers.get(found.inventory, [])),
        "impact": _sentences(
            f"{found.package} {found.version} in this image is affected.", said.impact
        ),
        "category": found.ecosystem,
        "description": _excerpt(advisory.get("prose", "")) or advisory.get("summary", ""),
        "additionalData": {
            "cvss": {version: {"base": float(base)} for version, base in known.cvss.items()},
            **({"threat": said.threat} if said.threat else {}),
            "patchable": bool(found.fixed_version),
            "fixStatus": "FixAvailable" if found.fixed_version else _FIX_STATUS[found.fix_state],
            "fixedVersion": found.fixed_version,
            **_exploitation(found),
            "cve": _cves({found.vulnerability, *known.names}),
            **({"publishedTime": _time(known.published_at)} if known.published_at else {}),
            "vendorReferences": _references(advisory.get("references", [])),
        },
    }


# The words of softwareDetails.fixStatus in the later shape; a fix whose version nobody says is no
# help.
_FIX_STATUS = {
    FixState.FIXED: "Unknown",
    FixState.NOT_YET: "NoFixAvailable",
    FixState.WONT_FIX: "WontFix",
    FixState.UNKNOWN: "Unknown",
}


def _exploitation(found: Found) -> dict:
    since = found.known_exploited_on
    return {
        "knownExploited": bool(since),
        **({"knownExploitedSince": f"{since}", "ransomware": found.ransomware} if since else {}),
        **(
            {"epss": {"score": found.epss, "percentile": found.epss_percentile}}
            if found.epss is not None
            else {}
        ),
    }


def _sentences(*said: str) -> str:
    return " ".join(filter(None, said))


def _remediation(found: Found, present: Collection[str]) -> str:
    advice = remediate(
        found.type,
        found.package,
        found.source,
        found.fixed_version,
        found.path or "",
        manager_of(found.type, present),
        found.fix_state,
    )
    return "\n".join(filter(None, (advice.sentence, advice.command, advice.rebuild)))


def _excerpt(prose: str) -> str:
    return prose if len(prose) <= MAX_PROSE else f"{prose[:MAX_PROSE]}…"


def _cves(names: set[str]) -> list[dict]:
    return [
        {"title": name, "link": f"https://nvd.nist.gov/vuln/detail/{name}"}
        for name in sorted(names)
        if name.startswith("CVE-")
    ]


def _references(references: list[dict]) -> list[dict]:
    """Links of the advisory; what is no web address (an advisory may say anything) is left out."""
    urls = [str(reference.get("url", "")) for reference in references[:MAX_REFERENCES]]
    return [{"title": url, "link": url} for url in urls if url.startswith(("https://", "http://"))]
