"""Walk one repository: its tags, what they point to, and what stands there without a tag."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import islice

from django.utils import timezone

from registries.inventory import reading, store
from registries.models import IndexMember, Placement, Registry, Repository
from registries.oci.errors import BadContent, DigestMismatch, NotFound
from registries.providers import Source

PAGE = 200  # tags resolved, then written in one short transaction
MAX_LISTED = 1_000_000


class Visit:
    """`standing` is what the registry has confirmed to be there; `tags` the names it listed."""

    def __init__(
        self,
        registry: Registry,
        source: Source,
        repository: Repository,
        note: Callable[[str], None],
    ) -> None:
        self.registry = registry
        self.source = source
        self.repository = repository
        self.note = note
        self.placed = store.placed_digests(repository)
        self.standing: set[str] = set()
        self.tags: set[str] = set()
        self.changes = 0

    def run(self) -> None:
        """Raises RegistryError before anything is removed; what was found until then is kept."""
        started = timezone.now()
        for names in self._pages(self.source.tags, "tags"):
            self._take_tags(names)
        for digests in self._pages(self.source.digests, "digests"):
            self._take_digests(digests)
        self._remove_tags(started)
        self._remove_placements(started)

    def _pages(self, listing: Callable[[str], Iterator[str]], what: str) -> Iterator[list[str]]:
        """A repository without any tags, or without anything, may be said not to be there."""
        try:
            names = at_most(MAX_LISTED, listing(self.repository.name), what)
            while page := list(islice(names, PAGE)):
                yield page
        except NotFound:
            return

    def _take_tags(self, names: list[str]) -> None:
        at = timezone.now()
        self.tags.update(names)
        targets = {name: digest for name in names if (digest := self._resolve(name))}
        found = self._read(targets.values())
        with self._writing():
            store.place(self.repository, found)
            self.changes += store.point_tags(self.repository, targets, at)

    def _take_digests(self, digests: list[str]) -> None:
        """Where the provider can tell what stands there without a tag."""
        found = self._read(digest for digest in digests if store.fits("digest", digest))
        with self._writing():
            store.place(self.repository, found)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """An event may have deleted the repository meanwhile, while the registry still has it."""
        with store.writing(self.registry):
            self.repository = store.repository_of(self.registry, self.repository.name)
            yield

    def _resolve(self, tag: str) -> str | None:
        """The digest a tag points to; None where it has gone meanwhile or is not fit to keep."""
        if not store.fits("tag", tag):
            return self._left_out(tag, "its name is not valid.")
        try:
            digest = self.source.resolve(self.repository.name, tag).digest
        except NotFound:
            self.tags.discard(tag)
            return None
        except (BadContent, DigestMismatch) as error:
            return self._left_out(tag, str(error))
        if not store.fits("digest", digest):
            return self._left_out(tag, "its digest is none that can be kept.")
        return digest

    def _read(self, digests: Iterable[str]) -> list[reading.Found]:
        """Fetch what is not known yet, each digest once."""
        found: list[reading.Found] = []
        for digest in dict.fromkeys(digests):
            if digest not in self.placed:
                try:
                    found += reading.read(
                        self.source, self.repository.name, digest, known=self.placed
                    )
                except NotFound:  # gone between being listed and being read
                    continue
                except DigestMismatch as error:
                    self._left_out(digest, str(error))
                    continue
                self.placed.update(one.digest for one in found)
            self.standing.add(digest)
        self.changes += len(found)
        return found

    def _left_out(self, what: str, why: str) -> None:
        self.note(f"Repository {self.repository.name}: {what[:72]} was left out: {why}")

    def _remove_tags(self, started: datetime) -> None:
        """A tag may have been set after the listing had passed its place: ask before it goes."""
        unlisted = [
            tag
            for tag in self.repository.tags.filter(moved_at__lt=started).only("name", "repository")
            if tag.name not in self.tags and self._is_gone(tag.name)
        ]
        with store.writing(self.registry):
            tags = self.repository.tags.filter(
                pk__in=[tag.pk for tag in unlisted], moved_at__lt=started
            )
            self.changes += store.remove_tags(tags, timezone.now())

    def _remove_placements(self, started: datetime) -> None:
        """What no tag led to may stand untagged, and is pullable still: ask for each."""
        standing = self._with_members(self.standing)
        before = Placement.objects.filter(
            store.standing_before(started), repository=self.repository
        )
        unconfirmed = before.values_list("image", "image__digest")
        gone = [
            image
            for image, digest in unconfirmed
            if digest not in standing and self._is_gone(digest)
        ]
        with store.writing(self.registry):
            still = before.filter(image__in=gone).values_list("image", flat=True)
            self.changes += store.remove_placements(self.repository, list(still), timezone.now())

    def _with_members(self, digests: set[str]) -> set[str]:
        """With what the indexes among them list, down to the depth that is read."""
        listed = IndexMember.objects.filter(index__placements__repository=self.repository)
        pairs = list(listed.values_list("index__digest", "image__digest"))
        reached = set(digests)
        for _ in range(reading.MAX_DEPTH):
            reached.update(member for index, member in pairs if index in reached)
        return reached

    def _is_gone(self, reference: str) -> bool:
        try:
            self.source.resolve(self.repository.name, reference)
        except NotFound:
            return True
        except (BadContent, DigestMismatch):
            return False
        return False


def at_most(limit: int, names: Iterable[str], what: str) -> Iterator[str]:
    """Pass names on, and refuse a list that does not end; raises BadContent."""
    names = iter(names)
    yield from islice(names, limit)
    if next(names, None) is not None:
        raise BadContent(f"It lists more than {limit:,} {what}; no more than these were read.")
