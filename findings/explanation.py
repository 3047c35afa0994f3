"""Why a vulnerability is reported for an image, or why not: from facts to sentences.

Every rule below looks at the facts and says what it has to say; a further reason, such as a rule
that disables findings, is a further function in `_RULES`. "Not known" is an answer of its own.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from findings.versions import family

# The flavour of an advisory that may mean any module stream: of a package that is of one, it says
# nothing for certain.
_ANY_STREAM = "*"

_MOST_NAMES = 12
_MOST_RANGES = 4  # compared per advisory


class Reason(StrEnum):
    REPORTED = "reported"
    UNCOUNTED = "not-counted"
    NOT_SCANNED = "not-scanned"
    UNREAD_IMAGE = "unread-image"
    NOT_JUDGED = "not-judged"
    UNKNOWN_ID = "unknown-id"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"
    NO_PACKAGE = "no-package"
    NO_FEED = "no-feed"
    OTHER_RELEASE = "other-release"
    OTHER_FLAVOUR = "other-flavour"
    UNKNOWN_VERSION = "unknown-version"
    UNKNOWN_RANGE = "unknown-range"
    NOT_IN_RANGE = "not-in-range"
    DUE = "due"
    OWNED = "owned"
    UNREAD_FILES = "unread-files"


class State(StrEnum):
    REPORTED = "reported"
    NOT_REPORTED = "not-reported"
    NOT_KNOWN = "not-known"


# What keeps "not reported" from meaning "not affected".
_OPEN = frozenset(
    {
        Reason.NOT_SCANNED, Reason.UNREAD_IMAGE, Reason.NOT_JUDGED, Reason.UNKNOWN_ID,
        Reason.NO_FEED, Reason.UNKNOWN_VERSION, Reason.UNKNOWN_RANGE, Reason.DUE,
        Reason.UNREAD_FILES,
    }
)  # fmt: skip


# --- the facts ---


@dataclass(frozen=True)
class Place:
    """The file that told of a package, the layer it came with and the instruction that made it."""

    path: str
    layer: str
    instruction: str = ""


@dataclass(frozen=True)
class Package:
    """A package of the image. It is judged by `key_name`, its source's where that is what
    advisories name; `compared` is the version that `key` stands for."""

    id: int
    ecosystem: str
    name: str
    version: str
    key_name: str
    compared: str
    key: bytes | None
    flavour: str = ""
    source_name: str = ""
    source_version: str = ""
    places: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Range:
    """An interval of an advisory: low <= key < high."""

    advisory: str
    feed: str
    modified: datetime
    withdrawn: datetime | None
    ecosystem: str
    name: str
    low: bytes
    high: bytes | None
    introduced: str = ""
    fixed: str = ""
    last_affected: str = ""
    flavour: str = ""
    unreadable: bool = False


@dataclass(frozen=True)
class Finding:
    """An open finding; without `proof`, its match is just being judged again."""

    package: int
    severity: str
    counted: bool
    opened_at: datetime
    proof: Range | None


@dataclass(frozen=True)
class Closed:
    name: str
    version: str
    at: datetime
    cause: str


@dataclass(frozen=True)
class Owned:
    """A language package that was left out, as a package of the distribution brought its file."""

    name: str
    version: str
    path: str
    owner: str


@dataclass(frozen=True)
class Withdrawal:
    advisory: str
    feed: str
    at: datetime


@dataclass(frozen=True)
class Image:
    digest: str
    scanned: bool = True
    judged: bool = True
    # Why it could not be read: a code of `scans.support.Reason` and a sentence.
    reason: str = ""
    detail: str = ""
    distribution: str = ""
    packages: int = 0
    unread_files: int = 0


@dataclass(frozen=True)
class Facts:
    """`named` is every (ecosystem, name) that an advisory of the vulnerability speaks of;
    `packages` those of the image that bear such a name, `ranges` what is said of these names;
    `spoken` the ecosystems that some feed speaks of."""

    asked: str
    image: Image
    vulnerability: str = ""
    aliases: tuple[str, ...] = ()
    in_force: int = 0
    withdrawals: tuple[Withdrawal, ...] = ()
    named: tuple[tuple[str, str], ...] = ()
    packages: tuple[Package, ...] = ()
    ranges: tuple[Range, ...] = ()
    findings: tuple[Finding, ...] = ()
    closed: tuple[Closed, ...] = ()
    owned: tuple[Owned, ...] = ()
    spoken: tuple[str, ...] = ()


# --- the answer ---


@dataclass(frozen=True)
class Line:
    """One reason. What it is not about is ""; `range` and `comparison` are for people."""

    reason: Reason
    sentence: str
    package: str = ""
    version: str = ""
    ecosystem: str = ""
    source: str = ""
    places: tuple[Place, ...] = ()
    advisory: str = ""
    feed: str = ""
    modified: datetime | None = None
    range: str = ""
    comparison: str = ""


@dataclass(frozen=True)
class Explanation:
    asked: str
    vulnerability: str
    aliases: tuple[str, ...]
    digest: str
    state: State
    sentence: str
    lines: tuple[Line, ...]


def explain(facts: Facts) -> Explanation:
    lines = tuple(line for rule in _RULES for line in rule(facts))
    state = _state(lines)
    return Explanation(
        asked=facts.asked,
        vulnerability=facts.vulnerability,
        aliases=facts.aliases,
        digest=facts.image.digest,
        state=state,
        sentence=_sentence(facts, state, lines),
        lines=lines,
    )


def _state(lines: Sequence[Line]) -> State:
    reasons = {line.reason for line in lines}
    if reasons & {Reason.REPORTED, Reason.UNCOUNTED}:
        return State.REPORTED
    return State.NOT_KNOWN if reasons & _OPEN else State.NOT_REPORTED


def _sentence(facts: Facts, state: State, lines: Sequence[Line]) -> str:
    name = facts.vulnerability or facts.asked
    if state == State.REPORTED:
        packages = len({line.package for line in lines if line.reason == Reason.REPORTED})
        if not packages:
            return f"{name} is found in this image, but not counted."
        return f"{name} is reported for this image, in {_number(packages, 'package')}."
    if state == State.NOT_KNOWN:
        return f"{name} is not reported for this image, and whether it is affected is not known."
    return f"{name} is not reported for this image."


# --- the rules ---


def _not_scanned(facts: Facts) -> Iterator[Line]:
    image = facts.image
    if not image.scanned:
        yield Line(Reason.NOT_SCANNED, "The image has not been scanned yet.")
    elif image.reason:
        yield Line(
            Reason.UNREAD_IMAGE, f"The image could not be read ({image.reason}). {image.detail}"
        )
    elif not image.judged:
        yield Line(
            Reason.NOT_JUDGED, "The image was read, and is about to be judged by the advisories."
        )


def _unknown_id(facts: Facts) -> Iterator[Line]:
    if not facts.vulnerability:
        loaded = _listed(sorted({family(ecosystem) for ecosystem in facts.spoken}))
        said = (
            f"The feeds loaded speak of {loaded}" if loaded else "No feed of advisories is loaded"
        )
        yield Line(Reason.UNKNOWN_ID, f"No feed knows an advisory {facts.asked}. {said}.")


def _reported(facts: Facts) -> Iterator[Line]:
    packages = {package.id: package for package in facts.packages}
    for finding in facts.findings:
        if package := packages.get(finding.package):
            yield _found(package, finding)


def _found(package: Package, finding: Finding) -> Line:
    named = f"{package.name} {package.version}"
    proof = finding.proof
    if finding.counted:
        reason, sentence = Reason.REPORTED, f"{named} is affected ({finding.severity})."
    else:
        reason = Reason.UNCOUNTED
        sentence = (
            f"{named} is affected ({finding.severity}), but it is a kernel's package: a container "
            "runs on its host's kernel, so it stands in a list of its own and does not count."
        )
    if proof is None:
        return _about(package, reason, f"{sentence} It is just being judged again.")
    return _about(package, reason, sentence, proof, _inside(package.compared, proof))


def _closed(facts: Facts) -> Iterator[Line]:
    for closed in facts.closed:
        yield Line(
            Reason.CLOSED,
            f"It was reported for {closed.name} {closed.version}, and closed on "
            f"{closed.at:%Y-%m-%d %H:%M} UTC: {closed.cause.lower()}.",
            package=closed.name,
            version=closed.version,
        )


def _withdrawn(facts: Facts) -> Iterator[Line]:
    if facts.vulnerability and not facts.in_force:
        for withdrawal in facts.withdrawals[:_MOST_NAMES]:
            yield Line(
                Reason.WITHDRAWN,
                f"{withdrawal.advisory} was withdrawn on {withdrawal.at:%Y-%m-%d}.",
                advisory=withdrawal.advisory,
                feed=withdrawal.feed,
            )


def _not_affected(facts: Facts) -> Iterator[Line]:
    found = {finding.package for finding in facts.findings}
    for package in facts.packages:
        if package.id not in found:
            yield from _why_not(package, facts)


def _why_not(package: Package, facts: Facts) -> Iterator[Line]:
    of_name = [each for each in facts.ranges if each.name == package.key_name]
    own = [each for each in of_name if each.ecosystem == package.ecosystem]
    if not own:
        yield from _of_other_releases(package, of_name, facts.spoken)
        return
    standing = [each for each in own if each.withdrawn is None]
    if not standing:
        yield from _of_withdrawn(package, own)
        return
    flavoured = [each for each in standing if each.flavour == package.flavour]
    if package.flavour:
        flavoured += [
            replace(each, unreadable=True) for each in standing if each.flavour == _ANY_STREAM
        ]
    if not flavoured:
        yield _of_other_flavours(package, standing)
        return
    yield from _compared(package, flavoured)


def _of_other_releases(
    package: Package, of_name: Iterable[Range], spoken: Sequence[str]
) -> Iterator[Line]:
    """Of another ecosystem altogether nothing is said: it is another package of that name."""
    others = {
        each.ecosystem for each in of_name if family(each.ecosystem) == family(package.ecosystem)
    }
    here = package.ecosystem or "the release of this image"
    if others and package.ecosystem in spoken:
        sentence = f"The advisories speak of {package.key_name} in {_listed(sorted(others))} only, "
        yield _about(package, Reason.OTHER_RELEASE, f"{sentence}not in {here}.")
    elif others or not package.ecosystem:
        sentence = f"No feed loaded speaks of {here}, so {package.name} {package.version} "
        yield _about(package, Reason.NO_FEED, f"{sentence}is not judged.")


def _of_withdrawn(package: Package, ranges: Iterable[Range]) -> Iterator[Line]:
    for each in {each.advisory: each for each in ranges if each.withdrawn}.values():
        sentence = f"{each.advisory} named {package.key_name}, and was withdrawn on "
        yield _about(package, Reason.WITHDRAWN, f"{sentence}{each.withdrawn:%Y-%m-%d}.", each)


def _of_other_flavours(package: Package, ranges: Iterable[Range]) -> Line:
    flavours = _listed(sorted({each.flavour or "none" for each in ranges}))
    own = f"is of {package.flavour or 'none'}"
    return _about(
        package,
        Reason.OTHER_FLAVOUR,
        f"The advisories speak of {package.key_name} of the module stream {flavours} only; the one "
        f"installed {own}.",
    )


def _compared(package: Package, ranges: Sequence[Range]) -> Iterator[Line]:
    unreadable = {each.advisory: each for each in ranges if each.unreadable}
    for each in unreadable.values():
        sentence = f"The range that {each.advisory} gives of {package.key_name} cannot be compared"
        yield _about(package, Reason.UNKNOWN_RANGE, f"{sentence}: whether it counts is not known.")
    readable = [each for each in ranges if not each.unreadable]
    if not readable:
        return
    if package.key is None:
        yield _about(
            package,
            Reason.UNKNOWN_VERSION,
            f"The version {package.compared!r} of {package.name} cannot be compared, so whether it "
            "is affected is not known.",
            readable[0],
        )
        return
    for advisory in dict.fromkeys(each.advisory for each in readable):
        yield _beside(package, [each for each in readable if each.advisory == advisory])


def _beside(package: Package, ranges: Sequence[Range]) -> Line:
    """The package and the ranges of one advisory, none of which it should be in."""
    for each in ranges:
        if _side(package.key, each) == "in":
            sentence = f"{package.name} {package.version} is in the range, and is due to be judged."
            return _about(package, Reason.DUE, sentence, each, _inside(package.compared, each))
    nearest = sorted(ranges, key=lambda each: each.low)[-_MOST_RANGES:]
    comparison = ", ".join(_outside(package, each) for each in nearest)
    installed = f"{package.name} {package.version}"
    sentence = f"{installed} is not in the affected range of {ranges[0].advisory}."
    line = _about(package, Reason.NOT_IN_RANGE, sentence, ranges[0], comparison)
    return replace(line, range="; ".join(range_in_words(each) for each in nearest))


def _no_package(facts: Facts) -> Iterator[Line]:
    present = {(family(package.ecosystem), package.key_name) for package in facts.packages}
    present |= {("", package.key_name) for package in facts.packages if not package.ecosystem}
    missing: dict[tuple[str, str], None] = {}
    for ecosystem, name in facts.named:
        if (family(ecosystem), name) not in present and ("", name) not in present:
            missing[family(ecosystem), name] = None
    if missing and facts.image.scanned and not facts.image.reason:
        names = _listed([f"{name} ({ecosystem})" for ecosystem, name in missing])
        yield Line(
            Reason.NO_PACKAGE,
            f"The image has no package that the advisories name as {names}; "
            f"{_number(facts.image.packages, 'package')} of it were looked at.",
        )


def _owned(facts: Facts) -> Iterator[Line]:
    for owned in facts.owned:
        yield Line(
            Reason.OWNED,
            f"{owned.name} {owned.version} is part of the distribution's package {owned.owner}, "
            "and judged with it.",
            package=owned.name,
            version=owned.version,
            places=(Place(owned.path, ""),),
        )


def _unread_files(facts: Facts) -> Iterator[Line]:
    if facts.image.unread_files and facts.vulnerability and not facts.findings:
        count = _number(facts.image.unread_files, "file")
        yield Line(
            Reason.UNREAD_FILES,
            f"{count} of the image that may tell of packages could not be read; what is in there "
            "is not known.",
        )


# In the order in which they are told.
_RULES: tuple[Callable[[Facts], Iterator[Line]], ...] = (
    _not_scanned,
    _unknown_id,
    _reported,
    _closed,
    _withdrawn,
    _not_affected,
    _owned,
    _no_package,
    _unread_files,
)


# --- words ---


def range_in_words(each: Range) -> str:
    begin = f"from {each.introduced} " if each.introduced not in ("", "0") else ""
    if each.fixed:
        return f"{begin or 'all versions '}before {each.fixed}"
    if each.last_affected:
        return f"{begin or 'all versions '}up to and including {each.last_affected}"
    return f"{begin or 'all versions, '}without a known end"


def _side(key: bytes | None, each: Range) -> str:
    if key is None or key < each.low:
        return "below"
    return "in" if each.high is None or key < each.high else "above"


def _inside(version: str, each: Range) -> str:
    begin = f"{each.introduced} ≤ " if each.introduced not in ("", "0") else ""
    if each.fixed:
        return f"{begin}{version} < {each.fixed}"
    return f"{begin}{version} ≤ {each.last_affected}" if each.last_affected else f"{begin}{version}"


def _outside(package: Package, each: Range) -> str:
    if _side(package.key, each) == "below":
        return f"{package.compared} < {each.introduced}"
    if each.fixed:
        return f"{each.fixed} ≤ {package.compared}"
    return f"{each.last_affected} < {package.compared}"


def _about(
    package: Package, reason: Reason, sentence: str, of: Range | None = None, comparison: str = ""
) -> Line:
    return Line(
        reason=reason,
        sentence=sentence,
        package=package.name,
        version=package.version,
        ecosystem=package.ecosystem,
        source=f"{package.source_name} {package.source_version}".strip(),
        places=package.places,
        advisory=of.advisory if of else "",
        feed=of.feed if of else "",
        modified=of.modified if of else None,
        range=range_in_words(of) if of else "",
        comparison=comparison,
    )


def _listed(names: Sequence[str]) -> str:
    if len(names) <= _MOST_NAMES:
        return ", ".join(names)
    return f"{', '.join(names[:_MOST_NAMES])} and {len(names) - _MOST_NAMES} more"


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
