"""Read one OSV record (https://ossf.github.io/osv-schema/): JSON in, intervals of keys out.

What an affected package says that no interval can be made of is counted in `Record.unreadable`:
a range with a version its ecosystem cannot order, a package with only commits (GIT ranges) or with
no versions at all, and anything beyond the limits below. Such a package has an interval that is
marked unreadable: it matches nothing, and clears nobody. A version *list* may name versions no key
can be made of: a package of that version has no key either, and is unknown on its own side.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import orjson

from findings import keys, versions
from findings.feeds import MalformedRecord, ratings
from findings.feeds.ranges import Interval, intervals
from findings.feeds.values import MAX_LIST, as_dict, as_list, dicts, text
from findings.keys import ANY_STREAM, canonical_ecosystem, canonical_name

# Raise it when a record comes out otherwise: every feed is read again whole.
VERSION = 2
# What a feed's records were read by, orderings and names included.
READER = VERSION << 16 | keys.VERSION << 8 | versions.VERSION

MAX_BYTES = 16 * 2**20
MAX_AFFECTED = 20_000
MAX_ID = 100
MAX_NAME = 300
MAX_ECOSYSTEM = 60
MAX_PRODUCT = 200  # as which a source names an ecosystem
MAX_SUMMARY = 1_000
MAX_DETAILS = 100_000
MAX_URL = 2_000


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
    record_id = text(fields.get("id"), MAX_ID + 1)
    modified = _date(fields.get("modified"))
    if not record_id or len(record_id) > MAX_ID or modified is None:
        raise MalformedRecord(
            f"An advisory needs an id of at most {MAX_ID} characters and a date of modification, "
            f"which {record_id[:MAX_ID]!r} has not."
        )
    withdrawn = _date(fields.get("withdrawn"))
    summary = text(fields.get("summary"), MAX_SUMMARY)
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
        details=text(fields.get("details"), MAX_DETAILS),
        cvss=ratings.vectors(fields.get("severity")),
        distribution_severity=ratings.distribution_severity(record_id, summary, fields),
        database_severity=ratings.database_severity(record_id, fields),
        references=tuple(_references(fields.get("references"))),
        affected=affected,
        unreadable=0 if withdrawn else unreadable,
    )


# --- affected packages ------------------------------------------------------------------------


def _affected(value: object, streams: tuple[str, ...]) -> tuple[tuple[AffectedRange, ...], int]:
    entries = as_list(value)
    found: list[AffectedRange] = []
    unreadable = max(0, len(entries) - MAX_AFFECTED)
    for entry in entries[:MAX_AFFECTED]:
        ranges, failed = _package(as_dict(entry), streams)
        found += ranges
        unreadable += failed
    return _once(found), unreadable


def _package(entry: dict[str, Any], streams: tuple[str, ...]) -> tuple[list[AffectedRange], int]:
    """The intervals of one affected package, and how much of what it says was unreadable."""
    package = as_dict(entry.get("package"))
    ecosystem = canonical_ecosystem(text(package.get("ecosystem"), MAX_PRODUCT))
    name = text(package.get("name"), MAX_NAME + 1)
    if not (0 < len(ecosystem) <= MAX_ECOSYSTEM and 0 < len(name) <= MAX_NAME):
        return [], 1
    if ratings.is_no_flaw(entry):
        return [], 0
    found, failed = intervals(ecosystem, entry)
    if failed:
        found.append(_SOME)
    own = ratings.package_severity(entry)
    unfixed = "wont-fix" if ratings.is_left(entry) else "not-yet"
    name = canonical_name(ecosystem, name)
    ranges = [
        AffectedRange(
            ecosystem,
            name,
            *interval,
            severity=own,
            flavour=flavour,
            fix_state="fixed" if interval[3] else unfixed,
            unreadable=interval is _SOME or flavour == ANY_STREAM,
        )
        for interval in found
        for flavour in keys.flavours(ecosystem, interval[3] or interval[4], streams)
    ]
    return [*ranges, *_of_any_group(ranges)], failed


def _of_any_group(ranges: Iterable[AffectedRange]) -> Iterator[AffectedRange]:
    """The same of the artifact alone: an archive that does not tell its group may be the one."""
    for each in ranges:
        artifact = each.name.partition(":")[2]
        if each.ecosystem == "Maven" and artifact:
            yield replace(each, name=artifact, unreadable=True)


# Some versions, nobody can read which.
_SOME: Interval = (b"", None, "", "", "")


def _once(ranges: Iterable[AffectedRange]) -> tuple[AffectedRange, ...]:
    """Each range once, in order. A module is built again for each minor release, and an erratum
    lists all builds: they are one version, mended in the lowest."""
    once: dict[object, AffectedRange] = {}
    for found in ranges:
        version, modular, _ = found.fixed.partition(".module")
        same = (
            (found.ecosystem, found.name, found.flavour, found.low, version) if modular else found
        )
        if same not in once or (modular and _ends_before(found, once[same])):
            once[same] = found
    return tuple(once.values())


def _ends_before(one: AffectedRange, other: AffectedRange) -> bool:
    return one.high is not None and other.high is not None and one.high < other.high


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


def _ids(value: object) -> tuple[str, ...]:
    ids = (text(item, MAX_ID + 1) for item in as_list(value)[:MAX_LIST])
    return tuple(dict.fromkeys(found for found in ids if 0 < len(found) <= MAX_ID))


def _date(value: object) -> datetime | None:
    """RFC 3339, in UTC as zones far off fit no database; None for what is none, and for the year 1
    some databases write for "unknown"."""
    try:
        date = datetime.fromisoformat(text(value, 40))
        date = date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return date if date.year >= 1970 else None


def _references(value: object) -> Iterator[Reference]:
    """Only what a browser may open: a link is shown to people who trust the page."""
    for entry in dicts(value):
        url = text(entry.get("url"), MAX_URL)
        if url.startswith(("https://", "http://")):
            yield Reference(text(entry.get("type"), 20), url)
