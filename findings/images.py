"""Read-only questions about images as they stand in a repository: what names them, what is inside,
what is wrong. Each is a fixed number of queries, however many rows it describes."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from django.db.models import (
    Case,
    Count,
    F,
    FilteredRelation,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    When,
)
from django.db.models.functions import Coalesce

from findings.models import Finding, ImageVerdict, PackageMatch, Severity
from findings.reasons import Reason, doubts_of, reason_of
from findings.recommendations import (
    HEALTHY,
    SEVERITIES,
    UNHEALTHY,
    UNVERIFIED,
    Tally,
    image_state,
)
from registries import scope
from registries.models import IndexMember, Placement, Repository, Tag, TagMove
from scans.models import ImageLayer, InventoryPackage, Report, ReportInventory, Scan

ACTIVE = (Scan.State.QUEUED, Scan.State.RUNNING)
LONGEST_HISTORY = 50
MOST_MOVES = 1000
MOST_PLACES = 20


@dataclass(frozen=True)
class ImageRow:
    """A placement with what a list shows of it: its tags, or those it had; why it is unverified;
    what else is not known of it, or not right; what is being done with it ("queued", "running",
    "judging", or "" for nothing)."""

    placement: Placement
    tags: list[str]
    former_tags: list[str]
    tally: Tally
    reason: Reason | None
    doubts: list[Reason]
    active: str

    @property
    def image(self):
        return self.placement.image

    @property
    def state(self) -> str:
        return self.placement.state

    @property
    def judged(self) -> bool:
        """Whether no findings means that there are none."""
        return self.state in (HEALTHY, UNHEALTHY)


def placements() -> QuerySet[Placement]:
    """Placements with their state and counts as columns to filter and to sort by: narrow, since
    a repository may hold a hundred thousand."""
    counts = {name: Coalesce(F(f"image__verdict__{name}"), 0) for name in SEVERITIES}
    counts["known_exploited"] = Coalesce(F("image__verdict__exploited"), 0)
    return Placement.objects.annotate(state=image_state(), **counts)


def holding(user, sets: Collection[int]) -> QuerySet[Placement]:
    """Placements of images that hold one of these package sets, as far as the user may see."""
    images = ReportInventory.objects.filter(inventory__in=sets)
    return scope.visible(placements(), user).filter(image__in=images.values("report"))


def reach(placed: QuerySet[Placement]) -> dict[str, int]:
    """How many distinct images, repositories and registries these are."""
    return placed.aggregate(
        images=Count("image", distinct=True),
        repositories=Count("repository", distinct=True),
        registries=Count("repository__registry", distinct=True),
    )


def in_full(rows: QuerySet[Placement]) -> QuerySet[Placement]:
    """With the image, its verdict and report, and where it stands."""
    return rows.select_related(
        "image__verdict", "image__report", "repository__registry__subscription"
    )


def describe(rows: Sequence[Placement]) -> list[ImageRow]:
    """These placements in full, with tags, active scans and reasons, in the order given: five
    queries."""
    order = {row.pk: place for place, row in enumerate(rows)}
    rows = sorted(in_full(placements()).filter(pk__in=order), key=lambda row: order[row.pk])
    names = tags_of(rows)
    former = _former_tags([row for row in rows if not names[row.pk]])
    scans = Scan.objects.filter(image__in=[row.image_id for row in rows], state__in=ACTIVE)
    active = dict(scans.values_list("image_id", "state"))
    return [
        _describe(row, names[row.pk], former.get(row.pk, []), active.get(row.image_id, ""))
        for row in rows
    ]


def _describe(row: Placement, tags: list[str], former: list[str], scan: str) -> ImageRow:
    plan = row.repository.registry.subscription.plan_enabled
    verdict = getattr(row.image, "verdict", None)
    report = getattr(row.image, "report", None)
    active = scan or ("judging" if report and _is_older(verdict, report) else "")
    reason = reason_of(verdict, active, plan) if row.state == UNVERIFIED else None
    doubts = doubts_of(verdict) if verdict else []
    return ImageRow(
        row, tags, former, Tally.of(row), reason, doubts[1:] if reason else doubts, active
    )


def _is_older(verdict: ImageVerdict | None, report: Report) -> bool:
    return verdict is None or verdict.scanned_at < report.scanned_at


def _former_tags(rows: Sequence[Placement]) -> dict[int, list[str]]:
    """The tags that once led to these placements themselves, the last to leave first: a query."""
    moves = TagMove.objects.filter(
        repository__in={row.repository_id for row in rows},
        digest_before__in={row.image.digest for row in rows},
    ).values_list("repository", "digest_before", "name")
    left: dict[tuple[int, str], dict[str, None]] = defaultdict(dict)
    for repository, digest, name in moves[:MOST_MOVES]:
        left[repository, digest][name] = None
    return {row.pk: list(left[row.repository_id, row.image.digest]) for row in rows}


def tags_of(rows: Iterable[Placement]) -> dict[int, list[str]]:
    """The tags that lead to each placement, directly or through an index: two queries."""
    rows = list(rows)
    indexes: dict[int, set[int]] = defaultdict(set)
    for image, index in IndexMember.objects.filter(
        image__in=[row.image_id for row in rows]
    ).values_list("image_id", "index_id"):
        indexes[image].add(index)
    targets = {row.image_id for row in rows}.union(*indexes.values())
    names: dict[tuple[int, int], list[str]] = defaultdict(list)
    for repository, image, name in (
        Tag.objects.filter(repository__in={row.repository_id for row in rows}, image__in=targets)
        .order_by("name")
        .values_list("repository_id", "image_id", "name")
    ):
        names[repository, image].append(name)
    return {
        row.pk: sorted(
            {
                name
                for image in (row.image_id, *indexes[row.image_id])
                for name in names[row.repository_id, image]
            }
        )
        for row in rows
    }


def tag_moves(placement: Placement) -> list[TagMove]:
    """The moves of tags to and from this image, or an index that lists it, newest first."""
    digests = [placement.image.digest]
    digests += placement.image.indexes.values_list("digest", flat=True)
    concerned = Q(digest_before__in=digests) | Q(digest_after__in=digests)
    moves = TagMove.objects.filter(concerned, repository=placement.repository_id)
    found = list(moves[:LONGEST_HISTORY])
    for move in found:
        move.away = move.digest_before in digests and move.digest_after not in digests
    return found


def elsewhere(placement: Placement) -> QuerySet[Repository]:
    """The other repositories of the registry in which the same digest stands."""
    return Repository.objects.filter(placements__image=placement.image_id).exclude(
        pk=placement.repository_id
    )


# --- what is inside ---


def inventories_of(image_id: int) -> QuerySet:
    return ReportInventory.objects.filter(report=image_id).values("inventory")


def packages_of(image_id: int) -> QuerySet[InventoryPackage]:
    """The packages of an image, each with the file it was read from and the layer it came with."""
    entries = InventoryPackage.objects.filter(inventory__in=inventories_of(image_id))
    return entries.select_related("package__match_key", "layer").defer("layer__record")


@dataclass(frozen=True)
class LayerRow:
    """A step of an image's history with the findings of the packages it brought."""

    step: ImageLayer
    packages: int
    tally: Tally


