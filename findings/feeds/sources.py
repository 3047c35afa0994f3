"""Open a feed wherever it lies, and stream its raw records: a URL of a zip, a zip, or a folder.

A folder holds `ECOSYSTEM/all.zip`, as the public OSV dumps are laid out, or zips, or JSON files.
What is read is bounded as it is read, whatever headers and directories claim.
"""

import io
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import IO, Self, cast

import httpx

from findings.feeds import NotAdvisories, TooLarge, Unreachable

USER_AGENT = "Vigie/0.1 (advisory feed)"
_TIMEOUT = httpx.Timeout(30, connect=10)
_IN_MEMORY = 32 * 2**20
_CHUNK = 2**18


@dataclass(frozen=True)
class Limits:
    """Bytes, seconds and counts no honest feed comes near."""

    download: int = 4 * 2**30
    seconds: float = 1800
    # A zip's directory is read whole, and takes about ten times its size in memory.
    directory: int = 64 * 2**20
    entries: int = 1_000_000
    record: int = 16 * 2**20
    total: int = 64 * 2**30
    # Uncompressed bytes for each byte of the zip; JSON advisories stay below 20.
    ratio: int = 200


class Source:
    """An open feed. Iterate over it once: (name, bytes) of each record, in a fixed order.

    `etag` says which state of the source this is; `unchanged` that it is the one asked about, and
    then there is nothing to iterate over. Iterating raises FeedError where the feed is not right.
    """

    def __init__(self, location: str, known_etag: str = "", limits: Limits = Limits()) -> None:
        self.location = location
        self.etag = ""
        self.unchanged = False
        self._known_etag = known_etag
        self._limits = limits
        self._read: Callable[[], Iterator[tuple[str, bytes]]] = lambda: iter(())
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._stack = stack
            if self.location.startswith(("http://", "https://")):
                self._open_url()
            else:
                self._open_path(Path(self.location))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        return iter(()) if self.unchanged else self._read()

    # --- a folder or a file -------------------------------------------------------------------

    def _open_path(self, path: Path) -> None:
        files = _files(path, self._limits)
        self.etag = _fingerprint(path, files)
        self.unchanged = self.etag == self._known_etag
        self._read = lambda: self._from_files(path, files)

    def _from_files(self, folder: Path, files: list[Path]) -> Iterator[tuple[str, bytes]]:
        for file in files:
            name = file.relative_to(folder).as_posix() if file != folder else file.name
            try:
                with file.open("rb") as handle:
                    if file.suffix == ".zip":
                        yield from _unzip(handle, str(file), self._limits)
                    else:
                        yield name, _bounded(handle, name, self._limits)
            except OSError as error:
                raise Unreachable(f"{file} cannot be read: {error.strerror}.") from error

    # --- a URL --------------------------------------------------------------------------------

    def _open_url(self) -> None:
        headers = {"user-agent": USER_AGENT, "accept-encoding": "identity"}
        if self._known_etag:
            headers["if-none-match"] = self._known_etag
        try:
            client = self._stack.enter_context(
                httpx.Client(timeout=_TIMEOUT, headers=headers, follow_redirects=True)
            )
            with client.stream("GET", self.location) as response:
                self._accept(response)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unreachable(f"{self.location} cannot be fetched: {error}.") from error

    def _accept(self, response: httpx.Response) -> None:
        self.unchanged = response.status_code == httpx.codes.NOT_MODIFIED
        self.etag = response.headers.get("etag", "")[:300]
        if self.unchanged:
            self.etag = self._known_etag
            return
        if response.status_code != httpx.codes.OK:
            raise _refusal(self.location, response.status_code)
        spool = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115
        file = cast("IO[bytes]", self._stack.enter_context(spool))
        self._download(response, file)
        self._read = lambda: self._contents(file)

    def _contents(self, file: IO[bytes]) -> Iterator[tuple[str, bytes]]:
        """What was fetched holds: a zip, unless a subclass knows better."""
        return _unzip(file, self.location, self._limits)

    def _download(self, response: httpx.Response, file: IO[bytes]) -> None:
        deadline = monotonic() + self._limits.seconds
        for chunk in response.iter_bytes(_CHUNK):
            file.write(chunk)
            if file.tell() > self._limits.download:
                raise TooLarge(f"{self.location} has more than {self._limits.download:,} bytes.")
            if monotonic() > deadline:
                raise Unreachable(
                    f"{self.location} took longer than {self._limits.seconds:.0f} seconds to fetch."
                )


