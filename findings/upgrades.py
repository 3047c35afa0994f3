"""What to do about an image: the fewest upgrades that close the most findings."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from findings.commands import NO_MANAGER, Affected, Command, command_for, joined, manager_of
from findings.severity import NAMES
from findings.versions import encode
from scans.catalogers import DISTRIBUTION_TYPES

_WONT_FIX = "wont-fix"


@dataclass(frozen=True)
class Interval:
    """Affected versions: low <= key < high; `fixed` is the version that `high` stands for, or ""
    where the end is none that was published."""

    low: bytes
    high: bytes | None
    fixed: str


@dataclass(frozen=True)
class Flaw:
    """An open finding of an image. `fixed` is the version that closes it, or "" where none is known
    yet; `paths` are the files that told of the package; `base`, that the image's base brought it.
    """

    type: str
    ecosystem: str
    name: str
    version: str
    severity: int
    vulnerability: str
    source_name: str = ""
    fixed: str = ""
    fix_state: str = ""
    paths: tuple[str, ...] = ()
    base: bool = False


@dataclass(frozen=True)
class Counts:
    """Findings by severity."""

    critical: int = 0
    high: int = 0
    medium: int = 0
    low: int = 0
    unknown: int = 0

    @classmethod
    def of(cls, severities: Iterable[int]) -> "Counts":
        numbers = dict.fromkeys(NAMES, 0)
        for severity in severities:
            numbers[NAMES[severity]] += 1
        return cls(**numbers)

    @property
    def total(self) -> int:
        return sum(self.urgency)

    @property
    def urgency(self) -> tuple[int, ...]:
        return (self.critical, self.high, self.medium, self.low, self.unknown)

    def __str__(self) -> str:
        named = zip(reversed(NAMES), self.urgency, strict=True)
        return ", ".join(f"{count} {name}" for name, count in named if count) or "none"


@dataclass(frozen=True)
class Target:
    """A package to upgrade, with the version that closes all it can; of a distribution's source
    package, the binary packages made of it."""

    name: str
    packages: tuple[str, ...]
    installed: tuple[str, ...]
    version: str
    closes: Counts


@dataclass(frozen=True)
class Upgrade:
    """Upgrades that one command line does, in one place: the distribution's packages ("" is the
    place) or an application. Without a command, the sentence says how it is done."""

    type: str
    place: str
    targets: tuple[Target, ...]
    closes: Counts
    sentence: str
    command: str = ""
    dockerfile: str = ""


@dataclass(frozen=True)
class Upgrades:
    """`upgrades` by what they close, most first. `waiting` are findings without a fix yet, and
    `wont_fix` those that the distribution will not fix; `base` and `own` split all of them by who
    brought the package."""

    upgrades: tuple[Upgrade, ...]
    waiting: Counts
    wont_fix: Counts
    base: Counts
    own: Counts


def closing_version(key: bytes, ranges: Sequence[Interval]) -> str:
    """The smallest version above `key` that none of these ranges covers; "" where none is known.

    Of several advisories on one vulnerability, the fix of one may lie in the range of another.
    """
    fixed = ""
    for _ in range(len(ranges) + 1):
        covering = [each for each in ranges if _covers(each, key)]
        if not covering:
            return fixed
        furthest = max(covering, key=lambda each: (each.high is None, each.high or b""))
        if furthest.high is None or not furthest.fixed:
            return ""
        key, fixed = furthest.high, furthest.fixed
    return ""


def _covers(each: Interval, key: bytes) -> bool:
    return each.low <= key and (each.high is None or key < each.high)


def plan(flaws: Collection[Flaw], installed: Collection[str]) -> Upgrades:
    """`installed` holds the names of the image's packages, or those that are package managers."""
    places: dict[tuple[str, str], list[Flaw]] = defaultdict(list)
    for flaw in flaws:
        if flaw.fixed:
            places[flaw.type, _place(flaw)].append(flaw)
    upgrades = [_upgrade(*where, of, installed) for where, of in places.items()]
    open_ = [flaw for flaw in flaws if not flaw.fixed]
    return Upgrades(
        upgrades=tuple(sorted(upgrades, key=_weight)),
        waiting=_counts(flaw for flaw in open_ if flaw.fix_state != _WONT_FIX),
        wont_fix=_counts(flaw for flaw in open_ if flaw.fix_state == _WONT_FIX),
        base=_counts(flaw for flaw in flaws if flaw.base),
        own=_counts(flaw for flaw in flaws if not flaw.base),
    )


