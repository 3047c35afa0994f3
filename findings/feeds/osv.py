"""Read one OSV record (https://ossf.github.io/osv-schema/): JSON in, intervals of keys out.

What an affected package says that no interval can be made of is counted in `Record.unreadable`:
a range with a version its ecosystem cannot order, a package with only commits (GIT ranges) or with
no versions at all, and anything beyond the limits below. Such a package has an interval that is
marked unreadable: it matches nothing, and clears nobody. A version *list* may name versions no key
can be made of: a package of that version has no key either, and is unknown on its own side.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

import orjson

from findings import keys, severity, versions
from findings.feeds import MalformedRecord
from findings.keys import ANY_STREAM, canonical_ecosystem, canonical_name
from findings.versions import encode

# Raise it when a record comes out otherwise: every feed is read again whole.
VERSION = 1
# What a feed's records were read by, orderings and names included.
READER = VERSION << 16 | keys.VERSION << 8 | versions.VERSION

MAX_BYTES = 16 * 2**20
MAX_AFFECTED = 20_000
MAX_RANGES = 500
MAX_EVENTS = 1_000
MAX_VERSIONS = 20_000
MAX_LIST = 500
MAX_ID = 100
MAX_NAME = 300
MAX_ECOSYSTEM = 60
MAX_SUMMARY = 1_000
MAX_DETAILS = 100_000
MAX_URL = 2_000

# Red Hat's kin put their own rating before the title: "Important: podman security update".
_RATED_TITLE = re.compile(r"(critical|important|moderate|low):", re.IGNORECASE)
_RATED_IDS = ("ALSA-", "RLSA-", "RHSA-")

# Words of Debian's and Ubuntu's trackers, Red Hat's and VEX's for what its maker leaves as it is.
_WONT_FIX = frozenset(
    {
        "unimportant",
        "end-of-life",
        "ignored",
        "deferred",
        "no-dsa",
        "wont-fix",
        "will-not-fix",
        "out-of-support-scope",
    }
)
# RustSec's notices that a crate has no maintainer any more, or something else to know: no flaws.
_NO_FLAW = frozenset({"unmaintained", "notice"})


@dataclass(frozen=True)
class AffectedRange:
    """Versions of one package: low <= key < high, as `findings.versions.encode` makes keys.

    `low` is b"" where every early version is affected; `high` is None where no end is known.
    `severity` is the one the source gives for this package, if any; `flavour` the module stream or
    build it is about (`findings.keys`), `fix_state` one of `findings.models.FixState`. An
    `unreadable` one covers, of the packages between `low` and `high`, nobody knows which.
    """

    ecosystem: str
    name: str
    low: bytes
    high: bytes | None
    introduced: str
    fixed: str
    last_affected: str
    severity: int | None
    flavour: str = ""
    fix_state: str = ""
    unreadable: bool = False


@dataclass(frozen=True)
class Reference:
    type: str
    url: str


@dataclass(frozen=True)
class Record:
    """One advisory. `cvss` holds vectors as written; `findings.severity.assess` weighs them
    against what the distribution (`distribution_severity`) and the database say themselves."""

    id: str
    modified: datetime
    published: datetime | None
    withdrawn: datetime | None
    aliases: tuple[str, ...]
    upstream: tuple[str, ...]
    related: tuple[str, ...]
    summary: str
    details: str
    cvss: tuple[str, ...]
    distribution_severity: int
    database_severity: int
    references: tuple[Reference, ...]
    affected: tuple[AffectedRange, ...]
    unreadable: int


def parse(raw: bytes) -> Record:
    """The record in `raw`; raises MalformedRecord where that is not one."""
    fields = _load(raw)
    record_id = _text(fields.get("id"), MAX_ID + 1)
    modified = _date(fields.get("modified"))
    if not record_id or len(record_id) > MAX_ID or modified is None:
        raise MalformedRecord(
            f"An advisory needs an id of at most {MAX_ID} characters and a date of modification, "
            f"which {record_id[:MAX_ID]!r} has not."
        )
    withdrawn = _date(fields.get("withdrawn"))
    summary = _text(fields.get("summary"), MAX_SUMMARY)
    affected, unreadable = _affected(fields.get("affected"), keys.streams(summary))
    return Record(
        id=record_id,
        modified=modified,
        published=_date(fields.get("published")),
        withdrawn=withdrawn,
        aliases=_ids(fields.get("aliases")),
        upstream=_ids(fields.get("upstream")),
        related=_ids(fields.get("related")),
        summary=summary,
        details=_text(fields.get("details"), MAX_DETAILS),
        cvss=_vectors(fields.get("severity")),
        distribution_severity=_distribution_severity(record_id, summary, fields),
        database_severity=_database_severity(record_id, fields),
        references=tuple(_references(fields.get("references"))),
        affected=affected,
        unreadable=0 if withdrawn else unreadable,
    )


# --- affected packages ------------------------------------------------------------------------


def _affected(value: object, streams: tuple[str, ...]) -> tuple[tuple[AffectedRange, ...], int]:
    entries = _list(value)
    found: dict[AffectedRange, None] = {}  # ordered, and each range once
    unreadable = max(0, len(entries) - MAX_AFFECTED)
    for entry in entries[:MAX_AFFECTED]:
        ranges, failed = _package(_dict(entry), streams)
        found.update(dict.fromkeys(ranges))
        unreadable += failed
    return tuple(found), unreadable


def _package(entry: dict[str, Any], streams: tuple[str, ...]) -> tuple[list[AffectedRange], int]:
    """The intervals of one affected package, and how much of what it says was unreadable."""
    package = _dict(entry.get("package"))
    ecosystem = _text(package.get("ecosystem"), MAX_ECOSYSTEM + 1)
    name = _text(package.get("name"), MAX_NAME + 1)
    if not (0 < len(ecosystem) <= MAX_ECOSYSTEM and 0 < len(name) <= MAX_NAME):
        return [], 1
    if _dict(entry.get("database_specific")).get("informational") in _NO_FLAW:
        return [], 0
    ecosystem = canonical_ecosystem(ecosystem)
    intervals, failed = _intervals(ecosystem, entry)
    if failed:
        intervals.append(_ALL)
    own = _package_severity(entry)
    wont_fix = _says_wont_fix(entry)
    name = canonical_name(ecosystem, name)
    return [
        AffectedRange(
            ecosystem,
            name,
            *interval,
            severity=own,
            flavour=flavour,
            fix_state="fixed" if interval[3] else "wont-fix" if wont_fix else "not-yet",
            unreadable=interval is _ALL or flavour == ANY_STREAM,
        )
        for interval in intervals
        for flavour in keys.flavours(ecosystem, interval[3] or interval[4], streams)
    ], failed


def _says_wont_fix(entry: dict[str, Any]) -> bool:
    """Whether the package's distribution, in one of the fields of its own, leaves it as it is."""
    words = (
        _text(_dict(entry.get(part)).get(key), 40)
        for part in ("ecosystem_specific", "database_specific")
        for key in ("urgency", "status", "state", "fix_state")
    )
    return any(re.sub(r"[\s_]+", "-", word.strip().lower()) in _WONT_FIX for word in words if word)


