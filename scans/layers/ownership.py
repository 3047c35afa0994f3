"""Which files of a layer a distribution's package brought."""

from collections.abc import Iterator

from scans.catalogers import Owns, cataloger_for

# Since the merge of /usr these folders are links to those below usr/, and databases name either.
_MERGED = ("bin/", "sbin/", "lib/", "lib32/", "lib64/", "libx32/")
_NO_PROGRAMS = ("etc/", "usr/share/", "usr/include/", "usr/src/", "var/")


class Ownership:
    """The owned paths that a cataloger could want; a distribution owns a hundred times more."""

    def __init__(self) -> None:
        self._packages: dict[str, str] = {}

    def add(self, owns: Owns) -> Iterator[str]:
        """Remember who owns these paths, and yield those that are remembered."""
        for path in owns.paths:
            if _could_be_wanted(path):
                yield path
                self._packages[_merged(path)] = owns.package

    def of(self, path: str) -> str:
        """The package that brought the file, or ""."""
        return self._packages.get(_merged(path), "")


def _could_be_wanted(path: str) -> bool:
    program = "." not in path[path.rfind("/") + 1 :] and not path.startswith(_NO_PROGRAMS)
    return cataloger_for(path, executable=program) is not None


def _merged(path: str) -> str:
    return f"usr/{path}" if path.startswith(_MERGED) else path
