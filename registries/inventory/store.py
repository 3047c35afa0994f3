"""What the tables know of a registry's content, written in bulk."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from registries.inventory.reading import Found
from registries.models import (
    DIGEST_LENGTH,
    Image,
    IndexMember,
    Placement,
    Registry,
    Repository,
    Tag,
    TagMove,
)

MAX_NAMES = {"repository": 255, "tag": 128, "digest": DIGEST_LENGTH}
BATCH = 1000


def fits(kind: str, name: str) -> bool:
    """Whether a registry's name can be kept: longer ones are no valid names, and are left out."""
    return 0 < len(name) <= MAX_NAMES[kind] and name.isprintable()


@contextmanager
def writing(registry: Registry) -> Iterator[None]:
    """A short transaction, alone with this registry's inventory; never held over the network.

    One writer at a time keeps an event from placing an image that a walk is just removing.
    """
    with transaction.atomic():
        Registry.objects.select_for_update(no_key=True).only("pk").get(pk=registry.pk)
        yield


def repository_of(registry: Registry, name: str) -> Repository:
    return Repository.objects.get_or_create(registry=registry, name=name)[0]


def placed_digests(repository: Repository) -> set[str]:
    return set(repository.placements.values_list("image__digest", flat=True))


def place(repository: Repository, found: Sequence[Found]) -> None:
    """Let images stand in a repository, with the members of their indexes."""
    registry = repository.registry_id
    images = [_image(registry, one) for one in sorted(found, key=lambda one: one.digest)]
    Image.objects.bulk_create(images, ignore_conflicts=True, batch_size=BATCH)
    ids = image_ids(registry, {one.digest for one in found}.union(*(one.members for one in found)))
    IndexMember.objects.bulk_create(
        [
            IndexMember(index_id=ids[one.digest], image_id=ids[member])
            for one in found
            for member in one.members
            if member in ids
        ],
        ignore_conflicts=True,
        batch_size=BATCH,
    )
    Placement.objects.bulk_create(
        [Placement(repository=repository, image_id=pk) for pk in sorted(ids.values())],
        ignore_conflicts=True,
        batch_size=BATCH,
    )


def image_ids(registry_id: int, digests: Collection[str]) -> dict[str, int]:
    images = Image.objects.filter(registry=registry_id, digest__in=digests)
    return dict(images.values_list("digest", "pk"))


def point_tags(repository: Repository, targets: Mapping[str, str], at: datetime) -> int:
    """Let tags point to digests, as seen at a time; returns how many moved.

    What a later event said of a tag stays.
    """
    ids = image_ids(repository.registry_id, set(targets.values()))
    current = {
        tag.name: tag for tag in repository.tags.filter(name__in=targets).select_related("image")
    }
    moves = [
        TagMove(
            repository=repository,
            name=name,
            digest_before=current[name].image.digest if name in current else "",
            digest_after=digest,
            at=at,
        )
        for name, digest in targets.items()
        if digest in ids and _moves(current.get(name), digest, at)
    ]
    _point(repository, {move.name: ids[move.digest_after] for move in moves}, at)
    TagMove.objects.bulk_create(moves, batch_size=BATCH)
    return len(moves)


def move_tag(repository: Repository, name: str, image: Image | None, at: datetime) -> None:
    """Set a tag, or remove it where there is no image, as of the time it was announced.

    News older than what is known changes the history alone.
    """
    digest = image.digest if image else ""
    moves = repository.tag_moves.filter(name=name)
    latest = moves.first()
    if latest and latest.at > at:
        _splice(moves.filter(at__gt=at).last(), digest, at)
        return
    tag = repository.tags.filter(name=name).select_related("image").first()
    if tag and tag.moved_at > at:
        return
    before = tag.image.digest if tag else ""
    # A removal is kept even of a tag never seen: the push that it undid may still be on its way.
    if digest != before or latest is None:
        moves.create(
            repository=repository, name=name, digest_before=before, digest_after=digest, at=at
        )
    if image:
        _point(repository, {name: image.pk}, at)
    elif tag:
        tag.delete()


def remove_tags(tags: QuerySet[Tag], at: datetime) -> int:
    """Forget tags; their history keeps what they pointed to."""
    rows = list(tags.select_related("image"))
    TagMove.objects.bulk_create(
        [
            TagMove(
                repository_id=tag.repository_id,
                name=tag.name,
                digest_before=tag.image.digest,
                at=at,
            )
            for tag in rows
        ],
        batch_size=BATCH,
    )
    Tag.objects.filter(pk__in=[tag.pk for tag in rows]).delete()
    return len(rows)


def remove_placements(repository: Repository, images: Collection[int], at: datetime) -> int:
    """Take images out of a repository with their tags; what stands nowhere then is deleted."""
    remove_tags(repository.tags.filter(image__in=images), at)
    Placement.objects.filter(repository=repository, image__in=images).delete()
    elsewhere = Placement.objects.filter(image=OuterRef("pk"))
    _delete(Image.objects.filter(~Exists(elsewhere), pk__in=images).order_by("pk"))
    return len(images)


def disconnect(registry: Registry) -> None:
    """Forget a registry with all that stands there, in steps of BATCH images."""
    registry.events.all().delete()
    for rows in (Tag, TagMove, Placement):
        rows.objects.filter(repository__registry=registry).delete()
    while _delete(registry.images.order_by("pk")[:BATCH]):
        pass
    registry.delete()


@transaction.atomic
def _delete(images: QuerySet[Image]) -> int:
    """Locked first: who is just writing of an image is waited for, and that goes with it."""
    locked = list(images.select_for_update(of=("self",)).values_list("pk", flat=True))
    Image.objects.filter(pk__in=locked).delete()
    return len(locked)


def standing_before(at: datetime) -> Q:
    """Placements that nothing newer than this time speaks for."""
    return Q(pushed_at__lte=at) | Q(pushed_at__isnull=True, first_seen_at__lte=at)


def _image(registry_id: int, found: Found) -> Image:
    return Image(
        registry_id=registry_id,
        digest=found.digest,
        kind=found.kind,
        media_type=_bounded(found.media_type, 255),
        os=_bounded(found.platform.os, 50),
        architecture=_bounded(found.platform.architecture, 50),
        variant=_bounded(found.platform.variant, 50),
        size=found.size,
    )


def _bounded(text: str, length: int) -> str:
    """PostgreSQL keeps no NUL; the rest is cut to its column."""
    return text.replace("\0", "")[:length]


def _moves(tag: Tag | None, digest: str, at: datetime) -> bool:
    return tag is None or (tag.image.digest != digest and tag.moved_at <= at)


def _point(repository: Repository, targets: Mapping[str, int], at: datetime) -> None:
    Tag.objects.bulk_create(
        [
            Tag(repository=repository, name=name, image_id=image, moved_at=at)
            for name, image in sorted(targets.items())
        ],
        update_conflicts=True,
        unique_fields=["repository", "name"],
        update_fields=["image", "moved_at"],
        batch_size=BATCH,
    )


def _splice(later: TagMove, digest: str, at: datetime) -> None:
    """Put a move that was announced late into the history, before the one that came after it."""
    if later.digest_before == digest:
        return
    TagMove.objects.create(
        repository_id=later.repository_id,
        name=later.name,
        digest_before=later.digest_before,
        digest_after=digest,
        at=at,
    )
    later.digest_before = digest
    later.save(update_fields=["digest_before"])
