"""What reading one layer may cost, and the error of a layer that costs more or is damaged."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from time import monotonic

from scans.support import Reason, Unsupported

# Below this many unpacked bytes no ratio is suspicious: a file of zeros shrinks a thousandfold.
_RATIO_FLOOR = 256 * 1024 * 1024


@dataclass(frozen=True)
class Budget:
    """Limits for one layer; passing one leaves the image unverified and says which."""

    entries: int = 5_000_000
    bytes: int = 64 * 1024**3  # of the uncompressed tar
    ratio: int = 500  # uncompressed to compressed
    seconds: float = 600.0  # of reading, without waiting for the registry
    waiting_seconds: float = 3600.0  # for the registry
    path_length: int = 2048  # bytes; also what a database index can hold
    depth: int = 200  # folders
    wanted_file_bytes: int = 32 * 1024 * 1024
    wanted_bytes: int = 16 * 1024 * 1024 * 1024  # of all wanted files together
    packages: int = 100_000
    memory_bytes: int = 512 * 1024 * 1024  # of the process that reads
    answer_bytes: int = 64 * 1024 * 1024  # of the record as a reader sends it
    remembered_bytes: int = 32 * 1024 * 1024  # of the paths of wanted files, links, whiteouts


class LayerError(Unsupported):
    """A layer that cannot be read: damaged, too large or too slow."""


def damaged(sentence: str) -> LayerError:
    return LayerError(Reason.DAMAGED, f"A layer is damaged: {sentence} Push the image again.")


def too_large(what: str, limit: int, budget: str) -> LayerError:
    return LayerError(
        Reason.TOO_LARGE,
        f"A layer is too large to read: {what} (the budget “{budget}” is {limit:,}).",
    )


def too_slow(what: str, limit: float, budget: str) -> LayerError:
    return LayerError(
        Reason.TOO_SLOW,
        f"A layer took too long {what}: more than {limit:g} seconds (the budget “{budget}”).",
    )


class Meter:
    """Counts one layer's bytes on both sides of the decompression and watches the clock."""

    def __init__(self, budget: Budget, digest_tar: bool = False) -> None:
        self.compressed = 0
        self.bytes = 0
        self._budget = budget
        self._began = monotonic()
        self._waited = 0.0
        self._hash = hashlib.sha256() if digest_tar else None

    @property
    def diff_id(self) -> str:
        return f"sha256:{self._hash.hexdigest()}" if self._hash else ""

    def before(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """The compressed chunks, counted. Errors of their source pass through."""
        while True:
            asked = monotonic()
            chunk = next(chunks, None)
            self._waited += monotonic() - asked
            if chunk is None:
                return
            self.compressed += len(chunk)
            self._check_time()
            yield chunk

    def after(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The uncompressed pieces, counted, held to the budget and digested."""
        for piece in pieces:
            self.bytes += len(piece)
            self._check_size()
            self._check_time()
            if self._hash:
                self._hash.update(piece)
            yield piece

    def _check_time(self) -> None:
        if self._waited > self._budget.waiting_seconds:
            raise too_slow("to arrive", self._budget.waiting_seconds, "waiting seconds")
        if monotonic() - self._began - self._waited > self._budget.seconds:
            raise too_slow("to read", self._budget.seconds, "seconds")

    def _check_size(self) -> None:
        budget = self._budget
        if self.bytes > budget.bytes:
            raise too_large("it unpacks to more bytes than allowed", budget.bytes, "bytes")
        if self.bytes > _RATIO_FLOOR and self.bytes > budget.ratio * self.compressed:
            raise too_large(
                "it unpacks to more times its compressed size than allowed", budget.ratio, "ratio"
            )
