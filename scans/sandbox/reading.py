"""Read one layer in the sandbox: the worker's side."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial

from scans.layers import Budget, LayerError, LayerRecord
from scans.layers.budget import too_slow
from scans.sandbox import reader
from scans.sandbox.answers import NoAnswer, NoEnd, record_of
from scans.sandbox.zygotes import DIED, Job, OutOfTime, SandboxUnavailable, borrowed
from scans.support import Reason

_GRACE_SECONDS = 10.0  # the reader watches its own clock, and tells it better
Chunks = Iterator[bytes]


def read_layer(
    open_blob: Callable[[], AbstractContextManager[Chunks]],
    media_type: str = "",
    budget: Budget = Budget(),  # noqa: B008 (frozen)
    *,
    digest_tar: bool = False,
    strict: bool = False,
) -> LayerRecord:
    """Read a layer to its last byte and say what stands in it, as `scans.layers.read_layer` does,
    in a process that can do nothing else.

    The blob is opened once more where hard links or journals lead to files that were passed by.
    `strict` refuses to read where the system calls of that process cannot be filtered. Raises
    LayerError, SandboxUnavailable, and whatever the blob raises.
    """
    request = partial(reader.request, budget, media_type=media_type, digest_tar=digest_tar)
    record = _read(open_blob, request(also_read=[]), budget, strict)
    if record.unread:
        record = _read(open_blob, request(also_read=record.unread), budget, strict)
    return record


def _read(
    open_blob: Callable[[], AbstractContextManager[Chunks]],
    request: bytes,
    budget: Budget,
    strict: bool,
) -> LayerRecord:
    job = None
    try:
        with (
            open_blob() as chunks,
            borrowed(strict) as zygote,
            zygote.job(budget.seconds + _GRACE_SECONDS) as job,
        ):
            job.send(request)
            return _answer_to(chunks, job, budget)
    except OutOfTime:
        raise too_slow("to read", budget.seconds, "seconds") from None
    except NoAnswer as error:
        raise _death(job, budget, error) from None


def _answer_to(chunks: Chunks, job: Job, budget: Budget) -> LayerRecord:
    for chunk in chunks:
        if not job.send(chunk):
            break
    try:
        record = record_of(job.lines(), budget)
    except LayerError as error:
        if error.reason is not Reason.DAMAGED:
            raise
        # If it was damaged on the way, its source says so at the end.
        _exhaust(chunks)
        raise
    _exhaust(chunks)  # a record counts only if the blob is what its digest says
    return record


def _exhaust(chunks: Chunks) -> None:
    for _ in chunks:
        pass


def _death(job: Job | None, budget: Budget, error: NoAnswer) -> Exception:
    """The verdict on a layer whose reader did not live to answer, or not sensibly."""
    if job is None or job.status is None:
        return SandboxUnavailable(DIED)
    # One that talks nonsense is ended by its worker: only of one that stopped does it say why.
    status = os.waitstatus_to_exitcode(job.status) if isinstance(error, NoEnd) else 0
    if status == -signal.SIGXCPU:
        return too_slow("to read", budget.seconds, "seconds")
    if status < 0:
        how = f"died of signal {-status} ({signal.strsignal(-status)})"
    elif status:
        how = f"ended with status {status}"
    else:
        how = f"gave no answer that can be believed ({error})"
    return LayerError(
        Reason.FAILED,
        f"The process that read a layer {how}. The layer may be made to do harm, or Vigie has a "
        "bug; other images are not affected.",
    )