def open_source(location: str, etag: str = "", limits: Limits = Limits()) -> Source:
    """The feed at `location`, to be used as a context manager.

    `etag` is the one of the state already imported: if it is still current, the source says so
    (`unchanged`) instead of being read. Entering raises Unreachable, NotAdvisories or TooLarge.
    """
    return Source(location, etag, limits)


def _refusal(location: str, status: int) -> NotAdvisories | Unreachable:
    sentence = f"{location} answered {status} instead of a feed."
    permanent = 400 <= status < 500 and status not in (408, 425, 429)
    return NotAdvisories(sentence) if permanent else Unreachable(sentence)


def _files(path: Path, limits: Limits) -> list[Path]:
    """The files that hold a feed: dumps by ecosystem before single zips before single records."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise NotAdvisories(f"There is no file or folder {path}.")
    for pattern in ("*/all.zip", "*.zip", "**/*.json"):
        found = (file for file in path.glob(pattern) if file.is_file())
        files = list(islice(found, limits.entries + 1))
        if len(files) > limits.entries:
            raise TooLarge(f"{path} holds more than {limits.entries:,} files.")
        if files:
            return sorted(files)
    raise NotAdvisories(f"{path} holds neither ECOSYSTEM/all.zip nor a zip nor a JSON file.")


def _fingerprint(folder: Path, files: list[Path]) -> str:
    """Which state of the files this is, without reading them."""
    digest = sha256()
    for file in files:
        status = file.stat()
        name = file.relative_to(folder).as_posix()
        digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return f"files:{digest.hexdigest()}"


def _bounded(handle: IO[bytes], name: str, limits: Limits) -> bytes:
    raw = handle.read(limits.record + 1)
    if len(raw) > limits.record:
        raise TooLarge(f"The record {name} has more than {limits.record:,} bytes.")
    return raw


def _unzip(file: IO[bytes], location: str, limits: Limits) -> Iterator[tuple[str, bytes]]:
    size = file.seek(0, io.SEEK_END)
    # Below this much, even the best compressed feed is no bomb.
    allowed = min(limits.total, max(size * limits.ratio, limits.record))
    total = 0
    try:
        with zipfile.ZipFile(cast("IO[bytes]", _OneReadBounded(file, limits.directory))) as archive:
            for entry in _entries(archive, location, limits):
                with archive.open(entry) as handle:
                    raw = _bounded(handle, entry.filename, limits)
                total += len(raw)
                if total > allowed:
                    raise TooLarge(f"{location} unpacks to more than {allowed:,} bytes.")
                yield entry.filename, raw
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:
        # RuntimeError: encrypted or of a compression unknown here; ValueError: impossible offsets.
        raise NotAdvisories(f"{location} is not a zip that can be read: {error}.") from error


def _entries(archive: zipfile.ZipFile, location: str, limits: Limits) -> Iterator[zipfile.ZipInfo]:
    entries = archive.infolist()
    if len(entries) > limits.entries:
        raise TooLarge(f"{location} has more than {limits.entries:,} entries.")
    return (entry for entry in entries if entry.filename.endswith(".json"))


class _OneReadBounded:
    """A file that gives no more than `limit` bytes at once: `zipfile` asks for the directory of a
    zip in one read of the size the zip itself claims."""

    def __init__(self, file: IO[bytes], limit: int) -> None:
        self._file = file
        self._limit = limit

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(self._limit + 1 if size < 0 else min(size, self._limit + 1))
        if len(data) > self._limit:
            raise TooLarge(f"The directory of the zip has more than {self._limit:,} bytes.")
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if offset < 0 and whence == io.SEEK_SET:
            raise ValueError("it points before its beginning")
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True
