"""A folder of OCI image layouts as a registry.

A layout anywhere below the folder is a repository, named by its path; a folder that is itself a
layout is one repository, named after it. Nothing outside the folder is read, whatever links lie
in it.
"""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO, Self

from registries.oci.auth import Credentials
from registries.oci.errors import AccessDenied, BadContent, NotARegistry, NotFound, Unreachable
from registries.oci.layout import Layout
from registries.oci.manifest import Descriptor
from registries.oci.reference import is_repository
from registries.providers.source import Provider

MAX_DEPTH = 16
MAX_FOLDERS = 100_000


class LayoutSource:
    """Reads layouts below `location`. Every method raises RegistryError and nothing else."""

    def __init__(self, location: str) -> None:
        self._root = Path(os.path.realpath(location))
        self._last: tuple[object, Layout] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def verify(self) -> None:
        with _explained(self._root):
            if not self._root.is_dir():
                raise NotARegistry(f"There is no folder {self._root}.")
            os.scandir(self._root).close()

    def repositories(self) -> Iterator[str]:
        with _explained(self._root):
            if _is_layout(self._root):
                yield _name_for(self._root)
            else:
                yield from self._below()

    def tags(self, repository: str) -> Iterator[str]:
        yield from self._layout(repository).tagged

    def digests(self, repository: str) -> Iterator[str]:
        yield from self._layout(repository).untagged()

    def resolve(self, repository: str, reference: str) -> Descriptor:
        return self._layout(repository).resolve(reference)

    def manifest(self, repository: str, reference: str) -> tuple[bytes, str, str]:
        return self._layout(repository).manifest(reference)

    def blob(
        self, repository: str, descriptor: Descriptor
    ) -> AbstractContextManager[Iterator[bytes]]:
        return self._layout(repository).blob(descriptor)

    def _below(self) -> Iterator[str]:
        """Walk the folders, following no links."""
        for count, (folder, below, files) in enumerate(os.walk(self._root, onerror=_fail)):
            if count > MAX_FOLDERS:
                raise BadContent(f"{self._root} has more than {MAX_FOLDERS:,} folders; refused.")
            path = Path(folder).relative_to(self._root)
            if "index.json" in files and is_repository(path.as_posix()):
                below[:] = [name for name in below if name != "blobs"]
                yield path.as_posix()
            below.sort()
            if len(path.parts) >= MAX_DEPTH:
                below.clear()

    def _layout(self, repository: str) -> Layout:
        """The layout of a repository, kept while its index.json stays the same."""
        folder = self._folder(repository)
        with _explained(folder):
            index = (folder / "index.json").stat()
        key = (folder, index.st_ino, index.st_size, index.st_mtime_ns)
        if self._last is None or self._last[0] != key:
            self._last = key, Layout(lambda path: self._open(folder / path))
        return self._last[1]

    def _folder(self, repository: str) -> Path:
        if _is_layout(self._root) and repository == _name_for(self._root):
            return self._root
        if not is_repository(repository):  # its grammar has no "..", so it stays below
            raise NotFound(f"{repository[:100]!r} is not the name of a repository.")
        return self._root / repository

    def _open(self, path: Path) -> BinaryIO:
        """Open a regular file of this folder: no link out of it, no pipe, no device."""
        real = Path(os.path.realpath(path))
        with _explained(path):
            if not real.is_relative_to(self._root):
                raise NotFound(f"{path} leads out of the folder of the registry; refused.")
            handle = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                os.close(handle)
                raise NotFound(f"{path} is not a file.")
            return os.fdopen(handle, "rb")


def _fail(error: OSError) -> None:
    """A folder that cannot be read must not look like one without repositories."""
    raise error


def _is_layout(folder: Path) -> bool:
    return os.path.isfile(folder / "index.json")  # noqa: PTH113 (unlike Path's, never raises)


def _name_for(folder: Path) -> str:
    """The folder's name, made to fit the grammar of repositories."""
    parts = re.findall(r"[a-z0-9]+", folder.name.lower())
    return folder.name if is_repository(folder.name) else "-".join(parts)[:255] or "layout"


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(f"There is no {path}.") from None
    except PermissionError:
        raise AccessDenied(f"{path} may not be read by the account Vigie runs as.") from None
    except (OSError, ValueError) as error:
        raise Unreachable(f"{path} cannot be read: {error}.") from error


def open_source(location: str, credentials: Credentials | None = None) -> LayoutSource:
    """Folders know no logins, so credentials are of no use here."""
    return LayoutSource(location)


PROVIDER = Provider(
    kind="layout", label="Folder of OCI image layouts", tells_pulls=False, open=open_source
)
