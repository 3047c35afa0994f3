"""Findings as SARIF 2.1.0 (OASIS), for code-scanning services.

`security-severity`, the tags and the fingerprints are those that GitHub reads.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from typing import Any
from urllib.parse import quote

import orjson

from findings.remediation import remediate
from findings.severity import NAMES

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
MEDIA_TYPE = "application/sarif+json"

# What services take of one run; what is worst is kept.
MOST_RESULTS = 25_000
_MOST_LOCATIONS = 10
_LONGEST = 1_000  # characters of a text

_LEVELS = {"critical": "error", "high": "error", "medium": "warning"}
# The bands of GitHub, and what stands for a severity that no score agrees with.
_BANDS = {"critical": (9.0, 10.0), "high": (7.0, 8.9), "medium": (4.0, 6.9), "low": (0.1, 3.9)}
_SCORES = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.0"}


@dataclass(frozen=True)
class Result:
    """A finding; `places` are the files that told of its package, each with its layer."""

    vulnerability: str
    severity: int
    type: str
    package: str
    version: str
    source_name: str = ""
    purl: str = ""
    fixed: str = ""
    fix_state: str = ""
    cvss: Decimal | None = None
    advisory: str = ""
    summary: str = ""
    aliases: tuple[str, ...] = ()
    places: tuple[tuple[str, str], ...] = ()


def write(name: str, digest: str, results: Iterable[Result], link: Callable[[str], str]) -> bytes:
    """`name` is where the image stands, `link` the page of an id. The same findings make the same
    bytes."""
    ordered = sorted(
        results, key=lambda r: (-r.severity, r.vulnerability, r.package, r.version, r.places)
    )
    kept = ordered[:MOST_RESULTS]
    rules: dict[str, list[Result]] = {}
    for result in kept:
        rules.setdefault(result.vulnerability, []).append(result)
    index = {rule: number for number, rule in enumerate(rules)}
    run = {
        "tool": {
            "driver": {
                "name": "Vigie",
                "rules": [_rule(rule, of, link) for rule, of in rules.items()],
            }
        },
        "originalUriBaseIds": {"IMAGE": {"uri": "file:///"}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(name, result, index[result.vulnerability]) for result in kept],
        "properties": {
            "imageName": name,
            "imageDigest": digest,
            "leftOut": len(ordered) - len(kept),
        },
    }
    return orjson.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(name: str, results: Sequence[Result], link: Callable[[str], str]) -> dict[str, Any]:
    worst = max(results, key=lambda result: result.severity)
    summary = next((result.summary for result in results if result.summary), "") or name
    score = _score(worst)
    return {
        "id": name,
        "name": name,
        "shortDescription": {"text": _cut(f"{name} in {worst.package}")},
        "fullDescription": {"text": _cut(summary)},
        "helpUri": quote(link(name), safe=":/"),
        "help": {"text": _cut(f"{summary}\n{_help(worst)}")},
        "defaultConfiguration": {"level": _level(worst)},
        "properties": {
            "tags": ["security", "vulnerability", NAMES[worst.severity]],
            "precision": "very-high",
            **({"security-severity": score} if score else {}),
            **({"aliases": list(worst.aliases)} if worst.aliases else {}),
        },
    }


def _result(name: str, result: Result, index: int) -> dict[str, Any]:
    return {
        "ruleId": result.vulnerability,
        "ruleIndex": index,
        "level": _level(result),
        "message": {"text": _cut(_message(name, result))},
        "locations": [_location(name, result, path) for path, _ in _places(result)],
        "partialFingerprints": {"vigie/v1": _fingerprint(result)},
        "properties": {
            "packageType": result.type,
            "packageName": result.package,
            "installedVersion": result.version,
            "fixedVersion": result.fixed,
            "fixState": result.fix_state,
            "purl": result.purl,
            "advisory": result.advisory,
            "severity": NAMES[result.severity],
            "layers": sorted({layer for _, layer in result.places if layer}),
            **({"cvss": float(result.cvss)} if result.cvss is not None else {}),
        },
    }


def _places(result: Result) -> Sequence[tuple[str, str]]:
    return result.places[:_MOST_LOCATIONS] or (("", ""),)


def _location(name: str, result: Result, path: str) -> dict[str, Any]:
    """A path inside an archive is the archive's; without any, the image stands for the file."""
    outermost = path.partition("!/")[0].lstrip("/") or name
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(outermost), "uriBaseId": "IMAGE"},
            "region": {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1},
        },
        "message": {"text": _cut(f"/{path}: {result.package}@{result.version}")},
    }


def _message(name: str, result: Result) -> str:
    found = f"{result.package} {result.version} in {name} has {result.vulnerability}"
    return f"{found} ({NAMES[result.severity]}). {_help(result)}"


def _help(result: Result) -> str:
    path = result.places[0][0] if result.places else ""
    return remediate(
        result.type,
        result.package,
        result.source_name,
        result.fixed,
        path,
        fix_state=result.fix_state,
    ).sentence


def _level(result: Result) -> str:
    return _LEVELS.get(NAMES[result.severity], "note")


def _score(result: Result) -> str:
    """The score where it says the same as the severity, which a distribution may rate itself."""
    severity = NAMES[result.severity]
    if severity not in _BANDS:
        return ""
    low, high = _BANDS[severity]
    if result.cvss is not None and low <= float(result.cvss) <= high:
        return f"{result.cvss:.1f}"
    return _SCORES[severity]


def _fingerprint(result: Result) -> str:
    """The same finding keeps it from image to image: the version and the layer are not in it."""
    path = result.places[0][0] if result.places else ""
    told = "\0".join((result.vulnerability, result.type, result.package, path))
    return blake2b(told.encode(), digest_size=16).hexdigest()


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
