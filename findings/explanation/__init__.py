"""Why a vulnerability is reported for an image, or why not: from facts to sentences.

"Not known" is an answer of its own.
"""

from collections.abc import Sequence

from findings.explanation.answer import Explanation, Line, Reason, State, number
from findings.explanation.facts import (
    Closed,
    Facts,
    Finding,
    Image,
    Owned,
    Package,
    Place,
    Range,
    Withdrawal,
)
from findings.explanation.rules import RULES

# What keeps "not reported" from meaning "not affected".
_OPEN = frozenset(
    {
        Reason.NOT_SCANNED, Reason.UNREAD_IMAGE, Reason.NOT_JUDGED, Reason.UNKNOWN_ID,
        Reason.NO_FEED, Reason.UNKNOWN_VERSION, Reason.UNKNOWN_RANGE, Reason.DUE,
        Reason.UNREAD_FILES,
    }
)  # fmt: skip


def explain(facts: Facts) -> Explanation:
    lines = tuple(line for rule in RULES for line in rule(facts))
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
        return f"{name} is reported for this image, in {number(packages, 'package')}."
    if state == State.NOT_KNOWN:
        return f"{name} is not reported for this image, and whether it is affected is not known."
    return f"{name} is not reported for this image."


__all__ = [
    "Closed",
    "Explanation",
    "Facts",
    "Finding",
    "Image",
    "Line",
    "Owned",
    "Package",
    "Place",
    "Range",
    "Reason",
    "State",
    "Withdrawal",
    "explain",
]