# low, high, introduced, fixed, last affected
_Interval = tuple[bytes, bytes | None, str, str, str]
# Some versions, nobody can read which.
_ALL: _Interval = (b"", None, "", "", "")


def _intervals(ecosystem: str, entry: dict[str, Any]) -> tuple[list[_Interval], int]:
    ranges = [r for r in map(_dict, _list(entry.get("ranges"))) if r.get("type") != "GIT"]
    failed = max(0, len(ranges) - MAX_RANGES)
    found: list[_Interval] = []
    for described in ranges[:MAX_RANGES]:
        events = _events(ecosystem, _list(described.get("events")))
        if events is None:
            failed += 1
        else:
            found += _between(events)
    versions = _list(entry.get("versions"))
    failed += max(0, len(versions) - MAX_VERSIONS)
    listed = list(_listed(ecosystem, versions[:MAX_VERSIONS], found))
    if not ranges and not listed:
        failed += 1
    return [*found, *listed], failed


# The key from which an event counts, its kind, and the version as written.
_Event = tuple[bytes, str, str]


def _events(ecosystem: str, events: list[Any]) -> list[_Event] | None:
    """None where one of the events cannot be placed: the rest would then say something else."""
    found = []
    for event in events[: MAX_EVENTS + 1]:
        for kind, version in _dict(event).items():
            if kind == "limit" and version == "*":
                continue
            key = _key(ecosystem, kind, version)
            if key is None:
                return None
            found.append((key, kind, version))
    introduced = any(kind == "introduced" for _, kind, _ in found)
    return sorted(found) if introduced and len(events) <= MAX_EVENTS else None


def _key(ecosystem: str, kind: str, version: object) -> bytes | None:
    if not isinstance(version, str):
        return None
    if kind == "introduced" and version == "0":
        return b""
    if kind not in ("introduced", "fixed", "last_affected", "limit"):
        return None
    key = encode(ecosystem, version)
    # Affected up to and including: the end is the very next key.
    return key + b"\0" if key is not None and kind == "last_affected" else key


def _between(events: list[_Event]) -> Iterator[_Interval]:
    """From each introduction to the first end after it, and never past the last limit.

    Where an end and an introduction share a version, what was open is closed and opened again;
    what was not open is introduced and fixed at once, so never affected.
    """
    limit = max((key for key, kind, _ in events if kind == "limit"), default=None)
    opened: tuple[bytes, str] | None = None
    for key, group in groupby((e for e in events if e[1] != "limit"), key=lambda e: e[0]):
        here = {kind: version for _, kind, version in group}
        introduced = here.pop("introduced", None)
        if opened and here:
            yield from _limited(
                opened, key, here.get("fixed", ""), here.get("last_affected", ""), limit
            )
            opened = (key, introduced) if introduced is not None else None
        elif not opened and introduced is not None and not here:
            opened = (key, introduced)
    if opened:
        yield from _limited(opened, None, "", "", limit)


