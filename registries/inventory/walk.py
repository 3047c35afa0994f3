"""Walk a registry's catalogue: find what no event announced, and notice what is gone."""

import logging
from datetime import timedelta

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.db.models import Q, QuerySet
from django.utils import timezone

from registries.connection import connect
from registries.inventory import store
from registries.inventory.visit import Visit, at_most
from registries.models import Registry
from registries.oci.errors import RegistryError, Throttled, Unreachable
from registries.providers import Source
from registries.session_locks import alone_with

MAX_REPOSITORIES = 100_000
MAX_FAILED_IN_A_ROW = 5
RETRY_FAILED_AFTER = timedelta(minutes=5)
_LOCK = 0x76696769  # any number of our own, beside the registry's id

log = logging.getLogger(__name__)


def sync(registry: Registry) -> int:
    """Bring the inventory up to date with the registry; returns how many things changed.

    Never raises RegistryError: `registry.problem` says in a sentence what could not be walked.
    What was found stays even if the walk fails later; nothing is removed unless its absence was
    confirmed by asking for it. Does nothing where another walk of this registry is under way, or
    where there is nobody to ask.
    """
    if registry.kind == Registry.Kind.SBOM:
        return 0
    with alone_with(_LOCK, registry.pk) as alone:
        if not alone:
            return 0
        walk = _Walk(registry)
        walk.run()
        registry.problem, registry.walked_at = walk.problem(), timezone.now()
        if walk.verified:
            registry.verified_at = registry.walked_at
        Registry.objects.filter(pk=registry.pk).update(
            problem=registry.problem,
            walked_at=registry.walked_at,
            verified_at=registry.verified_at,
        )
        return walk.changes


def due() -> QuerySet[Registry]:
    """Registries never walked, not for an interval, or not to the end at the last attempt."""
    now = timezone.now()
    long_ago = now - timedelta(seconds=settings.WALK_INTERVAL_SECONDS)
    return Registry.objects.exclude(kind=Registry.Kind.SBOM).filter(
        Q(walked_at=None)
        | Q(walked_at__lt=long_ago)
        | ~Q(problem="") & Q(walked_at__lt=now - RETRY_FAILED_AFTER)
    )


class _Walk:
    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.verified = False
        self.changes = 0
        self.first_trouble = ""
        self.troubles = 0
        self.failed_in_a_row = 0
        self.broken_off = ""

    def problem(self) -> str:
        """What could not be walked, in a sentence; "" where everything was."""
        if self.broken_off or self.troubles < 2:
            return self.broken_off or self.first_trouble
        return f"{self.first_trouble} (And {self.troubles - 1:,} more like this.)"

    def run(self) -> None:
        try:
            with connect(self.registry) as source:
                source.verify()
                self.verified = True
                self._walk(source)
        except RegistryError as error:
            self.broken_off = str(error)
        except Registry.DoesNotExist:
            self.broken_off = "The registry was disconnected during the walk."
        except Exception as error:
            log.exception("The walk of registry %s", self.registry.pk)
            self.broken_off = (
                f"The walk ended in an error of Vigie's own ({type(error).__name__}). "
                "The worker's log tells more."
            )

    def _walk(self, source: Source) -> None:
        listed: set[str] = set()
        for name in at_most(MAX_REPOSITORIES, source.repositories(), "repositories"):
            if self._is_sound(name):
                listed.add(name)
                self._visit(source, name, listed=True)
        known = self.registry.repositories.values_list("name", flat=True)
        for name in sorted(set(known) - listed):
            self._visit(source, name, listed=False)

    def _visit(self, source: Source, name: str, listed: bool) -> None:
        """One repository that fails leaves the others to be walked; a dead registry or database
        does not."""
        try:
            self._walk_repository(source, name, listed)
        except (Unreachable, Throttled, Registry.DoesNotExist, OperationalError, InterfaceError):
            raise
        except RegistryError as error:
            self._note(f"Repository {name}: {error}")
            self.failed_in_a_row += 1
            if self.failed_in_a_row >= MAX_FAILED_IN_A_ROW:
                raise
        except Exception:
            # Hostile content, an event that deleted what was being written, or a bug of ours.
            log.exception("Repository %s of registry %s", name, self.registry.pk)
            self._note(f"Repository {name} could not be stored; it is walked again soon.")
        else:
            self.failed_in_a_row = 0

    def _walk_repository(self, source: Source, name: str, listed: bool) -> None:
        repository = store.repository_of(self.registry, name)
        visit = Visit(self.registry, source, repository, self._note)
        try:
            visit.run()
        finally:
            self.changes += visit.changes
        if not listed and not repository.placements.exists():
            with store.writing(self.registry):
                repository.delete()
            self.changes += 1

    def _note(self, trouble: str) -> None:
        self.first_trouble = self.first_trouble or trouble
        self.troubles += 1

    def _is_sound(self, name: str) -> bool:
        if store.fits("repository", name):
            return True
        self._note(f"{name[:60]!r} was left out: it is no valid name of a repository.")
        return False
