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
    """Distinct images by state and their open findings by severity; how many of the images have a
    vulnerability that is known to be exploited, and how many are past their end of life."""

    image_count: int = 0
    unhealthy: int = 0
    healthy: int = 0
    unverified: int = 0
    exploited: int = 0
    ended: int = 0
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
    "exploited": Count("id", filter=Q(verdict__exploited__gt=0)),
    "ended": Count("id", filter=Q(verdict__end_of_life__isnull=False)),
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


def name() -> str:
    """The display name; clients know the recommendation by its key, sample queries by its name."""
    return settings.RECOMMENDATION_NAME
