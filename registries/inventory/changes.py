"""Apply one event. The network is asked only about what the tables do not know yet."""

from collections.abc import Sequence

from django.db import connection
from django.db.models import Q, QuerySet

from registries.connection import connect
from registries.inventory import reading, store
from registries.models import Placement, Registry, RegistryEvent, Repository
from registries.oci.errors import NotFound

_KNOWN_PULLS = """
    SELECT event.id, placement.id, event.occurred_at, event.actor
    FROM registries_registryevent event
    JOIN registries_repository repository
        ON repository.registry_id = event.registry_id AND repository.name = event.repository
    JOIN registries_image image
        ON image.registry_id = event.registry_id AND image.digest = event.digest
    JOIN registries_placement placement
        ON placement.repository_id = repository.id AND placement.image_id = image.id
    WHERE event.id = ANY(%s)
    ORDER BY event.occurred_at, event.id
"""
_NEWEST_PULLS = """
    UPDATE registries_placement placement SET pulled_at = said.at, pulled_by = said.by
    FROM unnest(%s::bigint[], %s::timestamptz[], %s::text[]) AS said (id, at, by)
    WHERE placement.id = said.id
        AND (placement.pulled_at IS NULL OR placement.pulled_at < said.at)
"""


def record_push(registry: Registry, event: RegistryEvent) -> None:
    """A manifest was pushed, perhaps by a tag; one that is gone again already is left out."""
    if not _ensure_placed(registry, event):
        return
    with store.writing(registry):
        placement = _placements(registry, event).select_related("image", "repository").first()
        if placement is None:
            return
        _newest(_placements(registry, event), "pushed", event)
        if event.tag:
            store.move_tag(placement.repository, event.tag, placement.image, event.occurred_at)


def record_mount(registry: Registry, event: RegistryEvent) -> None:
    """A manifest was mounted from another repository: it stands here now, as after a push."""
    record_push(registry, event)


def record_pull(registry: Registry, event: RegistryEvent) -> None:
    """Somebody pulled this digest. A client that pulls an index then pulls the image of its
    platform, and both are announced, so an index's pull says nothing about its other members."""
    if _ensure_placed(registry, event):
        _newest(_placements(registry, event), "pulled", event)


def record_known_pulls(events: Sequence[int]) -> list[int]:
    """Record pulls, by their events' ids, of what stands where they say; returns the ids of those.

    The others are for `record_pull`, which asks the registry.
    """
    if not events:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN_PULLS, [list(events)])
        known = cursor.fetchall()
        newest = {placement: (placement, at, by) for _, placement, at, by in known}
        columns = list(zip(*sorted(newest.values()), strict=True)) or [(), (), ()]
        cursor.execute(_NEWEST_PULLS, [list(column) for column in columns])
    return [event for event, *_ in known]


def record_delete(registry: Registry, event: RegistryEvent) -> None:
    """A manifest, a tag or a whole repository is gone; what was pushed later than that stays."""
    with store.writing(registry):
        repository = registry.repositories.filter(name=event.repository).first()
        if repository is not None:
            _DELETES[event.action](repository, event)


def _delete_manifest(repository: Repository, event: RegistryEvent) -> None:
    _remove_standing(repository.placements.filter(image__digest=event.digest), repository, event)


def _delete_tag(repository: Repository, event: RegistryEvent) -> None:
    store.move_tag(repository, event.tag, None, event.occurred_at)


def _delete_repository(repository: Repository, event: RegistryEvent) -> None:
    _remove_standing(repository.placements.all(), repository, event)
    if not repository.placements.exists():
        repository.delete()


_DELETES = {
    RegistryEvent.Action.DELETE_MANIFEST: _delete_manifest,
    RegistryEvent.Action.DELETE_TAG: _delete_tag,
    RegistryEvent.Action.DELETE_REPOSITORY: _delete_repository,
}


def _remove_standing(
    placements: QuerySet[Placement], repository: Repository, event: RegistryEvent
) -> None:
    gone = placements.filter(store.standing_before(event.occurred_at))
    images = list(gone.values_list("image", flat=True))
    store.remove_placements(repository, images, event.occurred_at)


def _placements(registry: Registry, event: RegistryEvent) -> QuerySet[Placement]:
    return Placement.objects.filter(
        repository__registry=registry,
        repository__name=event.repository,
        image__digest=event.digest,
    )


def _ensure_placed(registry: Registry, event: RegistryEvent) -> bool:
    """Whether the digest stands in the repository; one not known is asked of the registry."""
    if _placements(registry, event).exists():
        return True
    try:
        with connect(registry) as source:
            found = reading.read(source, event.repository, event.digest)
    except NotFound:
        return False
    with store.writing(registry):
        store.place(store.repository_of(registry, event.repository), found)
    return True


def _newest(placements: QuerySet[Placement], what: str, event: RegistryEvent) -> None:
    """Note who last pushed or pulled; events may come in any order."""
    older = Q(**{f"{what}_at__isnull": True}) | Q(**{f"{what}_at__lt": event.occurred_at})
    placements.filter(older).update(**{f"{what}_at": event.occurred_at, f"{what}_by": event.actor})
