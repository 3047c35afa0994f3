"""Every target on its seeds and on random changes of them, so that fuzzing never rots.

This finds little that is deep; `fuzz.py` does, and needs atheris and time.
"""

import random
from collections.abc import Iterator
from io import BytesIO

import pytest

from scans.catalogers import CATALOGERS
from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import PATHS, TARGETS

MUTATIONS = 200
_ODD = [b"\0", b"\xff\xff\xff\xff", b"\x80\0\0\0", b"99999999999", b"-1", b"[[[[", b"../", b"\n"]


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_a_target_stands_its_seeds_and_what_becomes_of_them(name):
    target = TARGETS[name]
    for data in (b"", *SEEDS[name], *_mutations(SEEDS[name], random.Random(name))):
        target(data)


@pytest.mark.parametrize("cataloger", CATALOGERS, ids=lambda cataloger: cataloger.name)
def test_the_seeds_of_a_cataloger_tell_it_something(cataloger):
    for seed in SEEDS[f"cataloger-{cataloger.name}"]:
        assert list(cataloger.read(PATHS[cataloger.name], BytesIO(seed)))


def _mutations(seeds: list[bytes], chance: random.Random) -> Iterator[bytes]:
    for _ in range(MUTATIONS):
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.randint(1, 6)):
            chance.choice(_CHANGES)(data, chance)
        yield bytes(data)


def _flip(data: bytearray, chance: random.Random) -> None:
    if data:
        data[chance.randrange(len(data))] = chance.randrange(256)


def _insert(data: bytearray, chance: random.Random) -> None:
    at = chance.randint(0, len(data))
    data[at:at] = chance.choice(_ODD) * chance.choice([1, 1, 1, 50])


def _cut(data: bytearray, chance: random.Random) -> None:
    at = chance.randint(0, len(data))
    del data[at : at + chance.choice([1, 8, 512, len(data)])]


def _repeat(data: bytearray, chance: random.Random) -> None:
    at = chance.randint(0, len(data))
    data[at:at] = data[at : at + chance.randint(1, 600)]


_CHANGES = (_flip, _flip, _flip, _insert, _cut, _repeat)
