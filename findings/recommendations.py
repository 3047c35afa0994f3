"""Assessments: what an image, a repository, a registry and a subscription are, and why.

An image's verdict is stored; everything above follows from its images: unhealthy if any is,
else unverified if any is, else healthy; not applicable without images. Counts are of distinct
images and read the narrow verdicts, never findings. An image without a verdict is unverified:
nobody has looked at it yet.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from django.conf import settings
from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from findings.models import ImageVerdict
from registries import scope
from registries.models import Image, Placement, Registry, Repository

KEY = "dbd0cb49-b563-45e7-9724-889e799fa648"
SEVERITIES = ("critical", "high", "medium", "low", "unknown")
# Most urgent first; the last column keeps the order total.
WORST_FIRST = (*(f"-{severity}" for severity in SEVERITIES), "-id")

UNHEALTHY, UNVERIFIED, HEALTHY = "unhealthy", "unverified", "healthy"
NOT_APPLICABLE = "not-applicable"
STATES = {
    UNHEALTHY: "Unhealthy",
    HEALTHY: "Healthy",
    UNVERIFIED: "Unverified",
    NOT_APPLICABLE: "Not applicable",
}
# In the order in which they want attention.
ATTENTION = (UNHEALTHY, UNVERIFIED, HEALTHY, NOT_APPLICABLE)

DESCRIPTION = (
    "Container images carry the packages of their base and of the application. When a "
    "vulnerability becomes known in one of them, every registry that serves the image passes it "
    "on to whatever runs it. Vigie reads each image once, keeps what is inside, and judges it "
    "again whenever an advisory changes."
)
REMEDIATION_STEPS = (
    "Open an unhealthy registry, then a repository and an image that is still in use.",
    "Go through its findings from critical to low; those with a fixed version come first.",
    "Open a finding and follow its remediation: mostly a newer base image or package.",
    "Build the image again and push it. It is scanned within seconds.",
    "See on its page that the findings are gone.",
    "Delete the old digest: as long as it can be pulled, it is reported.",
)


@dataclass(frozen=True)
class Tally:
    """Distinct images by state and their open findings by severity."""

    image_count: int = 0
    unhealthy: int = 0
    healthy: int = 0
    unverified: int = 0
    critical: int = 0
    high: int = 0
    medium: int = 0
    low: int = 0
    unknown: int = 0

    @classmethod
    def of(cls, row: Any) -> "Tally":
        """From a row that `tallied` annotated, or a dict of the same names."""
        read = row.get if isinstance(row, dict) else lambda name: getattr(row, name, 0)
        return cls(**{field.name: read(field.name) or 0 for field in fields(cls)})

    def __add__(self, other: "Tally") -> "Tally":
        names = (field.name for field in fields(self))
        return Tally(**{name: getattr(self, name) + getattr(other, name) for name in names})

    @property
    def findings(self) -> int:
        return sum(getattr(self, severity) for severity in SEVERITIES)

    @property
    def known(self) -> bool:
        """Whether no findings means none: of images nobody could read, nothing is known."""
        return bool(self.findings or self.scanned or not self.unverified)

    @property
    def urgency(self) -> tuple[int, ...]:
        """What sorts the most vulnerable to the end."""
        return tuple(getattr(self, severity) for severity in SEVERITIES)

    @property
    def scanned(self) -> int:
        return self.healthy + self.unhealthy

    @property
    def state(self) -> str:
        if self.unhealthy:
            return UNHEALTHY
        if self.unverified:
            return UNVERIFIED
        return HEALTHY if self.healthy else NOT_APPLICABLE


def tallied(queryset: QuerySet, images: str) -> QuerySet:
    """Annotate rows with a Tally's counts; `images` is the lookup from a row to its images."""
    image = Q(**{f"{images}kind": Image.Kind.IMAGE})
    verdict = f"{images}verdict__"
    count = {
        state: Count(f"{images}id", filter=Q(**{f"{verdict}state": state}) & image)
        for state in (UNHEALTHY, HEALTHY)
    }
    count |= {severity: Coalesce(Sum(f"{verdict}{severity}"), 0) for severity in SEVERITIES}
    return queryset.annotate(image_count=Count(f"{images}id", filter=image), **count).annotate(
        unverified=F("image_count") - F("unhealthy") - F("healthy")
    )


# A Tally's counts of images that are one row each.
_COUNTS = {
    "image_count": Count("id"),
    "unhealthy": Count("id", filter=Q(verdict__state=UNHEALTHY)),
    "healthy": Count("id", filter=Q(verdict__state=HEALTHY)),
    "unverified": Count("id") - Count("id", filter=Q(verdict__state__in=[UNHEALTHY, HEALTHY])),
    **{severity: Coalesce(Sum(f"verdict__{severity}"), 0) for severity in SEVERITIES},
}


def total(images: QuerySet[Image]) -> Tally:
    """The tally of the distinct images of a queryset: one query."""
    return Tally.of(images.filter(kind=Image.Kind.IMAGE).aggregate(**_COUNTS))


