"""What an explanation is made of: reasons, and the words for ranges and comparisons."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from findings.explanation.facts import Package, Place, Range

_MOST_NAMES = 12


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


def range_in_words(each: Range) -> str:
    begin = f"from {each.introduced} " if each.introduced not in ("", "0") else ""
    if each.fixed:
        return f"{begin or 'all versions '}before {each.fixed}"
    if each.last_affected:
        return f"{begin or 'all versions '}up to and including {each.last_affected}"
    return f"{begin or 'all versions, '}without a known end"


def side(key: bytes | None, each: Range) -> str:
    if key is None or key < each.low:
        return "below"
    return "in" if each.high is None or key < each.high else "above"


def inside(version: str, each: Range) -> str:
    begin = f"{each.introduced} ≤ " if each.introduced not in ("", "0") else ""
    if each.fixed:
        return f"{begin}{version} < {each.fixed}"
    return f"{begin}{version} ≤ {each.last_affected}" if each.last_affected else f"{begin}{version}"


def outside(package: Package, each: Range) -> str:
    if side(package.key, each) == "below":
        return f"{package.compared} < {each.introduced}"
    if each.fixed:
        return f"{each.fixed} ≤ {package.compared}"
    return f"{each.last_affected} < {package.compared}"


def about(
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


def listed(names: Sequence[str]) -> str:
    if len(names) <= _MOST_NAMES:
        return ", ".join(names)
    return f"{', '.join(names[:_MOST_NAMES])} and {len(names) - _MOST_NAMES} more"


def number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
