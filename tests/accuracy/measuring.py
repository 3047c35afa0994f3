"""Measure packages, findings and orderings against the labels."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from findings.feeds import osv
from findings.feeds.sources import open_source
from findings.matching import match
from findings.versions import encode
from scans.coalesce import Placed
from tests.accuracy import labels
from tests.real_images import read_image

# Types that the labels list; what else an image holds nobody has labelled.
_LABELLED = frozenset({"deb", "apk", "rpm", "python", "npm", "go-module", "binary", "dotnet"})


@dataclass
class Score:
    """Of what is labelled: found and right, found and wrong, missed; and each that differs."""

    right: int = 0
    wrong: int = 0
    missed: int = 0
    left_out: int = 0  # labelled rows that are not so, as docs/decisions.md explains
    differences: list[str] = field(default_factory=list)

    def count(self, source: str, found: Iterable, expected: Iterable) -> None:
        found, expected = set(found), set(expected)
        self.right += len(found & expected)
        self.wrong += len(found - expected)
        self.missed += len(expected - found)
        for sign, rows in (("+", found - expected), ("−", expected - found)):
            self.differences += [f"{sign} {source}: {' '.join(row)}" for row in sorted(rows)]

    @property
    def precision(self) -> float:
        return _share(self.right, self.right + self.wrong)

    @property
    def recall(self) -> float:
        return _share(self.right, self.right + self.missed)

    @property
    def f1(self) -> float:
        return _share(2 * self.right, 2 * self.right + self.wrong + self.missed)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def packages(data: Path) -> dict[str, Score]:
    """By type of package: what was read of every labelled image, against what is installed."""
    scores: dict[str, Score] = defaultdict(Score)
    for tag, listed in labels.packages(data):
        read = read_image(data / "images", tag).packages
        for type_ in _LABELLED:
            expected = {row for row in listed if row[0] == type_}
            found = {(p.type, p.name, p.version) for p in read if p.type == type_}
            if expected or found:
                scores[type_].count(tag, found, expected)
    return dict(sorted(scores.items()))


def findings(data: Path) -> dict[str, Score]:
    """By ecosystem: what was found in every image with answers, against the answers."""
    scores: dict[str, Score] = defaultdict(Score)
    for known in labels.answers(data):
        installed = [
            package
            for package in read_image(data / "images", known.tag).packages
            if package.type == known.type
        ]
        records = _records(data, known.ecosystem)
        modular = _modular(records)
        expected = {row for row in known.findings if (row[0], row[2]) not in modular}
        scores[known.ecosystem].count(known.tag, set(_found(installed, records, known)), expected)
        scores[known.ecosystem].left_out += len(known.findings) - len(expected)
    return dict(sorted(scores.items()))


def _modular(records: Iterable[osv.Record]) -> set[tuple[str, str]]:
    """Package and advisory where the fix was built in a module. The labels compare versions alone,
    and no labelled package is of a module: an erratum of a stream is not about them."""
    return {
        (affected.name, record.id)
        for record in records
        for affected in record.affected
        if ".module_el" in affected.fixed
    }


@cache
def _records(data: Path, ecosystem: str) -> list[osv.Record]:
    with open_source(str(data / "advisories" / ecosystem / "all.zip")) as source:
        return [osv.parse(raw) for _, raw in source]


def _found(
    packages: Sequence[Placed], records: Sequence[osv.Record], known: labels.Answers
) -> Iterator[labels.Finding]:
    """Each match, under those of its ids that the answers use."""
    for found in match(packages, records).matches:
        package = packages[found.package]
        ids = (found.vulnerability, found.advisory, *found.aliases)
        rows = [(package.name, package.version, identifier) for identifier in ids]
        yield from [row for row in rows if row in known.findings] or rows[:1]


@dataclass(frozen=True)
class Order:
    """Comparisons of one ecosystem: as the native tool answers, unknown here, or otherwise."""

    right: int
    unknown: int
    wrong: int


def orders(data: Path) -> dict[str, Order]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for ecosystem, lines in labels.comparisons(data):
        counts[ecosystem].update(_verdict(ecosystem, *line) for line in lines)
    return {
        name: Order(count["right"], count["unknown"], count["wrong"])
        for name, count in sorted(counts.items())
    }


def _verdict(ecosystem: str, a: str, sign: str, b: str) -> str:
    key_a, key_b = encode(ecosystem, a), encode(ecosystem, b)
    if key_a is None or key_b is None:
        return "unknown"
    order = "<" if key_a < key_b else ">" if key_a > key_b else "="
    return "right" if order == sign else "wrong"