def _limited(
    opened: tuple[bytes, str], high: bytes | None, fixed: str, last: str, limit: bytes | None
) -> Iterator[_Interval]:
    low, introduced = opened
    if limit is not None and (high is None or limit < high):
        high, fixed, last = limit, "", ""
    if high is None or low < high:
        yield low, high, introduced, fixed, last


def _listed(ecosystem: str, versions: list[Any], ranges: list[_Interval]) -> Iterator[_Interval]:
    """An interval of its own for each listed version that no range covers."""
    covered = _union(ranges)
    lows = [low for low, _ in covered]
    for version in versions:
        key = encode(ecosystem, version) if isinstance(version, str) else None
        if key is None:
            continue
        position = bisect_right(lows, key) - 1
        high = covered[position][1] if position >= 0 else b""
        if high is not None and key >= high:
            yield key, key + b"\0", version, "", version


def _union(intervals: list[_Interval]) -> list[tuple[bytes, bytes | None]]:
    """The same keys as disjoint intervals in order, so that one is found by bisection."""
    union: list[tuple[bytes, bytes | None]] = []
    for low, high, *_ in sorted(intervals, key=itemgetter(0)):
        last_low, last_high = union[-1] if union else (low, b"")
        if last_high is None:
            break
        if union and low <= last_high:
            union[-1] = last_low, None if high is None else max(last_high, high)
        else:
            union.append((low, high))
    return union


# --- severity ---------------------------------------------------------------------------------


def _database_severity(record_id: str, fields: dict[str, Any]) -> int:
    """A package that was published to do harm (MAL-…) is as bad as can be."""
    if record_id.startswith("MAL-"):
        return severity.CRITICAL
    return _word(fields.get("database_specific"), "severity")


def _distribution_severity(record_id: str, summary: str, fields: dict[str, Any]) -> int:
    title = _RATED_TITLE.match(summary) if record_id.startswith(_RATED_IDS) else None
    return severity.from_word(title[1]) if title else _ubuntu(fields.get("severity"))


def _package_severity(entry: dict[str, Any]) -> int | None:
    """Debian's urgency, a severity word, or vectors given for this very package."""
    candidates = (
        _word(entry.get("ecosystem_specific"), "urgency"),
        _word(entry.get("ecosystem_specific"), "severity"),
        _word(entry.get("database_specific"), "severity"),
        _ubuntu(entry.get("severity")),
        severity.from_vectors(_vectors(entry.get("severity"))),
    )
    return next((c for c in candidates if c != severity.UNKNOWN), None)


def _word(value: object, key: str) -> int:
    return severity.from_word(_text(_dict(value).get(key), 40))


def _ubuntu(value: object) -> int:
    words = (
        _text(entry.get("score"), 40)
        for entry in map(_dict, _list(value)[:MAX_LIST])
        if entry.get("type") == "Ubuntu"
    )
    return max(map(severity.from_word, words), default=severity.UNKNOWN)


def _vectors(value: object) -> tuple[str, ...]:
    """CVSS vectors as written; one too long to be one is cut, and then scores nothing."""
    return tuple(
        _text(entry.get("score"), severity.MAX_VECTOR + 1)
        for entry in map(_dict, _list(value)[:MAX_LIST])
        if _text(entry.get("type"), 20).startswith("CVSS")
    )


# --- values of any type, from anyone ----------------------------------------------------------


def _load(raw: bytes) -> dict[str, Any]:
    if len(raw) > MAX_BYTES:
        raise MalformedRecord(f"An advisory has {len(raw):,} bytes; the limit is {MAX_BYTES:,}.")
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise MalformedRecord(f"An advisory is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise MalformedRecord("An advisory is not a JSON object.")
    return value


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object, limit: int) -> str:
    """At most `limit` characters, without NUL, which no database column takes."""
    return value[:limit].replace("\0", "") if isinstance(value, str) else ""


def _ids(value: object) -> tuple[str, ...]:
    ids = (_text(item, MAX_ID + 1) for item in _list(value)[:MAX_LIST])
    return tuple(dict.fromkeys(found for found in ids if 0 < len(found) <= MAX_ID))


def _date(value: object) -> datetime | None:
    """RFC 3339, in UTC as zones far off fit no database; None for what is none, and for the year 1
    some databases write for "unknown"."""
    try:
        date = datetime.fromisoformat(_text(value, 40))
        date = date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return date if date.year >= 1970 else None


def _references(value: object) -> Iterator[Reference]:
    """Only what a browser may open: a link is shown to people who trust the page."""
    for entry in map(_dict, _list(value)[:MAX_LIST]):
        url = _text(entry.get("url"), MAX_URL)
        if url.startswith(("https://", "http://")):
            yield Reference(_text(entry.get("type"), 20), url)
