"""How bad: one scale of five, from a distribution's own word or from CVSS vectors.

The numbers are those of `findings.models.Severity`, so that they sort and aggregate in SQL.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Protocol

from cvss import CVSS2, CVSS3, CVSS4, CVSSError

UNKNOWN, LOW, MEDIUM, HIGH, CRITICAL = range(5)
NAMES = ("unknown", "low", "medium", "high", "critical")

# A vector with every metric of its version set is about 200 characters long.
MAX_VECTOR = 400

_WORDS = {
    "unimportant": LOW,
    "negligible": LOW,
    "low": LOW,
    "medium": MEDIUM,
    "moderate": MEDIUM,
    "high": HIGH,
    "important": HIGH,
    "critical": CRITICAL,
}


class Rated(Protocol):
    """What of an advisory tells how bad it is; `findings.feeds.osv.Record` is one."""

    @property
    def cvss(self) -> tuple[str, ...]: ...
    @property
    def distribution_severity(self) -> int: ...
    @property
    def database_severity(self) -> int: ...


@dataclass(frozen=True)
class Assessment:
    """A severity, its source ("distribution", "cvss", "database", or "" for unknown), and the
    base scores by version of CVSS."""

    severity: int
    source: str
    v2: Decimal | None = None
    v3: Decimal | None = None
    v4: Decimal | None = None

    @property
    def cvss(self) -> Decimal | None:
        """The score to show: version 3, which most records and readers have, then 4, then 2."""
        return next((score for score in (self.v3, self.v4, self.v2) if score is not None), None)


def assess(record: Rated) -> Assessment:
    """The distribution's own word, else CVSS, else the database's (GitHub's "MODERATE")."""
    scores = _scores(record.cvss)
    candidates = (
        (record.distribution_severity, "distribution"),
        (from_vectors(record.cvss), "cvss"),
        (record.database_severity, "database"),
    )
    severity, source = next((c for c in candidates if c[0] != UNKNOWN), (UNKNOWN, ""))
    return Assessment(severity, source, **scores)


def from_vectors(vectors: Iterable[str]) -> int:
    """The band of the preferred version's score (first.org, qualitative rating scale)."""
    scores = _scores(vectors)
    version = next((version for version in ("v3", "v4", "v2") if version in scores), None)
    return UNKNOWN if version is None else _band(scores[version], has_critical=version != "v2")


def _band(score: Decimal, *, has_critical: bool) -> int:
    """A score of 0.0 is known to be harmless, so low and not unknown."""
    if score >= 9 and has_critical:
        return CRITICAL
    return HIGH if score >= 7 else MEDIUM if score >= 4 else LOW


def _scores(vectors: Iterable[str]) -> dict[str, Decimal]:
    """The highest score of each version; a vector that cannot be read counts for nothing."""
    best: dict[str, Decimal] = {}
    for read in filter(None, map(read_vector, vectors)):
        best[read.version] = max(read.score, best.get(read.version, read.score))
    return best


@dataclass(frozen=True)
class Vector:
    """A CVSS vector as read: "v2", "v3" or "v4", its base score, and its metrics by their keys."""

    version: str
    score: Decimal
    metrics: Mapping[str, str]


@lru_cache(maxsize=10_000)  # most records share a few thousand vectors
def read_vector(vector: str) -> Vector | None:
    """None where it is malformed, unreasonably long, or of a version nobody knows."""
    if vector.startswith("CVSS:3."):
        version, reader = "v3", CVSS3
    elif vector.startswith("CVSS:4."):
        version, reader = "v4", CVSS4
    else:
        version, reader, vector = "v2", CVSS2, vector.strip("()")
    if len(vector) > MAX_VECTOR:
        return None
    try:
        read = reader(vector)
    except CVSSError:
        return None
    return Vector(version, Decimal(str(read.base_score)), dict(read.metrics))


def from_word(word: str) -> int:
    """A word of Debian ("low**"), Ubuntu, Red Hat and its kin, or GitHub; unknown for the rest."""
    return _WORDS.get(word.strip().rstrip("*").lower(), UNKNOWN)


def outside(severity: int) -> str:
    """The three-value scale of clients: critical is High there.

    They have no value for unknown, and the least alarming one is Low: the finding still shows,
    and inside it stays unknown.
    """
    return ("Low", "Low", "Medium", "High", "High")[severity]
