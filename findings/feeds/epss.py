"""The daily scores of EPSS (first.org/epss): how likely a CVE is to be exploited within 30 days.

A comment names the model and the day, a header the columns, and then comes a line for each CVE:

    #model_version:v2025.03.14,score_date:2026-01-31T00:00:00+0000
    cve,epss,percentile
    CVE-2026-0001,0.00045,0.15321
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from findings.feeds import NotAdvisories
from findings.feeds.dates import day
from findings.feeds.kev import CVE

COLUMNS = ["cve", "epss", "percentile"]
# float() also reads "nan", "infinity" and "1_0".
_SHARE = re.compile(r"[0-9]?\.?[0-9]{1,20}(?:[eE]-?[0-9]{1,3})?", re.ASCII)


class Score(NamedTuple):
    """Probability and percentile, from 0 to 1."""

    cve: str
    epss: float
    percentile: float


@dataclass(frozen=True)
class Scores:
    model: str
    day: date | None
    scores: dict[str, Score]
    unreadable: int


def parse(raw: bytes) -> Scores:
    """Raises NotAdvisories where these are no such scores."""
    lines = iter(raw.decode("utf-8-sig", "replace").splitlines())
    first = next(lines, "")
    about = dict(_pairs(first)) if first.startswith("#") else {}
    header = next(lines, "") if about or first.startswith("#") else first
    if [column.strip() for column in header.split(",")][:3] != COLUMNS:
        raise NotAdvisories(f"The scores do not begin with the columns {', '.join(COLUMNS)}.")
    scores: dict[str, Score] = {}
    unreadable = 0
    for line in filter(None, lines):
        if score := _score(line):
            scores[score.cve] = score
        else:
            unreadable += 1
    model = about.get("model_version", "")[:60]
    return Scores(model, day(about.get("score_date")), scores, unreadable)


def _pairs(comment: str) -> Iterator[tuple[str, str]]:
    for part in comment[1:].split(","):
        name, _, value = part.partition(":")
        yield name.strip(), value.strip()


def _score(line: str) -> Score | None:
    cve, _, rest = line.partition(",")
    epss, _, percentile = rest.partition(",")
    shares = [float(value) for value in (epss, percentile) if _SHARE.fullmatch(value)]
    readable = len(shares) == 2 and max(shares) <= 1 and CVE.fullmatch(cve)
    return Score(cve, *shares) if readable else None
