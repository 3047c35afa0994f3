"""Intervals of version keys from what OSV says of a package: events of ranges, and listed versions.

Source: the OSV schema, "affected[].ranges[].events fields" and "Evaluation".
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

from findings.feeds.values import as_dict, as_list, text
from findings.versions import encode, end

MAX_RANGES = 500
MAX_EVENTS = 1_000
MAX_VERSIONS = 20_000

_LAST_KNOWN = re.compile(r"(<=?) ?(\S{1,100})")

# low, high, introduced, fixed, last affected
Interval = tuple[bytes, bytes | None, str, str, str]


def intervals(ecosystem: str, entry: dict[str, Any]) -> tuple[list[Interval], int]:
    """What an entry of `affected` says, and how much of it cannot be read: ranges with a version
    that cannot be ordered, what is beyond the limits, or everything, where it tells of commits
    alone or of nothing."""
    ranges = [r for r in map(as_dict, as_list(entry.get("ranges"))) if r.get("type") != "GIT"]
    failed = max(0, len(ranges) - MAX_RANGES)
    last = _last_known(entry)
    found: list[Interval] = []
    for described in ranges[:MAX_RANGES]:
        events = _read(ecosystem, as_list(described.get("events")), last)
        if events is None:
            failed += 1
        else:
            found += _between(events)
    versions = as_list(entry.get("versions"))
    failed += max(0, len(versions) - MAX_VERSIONS)
    listed = list(_listed(ecosystem, versions[:MAX_VERSIONS], found))
    if not ranges and not listed:
        failed += 1
    return [*found, *listed], failed


def _last_known(entry: dict[str, Any]) -> dict[str, str] | None:
    """GitHub writes what it knows of a vulnerability that is not fixed beside the range."""
    said = as_dict(entry.get("database_specific")).get("last_known_affected_version_range")
    if said is None:
        return None
    match = _LAST_KNOWN.fullmatch(text(said, 110))
    return {"last_affected" if match[1] == "<=" else "limit": match[2]} if match else None


# The key from which an event counts, its kind, and the version as written.
_Event = tuple[bytes, str, str]


def _read(ecosystem: str, events: list[Any], last: dict[str, str] | None) -> list[_Event] | None:
    """The events, up to the last version known to be affected where none of them ends the range."""
    if last and all(as_dict(event).keys() == {"introduced"} for event in events):
        return _events(ecosystem, [*events, last]) or _events(ecosystem, events)
    return _events(ecosystem, events)


def _events(ecosystem: str, events: list[Any]) -> list[_Event] | None:
    """None where one of the events cannot be placed: the rest would then say something else."""
    found = []
    for event in events[: MAX_EVENTS + 1]:
        for kind, version in as_dict(event).items():
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
    return (end if kind == "last_affected" else encode)(ecosystem, version)


def _between(events: list[_Event]) -> Iterator[Interval]:
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
) -> Iterator[Interval]:
    low, introduced = opened
    if limit is not None and (high is None or limit < high):
        high, fixed, last = limit, "", ""
    if high is None or low < high:
        yield low, high, introduced, fixed, last


def _listed(ecosystem: str, versions: list[Any], ranges: list[Interval]) -> Iterator[Interval]:
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
            yield key, end(ecosystem, version), version, "", version


def _union(intervals: list[Interval]) -> list[tuple[bytes, bytes | None]]:
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