# What a state means for rows that `tallied` annotated.
IN_STATE = {
    UNHEALTHY: Q(unhealthy__gt=0),
    UNVERIFIED: Q(unhealthy=0, unverified__gt=0),
    HEALTHY: Q(unhealthy=0, unverified=0, healthy__gt=0),
    NOT_APPLICABLE: Q(image_count=0),
}


def count_states(queryset: QuerySet, in_state: Mapping[str, Q]) -> dict[str, int]:
    """How many rows are in each state, those that want attention first: one query."""
    counts = queryset.aggregate(
        **{f"in_{state}": Count("pk", filter=condition) for state, condition in in_state.items()}
    )
    return {state: counts[f"in_{state}"] for state in ATTENTION}


@dataclass(frozen=True)
class RegistryRow:
    registry: Registry
    tally: Tally


def registries_of(user) -> list[RegistryRow]:
    """Every registry the user may see, most vulnerable first: two queries.

    The images are grouped alone: with the registries' own columns it takes twice the time.
    """
    images = scope.visible(Image.objects.filter(kind=Image.Kind.IMAGE), user)
    tallies = {
        row["registry"]: Tally.of(row) for row in images.values("registry").annotate(**_COUNTS)
    }
    registries = scope.visible(Registry.objects.select_related("subscription"), user)
    rows = [RegistryRow(registry, tallies.get(registry.pk, Tally())) for registry in registries]
    return sorted(rows, key=lambda row: row.tally.urgency, reverse=True)


def repositories_of(registry: Registry) -> QuerySet[Repository]:
    """With their tallies, and whether all that stood there is gone."""
    standing = Placement.objects.filter(repository=OuterRef("pk"))
    repositories = Repository.objects.filter(registry=registry)
    return tallied(repositories, "placements__image__").annotate(emptied=~Exists(standing))


def image_state() -> Case:
    """A Placement's state: what its image's verdict says; unverified until one is there."""
    return Case(
        When(~Q(image__kind=Image.Kind.IMAGE), then=Value(NOT_APPLICABLE)),
        default=Coalesce(F("image__verdict__state"), Value(UNVERIFIED)),
        output_field=CharField(),
    )


@dataclass(frozen=True)
class Reason:
    """Why an image is not verified: in two words, what was seen if a scan said so, and what to do
    about it unless that said it already."""

    title: str
    advice: str
    detail: str = ""


# Codes of scans.support.Reason, "not-judged", and those of an image that has no verdict yet.
REASONS = {
    "windows": Reason("Windows image", "Judge this image with a tool made for Windows."),
    "empty": Reason(
        "Nothing to read", "What cannot be read here can be judged where the image is built."
    ),
    "no-access": Reason(
        "No access",
        "Where the registry refused, check the credentials in its settings and that they may pull "
        "from this repository, then scan again.",
    ),
    "too-large": Reason(
        "Too large",
        "The limits keep hostile images harmless. Split large layers, or let an operator raise the "
        "limit, then scan again.",
    ),
    "damaged": Reason("Damaged", "Push the image again."),
    "too-slow": Reason(
        "Took too long",
        "Scan again; if it stays so, look at the registry's speed and at unusually deep or "
        "numerous files.",
    ),
    "failed": Reason(
        "Scan failed", "Scan again; the detail helps whoever runs Vigie if that fails too."
    ),
    "artifact": Reason("Not an image", "Charts, signatures and the like have nothing to scan."),
    "not-judged": Reason(
        "No advisories",
        "The image was read, but no feed speaks of its distribution or ecosystem. Add such a feed, "
        "or use a base image that is covered.",
    ),
    "waiting": Reason("Waiting for its first scan", "Nothing to do: a worker will take it."),
    "running": Reason("Being scanned", "Nothing to do: the result appears in a moment."),
    "judging": Reason("Being judged", "Nothing to do: it was read, and the result appears soon."),
    "plan-off": Reason(
        "The plan is off",
        "Images of this subscription are not scanned. Switch the container-registries plan on.",
    ),
    "not-due": Reason(
        "Never scanned",
        "It was not pushed or pulled since the plan is on, so no scan was due. Scan it now to "
        "know what is inside.",
    ),
}
UNNAMED = Reason("Not verified", "Scan the image again.")


def reason_of(verdict: ImageVerdict | None, active: str, plan_enabled: bool) -> Reason | None:
    """Why an image is unverified; `active` is "queued", "running", "judging" or "" for neither."""
    if verdict is not None:
        return _final(verdict) if verdict.state == UNVERIFIED else None
    if active:
        return REASONS["waiting" if active == "queued" else active]
    return REASONS["not-due" if plan_enabled else "plan-off"]


def _final(verdict: ImageVerdict) -> Reason:
    reason = REASONS.get(verdict.reason, UNNAMED)
    advice = "" if reason.advice in verdict.detail else reason.advice
    return Reason(reason.title, advice, verdict.detail)


def name() -> str:
    """The display name; clients know the recommendation by its key, sample queries by its name."""
    return settings.RECOMMENDATION_NAME
