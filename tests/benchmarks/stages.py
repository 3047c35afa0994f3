"""The stages of reading an image's layers, each with those before it, on the bytes of a registry.

The difference between two neighbours is what the later one costs. The first three together are the
limit: nobody can read a layer without fetching, checking and unpacking it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from statistics import median
from time import perf_counter

import httpx

from registries.oci.bodies import checked, received
from registries.oci.manifest import Descriptor
from scans.layers import Budget, read_layer
from scans.layers.decompress import decompress
from scans.layers.tarwalk import TarWalk

ROUNDS = 5

Chunks = Iterator[bytes]


def cumulative(url: str, repository: str, layers: Iterable[Descriptor]) -> dict[str, float]:
    """Seconds for all layers, up to and including each stage; the middle of five rounds."""
    layers = list(layers)
    rounds: list[Mapping[str, float]] = []
    with httpx.Client(base_url=url, headers={"accept-encoding": "identity"}) as client:
        for _ in range(ROUNDS):  # stage by stage within a round: a busy minute hits all alike
            rounds.append({name: _timed(client, repository, layers, name) for name in STAGES})
    return {name: median(round[name] for round in rounds) for name in STAGES}


def _timed(client: httpx.Client, repository: str, layers: list[Descriptor], stage: str) -> float:
    start = perf_counter()
    for layer in layers:
        path = f"/v2/{repository}/blobs/{layer.digest}"
        with client.stream("GET", path) as response:
            STAGES[stage](received(response), layer)
    return perf_counter() - start


def _exhaust(chunks: Iterable[bytes]) -> None:
    for _ in chunks:
        pass


def _decompress(chunks: Chunks, layer: Descriptor) -> None:
    _exhaust(decompress(checked(chunks, layer))[1])


def _walk(chunks: Chunks, layer: Descriptor) -> None:
    for _ in TarWalk(decompress(checked(chunks, layer))[1], Budget()):
        pass


STAGES: dict[str, Callable[[Chunks, Descriptor], object]] = {
    "fetch": lambda chunks, layer: _exhaust(chunks),
    "digest": lambda chunks, layer: _exhaust(checked(chunks, layer)),
    "decompress": _decompress,
    "walk": _walk,
    "catalog": lambda chunks, layer: read_layer(checked(chunks, layer)),
}
LIMIT = "decompress"
