"""What a list of sub-assessments can be narrowed to, as its query says it."""

import re
from collections.abc import Mapping

from findings.api.rows import Wanted
from findings.models import FixState
from registries.arm import ResourceError

PARAMETERS = ("knownExploited", "minEpss", "fixState", "kernel")
_FIX_STATES = {state.value: state for state in FixState if state}
_TRUTH = {"true": True, "false": False, "": False}
_PROBABILITY = re.compile(r"[01]?(?:\.[0-9]{1,20})?", re.ASCII)


def wanted(query: Mapping[str, str]) -> Wanted:
    """Raises ResourceError where a parameter is given and none of its values."""
    return Wanted(
        exploited=_truth(query, "knownExploited"),
        epss=_probability(query, "minEpss"),
        fix=_fix_state(query, "fixState"),
        kernel=_truth(query, "kernel"),
    )


def _truth(query: Mapping[str, str], name: str) -> bool:
    value = query[name].lower()
    if value not in _TRUTH:
        raise _refusal(name, "true or false")
    return _TRUTH[value]


def _probability(query: Mapping[str, str], name: str) -> float:
    value = query[name]
    if not _PROBABILITY.fullmatch(value) or float(value or 0) > 1:
        raise _refusal(name, "a number from 0 to 1, such as 0.1")
    return float(value or 0)


def _fix_state(query: Mapping[str, str], name: str) -> str:
    value = query[name].lower()
    if value and value not in _FIX_STATES:
        raise _refusal(name, " or ".join(_FIX_STATES))
    return value


def _refusal(name: str, wanted: str) -> ResourceError:
    return ResourceError(400, "InvalidParameter", f"{name} is {wanted}.", target=name)
