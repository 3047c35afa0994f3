"""Layers too large to be made, sent as they are asked for."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count, islice
from tarfile import GNU_FORMAT, TarInfo

import pytest

from scans import sandbox
from scans.layers import Budget, LayerError, LayerRecord
from tests.scans.tars import tar

_AT_ONCE = 2000


def entries(number: int | None = None, name: str = "srv/www/data") -> Iterator[bytes]:
    """The headers of so many empty files, or of files without end."""
    header = bytearray(TarInfo(f"{name}/{0:09}").tobuf(GNU_FORMAT))
    digits, sums = len(name) + 1, slice(148, 156)
    numbers = iter(range(number)) if number is not None else count()
    while chunk := list(islice(numbers, _AT_ONCE)):
        made = bytearray()
        for each in chunk:
            header[digits : digits + 9] = b"%09d" % each
            header[sums] = b" " * 8
            header[sums] = b"%06o\0 " % sum(header)
            made += header
        yield bytes(made)
    yield bytes(1024)


def opened(make: Callable[[], Iterator[bytes]]) -> Callable[[], AbstractContextManager]:
    @contextmanager
    def blob() -> Iterator[Iterator[bytes]]:
        yield make()

    return blob


def read(*chunks: bytes, **budget: object) -> LayerRecord:
    return sandbox.read_layer(opened(lambda: iter(chunks)), budget=Budget(**budget))


def refused(*chunks: bytes, **budget: object) -> LayerError:
    with pytest.raises(LayerError) as caught:
        read(*chunks, **budget)
    return caught.value


def layer(*files: tuple) -> LayerRecord:
    return read(tar(*files))
