"""The trend of open findings as inline SVG: shapes from pygal, colours from the stylesheet."""

from collections.abc import Sequence

import pygal
from django.utils.safestring import SafeString, mark_safe

from findings.dashboard import Day
from findings.recommendations import SEVERITIES

FEWEST_DAYS = 2


def draw(days: Sequence[Day]) -> SafeString:
    """The chart, or nothing where there are too few days for a line."""
    if len(days) < FEWEST_DAYS:
        return SafeString("")
    chart = pygal.Line(
        width=900, height=240, margin=8, spacing=6, min_scale=3, max_scale=6, js=[],
        show_legend=False, show_dots=False, show_minor_x_labels=False, x_labels_major_count=6,
        truncate_label=-1, disable_xml_declaration=True, pretty_print=False,
    )  # fmt: skip
    chart.x_labels = [f"{day.day:%-d %b}" for day in days]
    for severity in SEVERITIES:
        chart.add(severity, [getattr(day.counts, severity) for day in days])
    chart.add_xml_filter(_only_shapes)
    return mark_safe(chart.render(is_unicode=True))  # noqa: S308 - made of numbers and dates alone


def _only_shapes(root):
    """No style, script or tooltip: the stylesheet colours it, the policy forbids the rest."""
    for parent in list(root.iter()):
        for child in [child for child in parent if _is_decoration(child)]:
            parent.remove(child)
    root.set("aria-hidden", "true")  # the table under it says the same
    return root


def _is_decoration(element) -> bool:
    unwanted = {"style", "script", "title", "desc", "defs"}
    return element.tag in unwanted or "tooltip" in element.get("class", "")