def _weight(upgrade: Upgrade) -> tuple[int, tuple[int, ...], str, str]:
    closes = upgrade.closes
    return -closes.total, tuple(-count for count in closes.urgency), upgrade.type, upgrade.place


def _counts(flaws: Iterable[Flaw]) -> Counts:
    return Counts.of(flaw.severity for flaw in flaws)


def _place(flaw: Flaw) -> str:
    """The application that a language package is part of, as far as the path tells."""
    if flaw.type in DISTRIBUTION_TYPES or not flaw.paths:
        return ""
    path = f"/{flaw.paths[0].lstrip('/')}"
    outermost = path.partition("!/")[0]
    for marker in _INSIDE.get(flaw.type, ()):
        before, found, _ = outermost.partition(marker)
        if found:
            return before or "/"
    return outermost


# What an application's folder is followed by in the paths of its packages.
_INSIDE = {
    "npm": ("/node_modules/",),
    "python": ("/site-packages/", "/dist-packages/"),
    "gem": ("/specifications/",),
    "composer": ("/vendor/composer/",),
}


def _upgrade(type: str, place: str, flaws: Sequence[Flaw], installed: Collection[str]) -> Upgrade:
    manager = manager_of(type, installed) if type in DISTRIBUTION_TYPES else ""
    commands = [] if manager == NO_MANAGER else joined(_commands(flaws, manager))
    return Upgrade(
        type=type,
        place=place,
        targets=tuple(sorted(_targets(flaws), key=_by_closes)),
        closes=_counts(flaws),
        sentence=_sentence(type, manager, bool(commands)),
        command=" && ".join(command.shell for command in commands),
        dockerfile="\n".join(filter(None, (command.dockerfile for command in commands))),
    )


def _by_closes(target: Target) -> tuple[int, tuple[int, ...], str]:
    closes = target.closes
    return -closes.total, tuple(-count for count in closes.urgency), target.name


def _commands(flaws: Sequence[Flaw], manager: str) -> Iterable[Command]:
    """One for each package as it is installed, by its name: the order is told to people, too."""
    wanted: dict[tuple[str, str], list[Flaw]] = defaultdict(list)
    for flaw in flaws:
        for path in _paths(flaw):
            wanted[flaw.name, path].append(flaw)
    for (name, path), of in sorted(wanted.items(), key=lambda item: item[0]):
        version = _furthest(of)
        command = command_for(Affected(of[0].type, name, of[0].source_name, version, path), manager)
        if command:
            yield command


def _paths(flaw: Flaw) -> tuple[str, ...]:
    """Of a distribution's packages, the database they all stand in makes no difference."""
    if flaw.type in DISTRIBUTION_TYPES or not flaw.paths:
        return ("",)
    return tuple(f"/{path.lstrip('/')}" for path in flaw.paths)


def _targets(flaws: Iterable[Flaw]) -> Iterable[Target]:
    grouped: dict[str, list[Flaw]] = defaultdict(list)
    for flaw in flaws:
        by_source = flaw.type in DISTRIBUTION_TYPES and flaw.source_name
        grouped[flaw.source_name if by_source else flaw.name].append(flaw)
    for name, of in grouped.items():
        yield Target(
            name=name,
            packages=tuple(sorted({flaw.name for flaw in of})),
            installed=tuple(sorted({flaw.version for flaw in of})),
            version=_furthest(of),
            closes=_counts(of),
        )


def _furthest(flaws: Sequence[Flaw]) -> str:
    """The highest of the versions that close one finding each: it closes them all."""
    return max((flaw.fixed for flaw in flaws), key=lambda fixed: _key(flaws[0].ecosystem, fixed))


def _key(ecosystem: str, version: str) -> tuple[bool, bytes]:
    key = encode(ecosystem, version)
    return key is not None, key or b""


def _sentence(type: str, manager: str, has_command: bool) -> str:
    if manager == NO_MANAGER:
        return (
            "The image has no package manager to upgrade these with: build it again on a newer "
            "base that has them."
        )
    if type in DISTRIBUTION_TYPES:
        return "Upgrade these packages of the distribution."
    return _UPGRADE if has_command else _SENTENCES.get(type, _UPGRADE)


_UPGRADE = "Upgrade these packages where the application is built, and build it again."
_SENTENCES = {
    "go-module": "Build the program again, with a newer Go and these versions of its modules.",
    "binary": "No package manager knows these programs: change what puts them into the image.",
}
