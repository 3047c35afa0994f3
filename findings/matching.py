"""Which packages have which vulnerabilities: what means the same, and which proof counts.

`match` does in memory what `findings.evaluation` does in SQL, with the same keys and flavours and
the same `low <= key < high`; it serves `manage.py scan`, which has no database.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from findings.feeds.osv import AffectedRange, Record
from findings.keys import ANY_STREAM, MatchKey, match_key
from findings.severity import UNKNOWN, Assessment, assess

# A record that claims more names is not believed: it could pour everything into one finding.
MAX_CLUSTER = 20

_CVE = re.compile(r"CVE-([0-9]+)-([0-9]+)")


class Package(Protocol):
    """What is judged; `scans.coalesce.Placed` is one."""

    @property
    def type(self) -> str: ...
    @property
    def ecosystem(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def source_name(self) -> str: ...
    @property
    def source_version(self) -> str: ...
    @property
    def module(self) -> str: ...


@dataclass(frozen=True)
class Match:
    """One package (its place in the sequence given) has one vulnerability, and the proof.
    `fix_state` is one of `findings.models.FixState`; `kernel` says whose the package is."""

    package: int
    vulnerability: str
    aliases: tuple[str, ...]
    advisory: str
    severity: int
    cvss: Decimal | None
    introduced: str
    fixed_version: str
    last_affected: str
    fix_state: str = ""
    kernel: bool = False
    summary: str = ""


@dataclass(frozen=True)
class Judgement:
    """What `match` found: matches by package and name, the packages of unknown version that some
    advisory names, and those that one names in a range nobody can read. Kernels are in neither of
    the last two."""

    matches: tuple[Match, ...]
    unknown: tuple[int, ...]
    uncertain: tuple[int, ...] = ()


def preferred_name(ids: Iterable[str]) -> str:
    """The oldest CVE, else the first GHSA, else the first id: the same whatever the order."""
    return min(ids, key=_rank)


def _rank(name: str) -> tuple[int, int, int, str]:
    if cve := _CVE.fullmatch(name):
        return 0, int(cve[1]), int(cve[2]), name
    return (1 if name.startswith("GHSA-") else 2), 0, 0, name


def cluster_ids(record: Record) -> tuple[str, ...]:
    """The ids that mean the same as the record: its own, its aliases, and one upstream.

    A record of one upstream vulnerability (DEBIAN-CVE-…, ALPINE-CVE-…) is that vulnerability in a
    distribution; one of several (an erratum such as DSA-…) stays a finding of its own, as does one
    that only calls others related (ALSA-…).
    """
    upstream = record.upstream if len(record.upstream) == 1 else ()
    ids = tuple(dict.fromkeys((record.id, *record.aliases, *upstream)))
    return ids if len(ids) <= MAX_CLUSTER else (record.id,)


@dataclass(frozen=True)
class Candidate:
    """One range of one advisory that covers one package, as evidence."""

    advisory: str
    modified: datetime
    from_distribution: bool
    severity: int
    cvss: Decimal | None
    range: AffectedRange
    summary: str = ""


def choose(candidates: Iterable[Candidate]) -> Candidate:
    """The best proof among the advisories of one vulnerability for one package.

    With a fix before without, rated by the distribution before not, rated at all before not, then
    the newest. `findings.evaluation` chooses the same by SQL: ORDER BY (affected.fixed <> '') DESC,
    (affected.severity IS NOT NULL OR advisory.severity_source = 'distribution') DESC,
    (coalesce(affected.severity, advisory.severity) > 0) DESC, advisory.modified_at DESC,
    advisory.name COLLATE "C", affected.high DESC NULLS FIRST, affected.low
    """
    # Weakest criterion first: sorting is stable, and each direction is plain to read.
    order = sorted(candidates, key=lambda c: c.range.low)
    order.sort(key=lambda c: (c.range.high is None, c.range.high or b""), reverse=True)
    order.sort(key=lambda c: c.advisory)
    order.sort(key=_weight, reverse=True)
    return order[0]


def _weight(candidate: Candidate) -> tuple[bool, bool, bool, datetime]:
    return (
        bool(candidate.range.fixed),
        candidate.from_distribution,
        candidate.severity != UNKNOWN,
        candidate.modified,
    )


def match(packages: Sequence[Package], records: Iterable[Record]) -> Judgement:
    """Judge packages by a stream of advisories; only what affects a package is kept of it."""
    keys = [_key_of(package) for package in packages]
    by_name: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, key in enumerate(keys):
        by_name[key.ecosystem, key.name].append(index)
    clusters = _Clusters()
    evidence: list[tuple[int, Candidate]] = []
    unknown: set[int] = set()
    doubted: set[tuple[int, str]] = set()
    for record in records:
        if record.withdrawn:
            continue
        assessment = assess(record)
        clusters.add(record, assessment)
        for affected in record.affected:
            for index in by_name.get((affected.ecosystem, affected.name), ()):
                if keys[index].key is None:
                    unknown.add(index)
                elif affected.unreadable:
                    if _may_cover(affected, keys[index]):
                        doubted.add((index, record.id))
                elif _covers(affected, keys[index]):
                    evidence.append((index, _candidate(record, affected, assessment)))
    names = clusters.names()
    matches = _matches(evidence, clusters, names, keys)
    proved = {(found.package, found.vulnerability) for found in matches}
    uncertain = {
        index
        for index, advisory in doubted
        if (index, preferred_name(names[clusters.root(advisory)])) not in proved
    }
    return Judgement(matches, _counted(unknown, keys), _counted(uncertain, keys))


def _counted(indexes: Iterable[int], keys: Sequence[MatchKey]) -> tuple[int, ...]:
    return tuple(sorted(index for index in indexes if not keys[index].kernel))


def _key_of(package: Package) -> MatchKey:
    return match_key(
        package.type,
        package.ecosystem,
        package.name,
        package.version,
        package.source_name,
        package.source_version,
        package.module,
    )


def _covers(affected: AffectedRange, key: MatchKey) -> bool:
    return affected.flavour == key.flavour and _holds(affected, key.key)


def _may_cover(affected: AffectedRange, key: MatchKey) -> bool:
    """Of its own flavour, or of a module stream that nobody names."""
    same = affected.flavour == key.flavour or (affected.flavour == ANY_STREAM and key.flavour)
    return bool(same) and _holds(affected, key.key)


def _holds(affected: AffectedRange, key: bytes | None) -> bool:
    if key is None:
        return False
    return affected.low <= key and (affected.high is None or key < affected.high)


def _candidate(record: Record, affected: AffectedRange, assessment: Assessment) -> Candidate:
    return Candidate(
        advisory=record.id,
        modified=record.modified,
        from_distribution=bool(affected.severity) or assessment.source == "distribution",
        severity=affected.severity or assessment.severity,
        cvss=assessment.cvss,
        range=affected,
        summary=record.summary,
    )


def _matches(
    evidence: Iterable[tuple[int, Candidate]],
    clusters: "_Clusters",
    names: Mapping[str, list[str]],
    keys: Sequence[MatchKey],
) -> tuple[Match, ...]:
    """One match per package and vulnerability, however many advisories and names it has."""
    grouped: dict[tuple[int, str], list[Candidate]] = defaultdict(list)
    for index, candidate in evidence:
        grouped[index, clusters.root(candidate.advisory)].append(candidate)
    found = [
        _match(
            index,
            keys[index],
            names[root],
            choose(candidates),
            clusters.worst(names[root]),
        )
        for (index, root), candidates in grouped.items()
    ]
    return tuple(sorted(found, key=lambda m: (m.package, _rank(m.vulnerability))))


def _match(
    index: int,
    key: MatchKey,
    ids: list[str],
    proof: Candidate,
    worst: tuple[int, Decimal | None],
) -> Match:
    """Where the proof has no severity or score, the worst of the same vulnerability stands in."""
    name = preferred_name(ids)
    return Match(
        package=index,
        vulnerability=name,
        aliases=tuple(sorted(set(ids) - {name})),
        advisory=proof.advisory,
        severity=proof.severity or worst[0],
        cvss=worst[1] if proof.cvss is None else proof.cvss,
        introduced=proof.range.introduced,
        fixed_version=proof.range.fixed,
        last_affected=proof.range.last_affected,
        fix_state=proof.range.fix_state,
        kernel=key.kernel,
        summary=proof.summary,
    )


class _Clusters:
    """Ids joined as records tell of them (a union-find forest), and how bad each record is."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}
        self._rated: dict[str, Assessment] = {}

    def add(self, record: Record, assessment: Assessment) -> None:
        first, *rest = cluster_ids(record)
        root = self.root(first)
        for other in rest:
            self._parents[self.root(other)] = root
        if assessment.severity:
            self._rated[record.id] = assessment

    def root(self, name: str) -> str:
        while (parent := self._parents.setdefault(name, name)) != name:
            # Halving the path on the way keeps it short for the next who asks.
            self._parents[name] = self._parents[parent]
            name = parent
        return name

    def names(self) -> dict[str, list[str]]:
        """The ids of each cluster, by its root."""
        found: dict[str, list[str]] = defaultdict(list)
        for name in list(self._parents):
            found[self.root(name)].append(name)
        return found

    def worst(self, ids: Iterable[str]) -> tuple[int, Decimal | None]:
        rated = [self._rated[name] for name in ids if name in self._rated]
        scores = [rating.cvss for rating in rated if rating.cvss is not None]
        return max((r.severity for r in rated), default=UNKNOWN), max(scores, default=None)
