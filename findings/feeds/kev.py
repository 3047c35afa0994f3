"""CISA's catalogue of known exploited vulnerabilities (its JSON schema, 1.0)."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson

from findings.feeds import NotAdvisories
from findings.feeds.dates import day, moment

MAX_ACTION = 5_000
CVE = re.compile(r"CVE-[0-9]{4}-[0-9]{4,19}", re.ASCII)


@dataclass(frozen=True)
class Exploited:
    """A CVE that is used in attacks: since when CISA knows, by when it wants it mended and how."""

    cve: str
    added: date
    due: date | None
    ransomware: bool
    action: str


@dataclass(frozen=True)
class Catalogue:
    """`unreadable` counts the entries that name no CVE or no day."""

    released: datetime | None
    entries: tuple[Exploited, ...]
    unreadable: int


def parse(raw: bytes) -> Catalogue:
    """Raises NotAdvisories where that is no such catalogue."""
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise NotAdvisories(f"The catalogue is not JSON: {error}.") from error
    listed = document.get("vulnerabilities") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise NotAdvisories("There is no list of vulnerabilities in the catalogue.")
    entries = [_entry(item) for item in listed]
    known = {entry.cve: entry for entry in entries if entry}
    return Catalogue(
        moment(document.get("dateReleased")), tuple(known.values()), entries.count(None)
    )


def _entry(item: Any) -> Exploited | None:
    fields = item if isinstance(item, dict) else {}
    cve, added = fields.get("cveID"), day(fields.get("dateAdded"))
    if not (isinstance(cve, str) and CVE.fullmatch(cve) and added):
        return None
    action = fields.get("requiredAction")
    return Exploited(
        cve=cve,
        added=added,
        due=day(fields.get("dueDate")),
        ransomware=fields.get("knownRansomwareCampaignUse") == "Known",
        action=action.replace("\0", "")[:MAX_ACTION] if isinstance(action, str) else "",
    )
