"""What sources say in their own words: how bad it is, whether it will be mended, whether it is a
flaw at all."""

import re
from collections.abc import Iterator
from typing import Any

from findings import severity
from findings.feeds.values import as_dict, dicts, text

# Red Hat's kin put their own rating before the title: "Important: podman security update".
_RATED_TITLE = re.compile(r"(critical|important|moderate|low):", re.IGNORECASE)
_RATED_IDS = ("ALSA-", "RLSA-", "RHSA-")

# Words of Debian's and Ubuntu's trackers, Red Hat's, Chainguard's and VEX's for what its maker
# leaves as it is.
_WONT_FIX = frozenset(
    {
        "unimportant",
        "end-of-life",
        "ignored",
        "deferred",
        "no-dsa",
        "wont-fix",
        "will-not-fix",
        "fix-not-planned",
        "out-of-support-scope",
    }
)
_STATES = frozenset({"urgency", "status", "state", "fix_state"})
_RATINGS = ("urgency", "ubuntu_priority", "severity")
# RustSec's notices that a crate has no maintainer any more, or something else to know: no flaws.
_NO_FLAW = frozenset({"unmaintained", "notice"})


def is_no_flaw(entry: dict[str, Any]) -> bool:
    return as_dict(entry.get("database_specific")).get("informational") in _NO_FLAW


def is_left(entry: dict[str, Any]) -> bool:
    """Whether the package's maker, in one of the fields of its own, leaves it as it is."""
    return any(re.sub(r"[\s_]+", "-", word.strip().lower()) in _WONT_FIX for word in _states(entry))


def _states(entry: dict[str, Any]) -> Iterator[str]:
    for said in _own_fields(entry):
        for key in _STATES & said.keys():
            yield text(said[key], 40)
        for component in dicts(said.get("components")):  # Chainguard's
            yield text(component.get("latest_event_status"), 40)


def _own_fields(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """What is of the package's ecosystem and of the database; most records have neither."""
    parts = (entry.get("ecosystem_specific"), entry.get("database_specific"))
    return [part for part in parts if part and isinstance(part, dict)]


def database_severity(record_id: str, fields: dict[str, Any]) -> int:
    """A package that was published to do harm (MAL-…) is as bad as can be."""
    if record_id.startswith("MAL-"):
        return severity.CRITICAL
    return _word(fields.get("database_specific"), "severity")


def distribution_severity(record_id: str, summary: str, fields: dict[str, Any]) -> int:
    title = _RATED_TITLE.match(summary) if record_id.startswith(_RATED_IDS) else None
    return severity.from_word(title[1]) if title else _ubuntu(fields.get("severity"))


def package_severity(entry: dict[str, Any]) -> int | None:
    """Debian's urgency, Ubuntu's priority, a severity word, or vectors, given for this package."""
    words = [_word(part, key) for part in _own_fields(entry) for key in _RATINGS if key in part]
    if given := entry.get("severity"):
        words += [_ubuntu(given), severity.from_vectors(vectors(given))]
    return next((word for word in words if word != severity.UNKNOWN), None)


def _word(value: object, key: str) -> int:
    return severity.from_word(text(as_dict(value).get(key), 40))


def _ubuntu(value: object) -> int:
    words = (
        text(entry.get("score"), 40) for entry in dicts(value) if entry.get("type") == "Ubuntu"
    )
    return max(map(severity.from_word, words), default=severity.UNKNOWN)


def vectors(value: object) -> tuple[str, ...]:
    """CVSS vectors as written; one too long to be one is cut, and then scores nothing."""
    return tuple(
        text(entry.get("score"), severity.MAX_VECTOR + 1)
        for entry in dicts(value)
        if text(entry.get("type"), 20).startswith("CVSS")
    )
