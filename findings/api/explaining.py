"""An explanation as JSON."""

from typing import Any

from findings.explanation import Explanation, Line


def as_json(explanation: Explanation) -> dict[str, Any]:
    return {
        "asked": explanation.asked,
        "vulnerability": explanation.vulnerability,
        "aliases": list(explanation.aliases),
        "digest": explanation.digest,
        "state": str(explanation.state),
        "sentence": explanation.sentence,
        "reasons": [_line(line) for line in explanation.lines],
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "reason": str(line.reason),
        "sentence": line.sentence,
        "package": line.package,
        "version": line.version,
        "ecosystem": line.ecosystem,
        "source": line.source,
        "places": [
            {"path": f"/{place.path}", "layer": place.layer, "instruction": place.instruction}
            for place in line.places
        ],
        "advisory": line.advisory,
        "feed": line.feed,
        **({"modified": line.modified.isoformat()} if line.modified else {}),
        "range": line.range,
        "comparison": line.comparison,
    }
