"""What a CVSS vector says, in plain sentences: how an attack comes about, and what it does.

The base metrics of first.org's specifications: v2 section 2.1, v3.1 section 2, v4.0 section 2.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from findings.severity import read_vector

_REACH = {
    "N": "over the network",
    "A": "from a neighbouring network",
    "L": "by someone or something that runs on the same system",
    "P": "by someone at the machine itself",
}
_PRIVILEGES = {
    "N": "without an account",
    "L": "with an ordinary account",
    "H": "with an administrator's account",
}
_AUTHENTICATION = {
    "N": "without an account",
    "S": "after logging in once",
    "M": "after logging in more than once",
}
_HELP = {
    "N": "nobody else has to do anything",
    "R": "someone has to be led to take part, such as by opening a file or a link",
    "P": "someone has to use the system meanwhile",
    "A": "someone has to be led to take part, such as by opening a file or a link",
}
_HARMS = {"C": "read data it should not", "I": "change data", "A": "make the system unavailable"}


@dataclass(frozen=True)
class Impact:
    """`threat`: how it can be attacked; `impact`: what that does. Both "" where nobody says."""

    threat: str = ""
    impact: str = ""


def explain(vectors: Iterable[str]) -> Impact:
    """The sentences of the preferred vector: version 3, then 4, then 2, as for the score. Of
    several of one version the worst speaks; a vector that cannot be read says nothing."""
    read = [found for vector in vectors if (found := read_vector(vector))]
    if not read:
        return Impact()
    worst = max(read, key=lambda found: (_PREFERENCE[found.version], found.score))
    return Impact(_threat(worst.version, worst.metrics), _impact(worst.version, worst.metrics))


_PREFERENCE = {"v2": 0, "v4": 1, "v3": 2}


def _threat(version: str, metrics: Mapping[str, str]) -> str:
    reach = _REACH[metrics["AV"]]
    if version == "v2":
        return (
            f"It can be attacked {reach}, {_AUTHENTICATION[metrics['Au']]}.{_difficulty(metrics)}"
        )
    helped = _HELP[metrics["UI"]]
    return (
        f"It can be attacked {reach}, {_PRIVILEGES[metrics['PR']]}; {helped}.{_difficulty(metrics)}"
    )


def _difficulty(metrics: Mapping[str, str]) -> str:
    """Access or attack complexity; in v4 also the requirements an attack has."""
    hard = metrics["AC"] == "H" or metrics.get("AT") == "P"
    return " It takes circumstances that an attacker does not control." if hard else ""


def _impact(version: str, metrics: Mapping[str, str]) -> str:
    """What an attack does to confidentiality, integrity and availability, the total first."""
    prefix, total, partial = {"v2": ("", "C", "P"), "v3": ("", "H", "L"), "v4": ("V", "H", "L")}[
        version
    ]
    harms = [(metrics[prefix + metric], harm) for metric, harm in _HARMS.items()]
    said = [
        _sentence(start, [harm for level, harm in harms if level == wanted])
        for start, wanted in (("An attack can", total), ("To some degree it can", partial))
    ]
    return " ".join(filter(None, said)) or "An attack harms neither data nor service by itself."


def _sentence(start: str, harms: list[str]) -> str:
    if not harms:
        return ""
    *first, last = harms
    return f"{start} {' and '.join(filter(None, (', '.join(first), last)))}."
