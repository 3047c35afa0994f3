"""What a reader does in its one life: take a blob from a pipe, and answer with its record."""

import os
import struct
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import orjson

from scans.catalogers import CATALOGERS
from scans.layers import Budget, LayerError, read_layer
from scans.layers.budget import too_large
from scans.sandbox import answers, lockdown
from scans.support import Reason

_READ = 128 * 1024
_LENGTH = struct.Struct(">I")
_GRACE_SECONDS = 5  # beyond the budget, which is more polite
_own_size = 0


def remember_own_size() -> None:
    """What is mapped before there is a layer, when it can still be asked."""
    global _own_size
    _own_size = lockdown.address_space()


def request(budget: Budget, **options: Any) -> bytes:
    """What goes before the blob in the pipe."""
    words = orjson.dumps({"budget": asdict(budget), **options})
    return _LENGTH.pack(len(words)) + words


def run(descriptors: list[int], filter_: lockdown.Filter | None) -> NoReturn:
    """Of the blob, the answer and the spool."""
    blob, answer, spool = descriptors
    status = 1
    try:
        with os.fdopen(answer, "wb") as out, os.fdopen(spool, "w+b") as spool_file:
            out.writelines(_answer(blob, spool_file, filter_))
        status = 0
    finally:
        os._exit(status)


def _answer(blob: int, spool: BinaryIO, filter_: lockdown.Filter | None) -> Iterator[bytes]:
    options = orjson.loads(_exactly(blob, *_LENGTH.unpack(_exactly(blob, _LENGTH.size))))
    budget = Budget(**options.pop("budget"))
    also_read = frozenset(options.pop("also_read"))
    _lock_down(budget, filter_)
    try:
        record = read_layer(
            _chunks(blob), budget=budget, also_read=also_read, spool=spool, **options
        )
        yield from answers.lines(record)
    except LayerError as error:
        yield answers.refusal(error)
    except MemoryError:
        limit = budget.memory_bytes
        yield answers.refusal(too_large("reading it takes more memory", limit, "memory bytes"))
    except Exception as error:
        yield answers.refusal(LayerError(Reason.FAILED, _sentence(error)))


def _lock_down(budget: Budget, filter_: lockdown.Filter | None) -> None:
    lockdown.limit(
        _own_size + budget.memory_bytes,
        int(budget.seconds) + _GRACE_SECONDS,
        max(budget.wanted_file_bytes, *(cataloger.largest for cataloger in CATALOGERS)),
    )
    if filter_:
        filter_.load()


def _exactly(descriptor: int, size: int) -> bytes:
    body = b""
    while len(body) < size:
        part = os.read(descriptor, size - len(body))
        if not part:
            raise EOFError("The worker went away.")
        body += part
    return body


def _chunks(descriptor: int) -> Iterator[bytes]:
    while chunk := os.read(descriptor, _READ):
        yield chunk


def _sentence(error: Exception) -> str:
    """Where in the code, and nothing of the image."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "?"
    return f"Reading a layer ended in an error of Vigie's own ({type(error).__name__}, {place})."
