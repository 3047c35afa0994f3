"""What the wanted files of one layer say: each read by its cataloger, and each failing alone."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from io import SEEK_END, BytesIO
from typing import BinaryIO

from scans import osrelease
from scans.catalogers import (
    DISTRIBUTION_TYPES,
    Cataloger,
    Component,
    Owns,
    Unreadable,
    cataloger_for,
    storable,
)
from scans.layers.budget import Budget, LayerError, too_large
from scans.layers.ownership import Ownership
from scans.layers.record import Content, Problem
from scans.osrelease import Distro
from scans.support import Reason

_MAX_SENTENCE = 300
Reader = Cataloger | str  # a cataloger, or os-release


def reader_of(path: str, executable: bool = False) -> Reader | None:
    reader = cataloger_for(path, executable)
    return reader or ("os-release" if path in osrelease.FILES else None)


class WantedFiles:
    """`remember` is told of every path that is kept, and may refuse more."""

    def __init__(
        self, budget: Budget, also_read: Set[str], remember: Callable[[str], None]
    ) -> None:
        self.contents: dict[str, Content] = {}
        self.problems: dict[str, Problem] = {}
        self.barren: set[str] = set()  # programs, or what stands in for one, without packages
        self.unread: set[str] = set()
        self._budget = budget
        self._also_read = also_read
        self._remember = remember
        self._owners = Ownership()
        self._bodies: dict[str, bytes] = {}  # of journals, and of `also_read`
        self._held = 0
        self._journals: dict[str, str] = {}  # what is journaled → its journal
        self._packages = 0

    def read(self, path: str, file: BinaryIO, reader: Reader) -> None:
        if not isinstance(reader, Cataloger):
            self._put(path, osrelease.parse(file.read(), path))
        elif journaled := reader.journal_of(path):
            self._add_journal(path, journaled, file)
        else:
            self._catalog(path, file, reader)

    def hold(self, path: str, file: BinaryIO) -> bool:
        """Keep a whole file for what refers to it, unless all that is kept grows too long."""
        self._held += file.seek(0, SEEK_END)
        file.seek(0)
        if self._held <= self._budget.wanted_file_bytes:
            self._bodies[path] = file.read()
            file.seek(0)
        return path in self._bodies

    def link(self, path: str, target: str, reader: Reader) -> bool:
        """Whether the target of a hard link has told what it says, or told that it cannot."""
        program = isinstance(reader, Cataloger) and bool(reader.magic)
        if target in self.barren and program:
            return True
        if target in self.contents and (program or reader_of(target) is reader):
            self._put(path, self.contents[target])
            if target in self.problems:
                self.problems[path] = self.problems[target]
        elif target in self._bodies:
            self.read(path, BytesIO(self._bodies[target]), reader)
        elif target in self._also_read:
            sentence = "It is a hard link to a file of another layer, or one too long to hold."
            self.fail(path, Reason.DAMAGED, sentence)
        else:
            self.unread.add(target)
            return False
        return True

    def fail(self, path: str, reason: Reason, sentence: str) -> None:
        self._put(path, self.contents.get(path, ()))
        self.problems[path] = Problem(reason, sentence)

    def forget(self, path: str) -> None:
        self.contents.pop(path, None)
        self.problems.pop(path, None)

    def apply_journals(self) -> None:
        """A database is what it is together with its journal, whichever of the two came first."""
        for database, journal in self._journals.items():
            reader = cataloger_for(database)
            if reader and database in self._bodies:
                merged = reader.merge(self._bodies[database], self._bodies[journal])
                self._catalog(database, BytesIO(merged), reader)
            elif database not in self.contents:
                sentence = "It is the journal of a database in another layer."
                self.fail(journal, Reason.DAMAGED, sentence)
            elif database in self._also_read:
                sentence = "It and its journal are too long to be held together."
                self.fail(database, Reason.TOO_LARGE, sentence)
            else:
                self.unread.add(database)

    def owned(self) -> Mapping[str, str]:
        """Of language packages only: a distribution's database is owned by some package as well."""
        return {
            path: owner
            for path, content in sorted(self.contents.items())
            if not _is_of_distribution(content) and (owner := self._owners.of(path))
        }

    def hiding(self) -> Iterator[str]:
        """What may stand in the place of a lower layer's program. No need to tell of what came with
        the distribution: nothing else is put where that will be."""
        return (path for path in self.barren if not self._owners.of(path))

    def _put(self, path: str, content: Content) -> None:
        self._remember(path)
        self.contents[path] = content

    def _add_journal(self, path: str, journaled: str, file: BinaryIO) -> None:
        if not file.read(1):
            return  # it was emptied into its database
        if self.hold(path, file):
            self._journals[journaled] = path
        else:
            self.fail(path, Reason.TOO_LARGE, "The journal of a database is too long to be held.")

    def _catalog(self, path: str, file: BinaryIO, reader: Cataloger) -> None:
        found: dict[Component, None] = {}
        problem = self._catch(path, file, reader, found)
        self._packages += len(found)
        self.problems.pop(path, None)
        if problem:
            self.problems[path] = problem
        if found or problem or not reader.executables:
            self._put(path, tuple(found))
        else:
            self._remember(path)
            self.barren.add(path)

    def _catch(
        self, path: str, file: BinaryIO, reader: Cataloger, found: dict[Component, None]
    ) -> Problem | None:
        """Add what a file holds to `found`, and say what is wrong with the file."""
        try:
            for component in storable(self._components(reader.read(path, file))):
                found[component] = None
                self._check_packages(len(found))
        except LayerError:
            raise
        except Unreadable as error:
            sentence = "".join(filter(str.isprintable, str(error)))[:_MAX_SENTENCE]
            return Problem(Reason.TOO_LARGE if error.too_large else Reason.DAMAGED, sentence)
        except MemoryError:
            return Problem(Reason.TOO_LARGE, "Reading it takes more memory than there is.")
        except Exception as error:  # of one file, which is not worth the whole image
            return Problem(
                Reason.FAILED,
                f"Reading it ended in an error of Vigie's own ({type(error).__name__}).",
            )
        return None

    def _components(self, found: Iterable[Component | Owns]) -> Iterator[Component]:
        for each in found:
            if isinstance(each, Component):
                yield each
            else:
                for path in self._owners.add(each):
                    self._remember(path)

    def _check_packages(self, found: int) -> None:
        if self._packages + found > self._budget.packages:
            raise too_large("it has more packages than allowed", self._budget.packages, "packages")


def _is_of_distribution(content: Content) -> bool:
    return isinstance(content, Distro) or (bool(content) and content[0].type in DISTRIBUTION_TYPES)
