"""Which stored images a reference means, as people write it: by digest, tag, or both."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from django.db.models import Q, QuerySet

from registries.models import Image, Placement, Registry, Repository

_ALGORITHMS = ("sha256:", "sha512:")
_SHORTEST_DIGEST = 6  # hexadecimal digits


def named(reference: str) -> list[Placement]:
    """Every place where an image stands that the reference may mean, in a stable order.

    A digest or its beginning ("sha256:4f1e…"), REPOSITORY@DIGEST or REPOSITORY:TAG, with or without
    a registry before the repository: its name here, or the host of its address. A tag of an index
    means the images that it lists. Raises ValueError, with a sentence, where nothing is meant.
    """
    reference = reference.strip()
    if not reference or "\0" in reference:
        raise ValueError("Name an image: a digest, or REGISTRY/REPOSITORY with @DIGEST or :TAG.")
    placements = Placement.objects.select_related("image", "repository__registry")
    path, at, digest = reference.rpartition("@")
    if not at and reference.startswith(_ALGORITHMS):
        return _ordered(placements.filter(_digest(reference)))
    if at:
        repositories = _repositories(path.rpartition(":")[0] if _is_tagged(path) else path)
        return _ordered(placements.filter(_digest(digest), repository__in=repositories))
    path, tag = path_and_tag(reference)
    return _ordered(_tagged(placements, _repositories(path), tag))


def path_and_tag(reference: str) -> tuple[str, str]:
    """ "latest" is meant where no tag is named, as elsewhere."""
    if not _is_tagged(reference):
        return reference, "latest"
    path, _, tag = reference.rpartition(":")
    return path, tag


def _is_tagged(path: str) -> bool:
    """A colon before a slash is that of a port."""
    return ":" in path.rpartition("/")[2]


def _digest(text: str) -> Q:
    algorithm, _, digits = text.partition(":")
    if len(digits) < _SHORTEST_DIGEST:
        raise ValueError(f"{text!r} is no digest; write it like sha256:4f1e8c… .")
    return Q(image__digest__startswith=f"{algorithm}:{digits.lower()}")


def _repositories(path: str) -> Sequence[int]:
    """The repositories of that name, and those of the registry that the path begins with."""
    first, _, rest = path.partition("/")
    found = list(Repository.objects.filter(name=path).values_list("pk", flat=True))
    registries = [
        registry.pk
        for registry in Registry.objects.only("pk", "name", "location")
        if first.lower() in (registry.name.lower(), _host(registry))
    ]
    if rest and registries:
        inside = Repository.objects.filter(registry__in=registries, name=rest)
        found += inside.values_list("pk", flat=True)
    return found


def _host(registry: Registry) -> str:
    return urlsplit(registry.location).netloc.rpartition("@")[2].lower()


def _tagged(
    placements: QuerySet[Placement], repositories: Sequence[int], tag: str
) -> QuerySet[Placement]:
    placed = placements.filter(repository__in=repositories)
    images = Image.objects.filter(tags__repository__in=repositories, tags__name=tag)
    members = Image.objects.filter(indexes__in=images)
    meant = Q(image__in=images.exclude(kind=Image.Kind.INDEX)) | Q(image__in=members)
    return placed.filter(meant)


def _ordered(placements: QuerySet[Placement]) -> list[Placement]:
    return list(
        placements.exclude(image__kind=Image.Kind.INDEX)
        .distinct()
        .order_by("repository__registry__name", "repository__name", "image__digest", "pk")[:50]
    )
