"""Which image another is built on, as far as both are known, and what a newer one would change.

Layers tell: an image whose first layers are all of another's is built on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from findings.images import in_full, inventories_of, tags_of
from findings.models import Finding
from registries import scope
from registries.models import IndexMember, Placement, Tag, TagMove
from scans.indexing import chain
from scans.models import ImageLayer, Report, Scan

MOST_BASES = 50
MOST_MOVES = 1_000


@dataclass(frozen=True)
class Base:
    """`placement` is where the base stands, `layers` are the digests it brought. `tag` names what
    it is, or once was, called; `newer` is what that tag points to now, if that is another image."""

    placement: Placement
    layers: frozenset[str]
    tag: str
    newer: Placement | None


def base_of(user, image_id: int) -> Base | None:
    """The image with the most layers that this one begins with, among those the user sees."""
    layers = ImageLayer.objects.filter(report=image_id).exclude(digest="")
    digests = list(layers.order_by("position").values_list("digest", flat=True))
    chains = {chain(digests[:length]): length for length in range(1, len(digests))}
    found = Report.objects.filter(chain__in=list(chains)).exclude(pk=image_id)
    reports = scope.visible(found, user, path="image__registry__subscription")
    lengths = {pk: chains[bytes(own)] for pk, own in reports.values_list("pk", "chain")}
    if not lengths:
        return None
    longest = max(lengths.values())
    images = sorted(pk for pk, length in lengths.items() if length == longest)[:MOST_BASES]
    return _base(user, images, frozenset(digests[:longest]))


def _base(user, images: Sequence[int], layers: frozenset[str]) -> Base | None:
    placements = scope.visible(in_full(Placement.objects.filter(image__in=images)), user)
    placed = list(placements.order_by("pk")[:MOST_BASES])
    if not placed:
        return None
    names = tags_of(placed)
    for placement in placed:
        if tags := names[placement.pk]:
            return Base(placement, layers, tags[0], newer=None)
    former = _former_tags(placed)
    pairs = [(placement, tag) for placement in placed for tag in former.get(placement.pk, [])]
    now = _now(user, pairs)
    for placement, tag in pairs:
        for newer in now.get((placement.repository_id, tag), ()):
            if newer.image.platform == placement.image.platform and newer.image_id not in images:
                return Base(placement, layers, tag, newer)
    return Base(placed[0], layers, "", newer=None)


def _former_tags(placed: Sequence[Placement]) -> dict[int, list[str]]:
    """The tags that once led to these placements, themselves or through an index, the last to
    leave first: two queries."""
    images = {placement.image.digest: {placement.image_id} for placement in placed}
    for image, digest in IndexMember.objects.filter(
        image__in={placement.image_id for placement in placed}
    ).values_list("image_id", "index__digest"):
        images.setdefault(digest, set()).add(image)
    moves = TagMove.objects.filter(
        repository__in={placement.repository_id for placement in placed},
        digest_before__in=list(images),
    ).exclude(digest_after="")
    left: dict[tuple[int, int], dict[str, None]] = {}
    for repository, digest, name in moves.values_list("repository_id", "digest_before", "name")[
        :MOST_MOVES
    ]:
        for image in images[digest]:
            left.setdefault((repository, image), {})[name] = None
    return {
        placement.pk: list(left.get((placement.repository_id, placement.image_id), ()))
        for placement in placed
    }


def _now(user, pairs: Sequence[tuple[Placement, str]]) -> dict[tuple[int, str], list[Placement]]:
    """Where these tags of the repositories lead by now, directly or through an index, to images
    that were read and judged: three queries."""
    repositories = {placement.repository_id for placement, _ in pairs}
    tags = Tag.objects.filter(repository__in=repositories, name__in={tag for _, tag in pairs})
    pointed = list(tags.values_list("repository_id", "name", "image_id"))
    members: dict[int, list[int]] = {}
    for index, image in IndexMember.objects.filter(
        index__in={image for *_, image in pointed}
    ).values_list("index_id", "image_id"):
        members.setdefault(index, [index]).append(image)
    wanted = {each for *_, image in pointed for each in members.get(image, [image])}
    standing = Placement.objects.filter(
        repository__in=repositories,
        image__in=wanted,
        image__report__result=Scan.Result.INDEXED,
        image__verdict__isnull=False,
    )
    placed = {
        (placement.repository_id, placement.image_id): placement
        for placement in in_full(scope.visible(standing, user))
    }
    return {
        (repository, name): [
            placed[repository, each]
            for each in members.get(image, [image])
            if (repository, each) in placed
        ]
        for repository, name, image in pointed
    }


def findings_of(image_id: int) -> dict[tuple[str, int], int]:
    """The severity of each open finding that counts, by the package's name and vulnerability."""
    found = Finding.objects.filter(inventory__in=inventories_of(image_id)).open()
    return {
        (name, vulnerability): severity
        for name, vulnerability, severity in found.values_list(
            "package__name", "vulnerability_id", "severity"
        )
    }
