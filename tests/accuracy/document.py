"""Write docs/accuracy.md: `make accuracy`, or `python -m tests.accuracy.document FOLDER`.

The figures in it are the floor: `test_accuracy.py` measures again and fails where one has dropped.
"""

import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.accuracy import measuring
from tests.accuracy.measuring import Order, Score

PATH = Path(__file__).resolve().parents[2] / "docs" / "accuracy.md"
_MOST_DIFFERENCES = 40

_INTRODUCTION = """# How right the scanner is

Made by `make accuracy` from labels that others worked out: package lists by an independent scanner,
checked against dpkg, apk and rpm; findings by the distributions' own comparers, never by a scanner;
comparisons of versions by the native tools. A test fails when a figure drops. What differs is
listed, and `docs/decisions.md` says who is right and why.
"""
_UNKNOWN = """*Unknown* are versions that the ecosystem's own format refuses, or that no key can be
made of: such a package is shown as not judged, never as not affected. The lines of Maven that are
wrong here were made by a Maven before 3.9 and are right by 3.9.
"""
_SCORES = "| {} | right | wrong | missed | precision | recall | F1 |\n|---|--:|--:|--:|--:|--:|--:|"
_ORDERS = "| ecosystem | right | unknown | wrong |\n|---|--:|--:|--:|"
_ROW = re.compile(
    r"\| (?P<name>[^|]+?) \| (?P<right>\d+) \| (?P<second>\d+) \| (?P<third>\d+) \|.*"
)


def write(data: Path) -> None:
    """Measure by the labels in this folder. Raises FileNotFoundError where there is none."""
    if not data.is_dir():
        raise FileNotFoundError(f"There are no labels to measure by: no folder {data}.")
    measured = measuring.packages(data), measuring.findings(data), measuring.orders(data)
    PATH.write_text(compose(*measured))


def compose(
    packages: Mapping[str, Score], findings: Mapping[str, Score], orders: Mapping[str, Order]
) -> str:
    parts = [
        _INTRODUCTION,
        _section("Packages", _SCORES.format("type"), _score_rows(packages)),
        _differences(packages),
        _section("Findings", _SCORES.format("advisories of"), _score_rows(findings)),
        _left_out(findings),
        _differences(findings),
        _section("Orderings", _ORDERS, _order_rows(orders)),
        _UNKNOWN,
    ]
    return "\n".join(filter(None, parts))


def _section(title: str, head: str, rows: Iterable[str]) -> str:
    return "\n".join([f"## {title}\n", head, *rows, ""])


def _score_rows(scores: Mapping[str, Score]) -> Iterable[str]:
    for name, score in scores.items():
        shares = " | ".join(f"{share:.4f}" for share in (score.precision, score.recall, score.f1))
        yield f"| {name} | {score.right} | {score.wrong} | {score.missed} | {shares} |"


def _left_out(scores: Mapping[str, Score]) -> str:
    rows = [f"{score.left_out} of {name}" for name, score in scores.items() if score.left_out]
    if not rows:
        return ""
    return (
        f"Labelled, and left out: {', '.join(rows)}, where an erratum of a module stream is laid\n"
        "to a package of none because its version is lower.\n"
    )


def _order_rows(orders: Mapping[str, Order]) -> Iterable[str]:
    for name, order in orders.items():
        yield f"| {name} | {order.right} | {order.unknown} | {order.wrong} |"


def _differences(scores: Mapping[str, Score]) -> str:
    lines = [line for score in scores.values() for line in score.differences]
    if not lines:
        return ""
    shown = [f"- `{line}`" for line in lines[:_MOST_DIFFERENCES]]
    if len(lines) > _MOST_DIFFERENCES:
        shown.append(f"- and {len(lines) - _MOST_DIFFERENCES} more")
    return "\n".join(["Found and not labelled (+), labelled and not found (−):\n", *shown, ""])


def recorded(title: str) -> dict[str, tuple[int, int, int]]:
    """The three counts of each row of a section of the document as it stands."""
    _, _, rest = PATH.read_text().partition(f"## {title}\n")
    rows = map(_ROW.fullmatch, rest.partition("## ")[0].splitlines())
    return {
        row["name"]: (int(row["right"]), int(row["second"]), int(row["third"]))
        for row in rows
        if row
    }


if __name__ == "__main__":
    write(Path(sys.argv[1]) / "data")
