"""How templates show counts by severity."""

from typing import Any

from django import template
from django.urls import reverse

from findings.recommendations import KEY, SEVERITIES, STATES, RegistryRow, Tally
from findings.vulnerabilities import link

register = template.Library()

MEDIA_TYPES = {
    "application/vnd.oci.image.manifest.v1+json": "OCI image manifest",
    "application/vnd.oci.image.index.v1+json": "OCI image index",
    "application/vnd.docker.distribution.manifest.v2+json": "Docker image manifest",
    "application/vnd.docker.distribution.manifest.list.v2+json": "Docker manifest list",
    "application/vnd.cyclonedx+json": "CycloneDX document",
    "application/spdx+json": "SPDX document",
}


@register.filter
def tally(row: Any) -> Tally:
    """The counts a row carries, as one value."""
    return row.tally if isinstance(row, RegistryRow) else Tally.of(row)


@register.filter
def by_severity(counts: Tally) -> list[tuple[str, int]]:
    return [(severity, getattr(counts, severity)) for severity in SEVERITIES]


@register.filter
def segments(counts: Tally) -> list[tuple[str, float, float]]:
    """A bar's parts: severity, start and width in per cent."""
    parts, start = [], 0.0
    for severity, number in by_severity(counts):
        width = 100 * number / (counts.findings or 1)
        if number:
            parts.append((severity, round(start, 2), round(width, 2)))
        start += width
    return parts


@register.filter
def share(part: int, whole: int) -> float:
    """In per cent."""
    return round(100 * part / whole, 1) if whole else 0.0


@register.filter
def likelihood(epss: float | None) -> str:
    """A probability in per cent, as far as it says something."""
    if epss is None:
        return "–"
    return "< 0.1 %" if epss < 0.001 else f"{100 * epss:.1f} %"


@register.filter
def state_label(state: str) -> str:
    return STATES.get(state, state)


@register.filter
def short(digest: str) -> str:
    """The first twelve hexadecimal digits, as the panes show them."""
    return digest.partition(":")[2][:12] or digest


@register.filter
def media_label(media_type: str) -> str:
    return MEDIA_TYPES.get(media_type, media_type)


@register.filter
def public_page(name: str) -> str:
    """Where to read about a vulnerability's id."""
    return link(name)


@register.simple_tag
def recommendation_url() -> str:
    return reverse("recommendation", args=[KEY])
