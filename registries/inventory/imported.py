"""What is put into a registry here, without a registry elsewhere that could be asked for it."""

from datetime import datetime

from django.db import transaction

from registries.inventory.reading import Found
from registries.inventory.store import place, point_tags, repository_of
from registries.models import Image, Placement, Registry


@transaction.atomic
def record_import(
    registry: Registry, repository: str, found: Found, tag: str, at: datetime, actor: str = ""
) -> Image:
    """Let what was imported stand in a repository, and a tag, if one is given, point to it."""
    stands_in = repository_of(registry, repository)
    place(stands_in, [found])
    if tag:
        point_tags(stands_in, {tag: found.digest}, at)
    image = Image.objects.get(registry=registry, digest=found.digest)
    Placement.objects.filter(repository=stands_in, image=image).update(
        pushed_at=at, pushed_by=actor[:200]
    )
    return image