def layers_of(image_id: int) -> list[LayerRow]:
    """The steps of an image, oldest first, with what each brought: two queries."""
    brought = {row["layer__digest"]: row for row in _by_layer(image_id)}
    nothing: dict[str, int] = {}
    return [
        LayerRow(step, row.get("packages", 0), Tally.of(row))
        for step in ImageLayer.objects.filter(report=image_id)
        for row in [brought.get(step.digest, nothing)]
    ]


def _by_layer(image_id: int) -> QuerySet:
    found = FilteredRelation(
        "package__findings",
        condition=Q(
            package__findings__inventory=F("inventory"),
            package__findings__closed_at=None,
            package__findings__counted=True,
        ),
    )
    counts = {
        severity.name.lower(): Count("found", filter=Q(found__severity=severity), distinct=True)
        for severity in Severity
    }
    entries = InventoryPackage.objects.filter(inventory__in=inventories_of(image_id))
    return (
        entries.annotate(found=found)
        .values("layer__digest")
        .annotate(packages=Count("package", distinct=True), **counts)
    )


# --- what is wrong ---


def findings_of(image_id: int) -> QuerySet[Finding]:
    """The findings of an image, open and closed, those of kernels too; `exploited` (1 or 0) and
    `likely` (the EPSS) are columns to sort by."""
    exploited = When(vulnerability__known_exploited_on__isnull=False, then=1)
    found = Finding.objects.filter(inventory__in=inventories_of(image_id)).annotate(
        exploited=Case(exploited, default=0), likely=Coalesce(F("vulnerability__epss"), 0.0)
    )
    return found.select_related("package", "vulnerability")


@dataclass(frozen=True)
class Place:
    """Where a package was found: the file, the layer, and the instruction that made the layer."""

    path: str
    layer: str
    instruction: str | None


@dataclass(frozen=True)
class Proof:
    """Why a finding is one; a closed one has no match any more."""

    match: PackageMatch | None
    places: list[Place]


def with_matches(findings: Sequence[Finding]) -> list[tuple[Finding, PackageMatch | None]]:
    """Each finding with the match that proves it and its advisory's summary: one query.

    A closed finding has none: the match was withdrawn with it.
    """
    matches = proofs(
        {finding.package_id for finding in findings},
        {finding.vulnerability_id for finding in findings},
    ).defer("advisory__details")
    known = {(match.package_id, match.vulnerability_id): match for match in matches}
    return [(f, known.get((f.package_id, f.vulnerability_id))) for f in findings]


def proof(finding: Finding, image_id: int) -> Proof:
    """The advisory and range that prove a finding, and the files and layers: two queries."""
    entries = InventoryPackage.objects.filter(
        inventory=finding.inventory_id, package=finding.package_id
    )
    steps = ImageLayer.objects.filter(report=image_id, digest=OuterRef("layer__digest"))
    return Proof(
        match=proofs({finding.package_id}, {finding.vulnerability_id}).first(),
        places=[
            Place(*row)
            for row in entries.order_by("path").values_list(
                "path", "layer__digest", Subquery(steps.values("created_by")[:1])
            )[:MOST_PLACES]
        ],
    )


def proofs(packages: Collection[int], vulnerabilities: Collection[int]) -> QuerySet[PackageMatch]:
    return PackageMatch.objects.filter(
        package__in=packages, vulnerability__in=vulnerabilities
    ).select_related("advisory__feed")
