"""Layers of many Java archives: 20,000 beside each other, 20,000 in one, and bombs of them.

Each ends within the budgets of a layer, which are shown beside what was taken.
"""

import io
import json
import random
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from time import perf_counter

import pytest

from scans.layers import Budget
from scans.layers.decompress import decompress
from tests.benchmarks import launched
from tests.benchmarks.figures import Figures
from tests.scans.catalogers.jars import jar, manifest, pom

JARS, BOMBS = 20_000, 20
MEMORY = 250  # MB, of any image

pytestmark = pytest.mark.bench


def test_twenty_thousand_jars(tmp_path, figures: Figures):
    layer = _layer(tmp_path, ((f"srv/lib/library-{n}-1.{n}.jar", _jar(n)) for n in range(JARS)))
    found = _measure(layer, figures)
    assert found["packages"] == JARS
    assert not found["problems"]


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_one_jar_with_twenty_thousand_in_it(packing, tmp_path, figures: Figures):
    inner = {f"BOOT-INF/lib/library-{n}-1.{n}.jar": _jar(n) for n in range(JARS)}
    found = _measure(_layer(tmp_path, [("srv/app.jar", jar(inner, packing))]), figures)
    assert found["packages"] == JARS
    assert not found["problems"]


def test_bombs_of_jars_in_jars(tmp_path, figures: Figures):
    bomb = jar({"zeros.jar": b"\0" * 2**26})
    for _ in range(4):
        bomb = jar({f"{n}.jar": bomb for n in range(60)})
    found = _measure(_layer(tmp_path, ((f"srv/{n}.jar", bomb) for n in range(BOMBS))), figures)
    assert len(found["problems"]) == BOMBS
    figures.say(f"each says: {found['problems'][0]}")


def _jar(number: int) -> bytes:
    """Small, as libraries of an application go: some classes, a manifest and a pom."""
    chance = random.Random(number)
    classes = {f"org/example/Class{n}.class": chance.randbytes(500) for n in range(8)}
    about = pom("org.example", f"library-{number}", f"1.{number}")
    return jar({**manifest(Implementation_Version=f"1.{number}"), **classes, **about})


def _layer(folder: Path, files: Iterable[tuple[str, bytes]]) -> Path:
    layer = folder / "layer.tar.gz"
    with tarfile.open(layer, "w:gz", compresslevel=1) as tar:
        for name, content in files:
            header = tarfile.TarInfo(name)
            header.size = len(content)
            tar.addfile(header, io.BytesIO(content))
    return layer


def _measure(layer: Path, figures: Figures) -> dict:
    limit = _unpacking(layer)
    took = launched.run([sys.executable, "-m", "tests.benchmarks.one_layer", str(layer)])
    found = json.loads(took.output)
    budget = Budget()
    figures.say(
        f"{found['entries']:,} entries in {layer.stat().st_size / 1e6:.1f} MB packed: "
        f"{found['seconds']:.2f} s of {budget.seconds:.0f}, {took.peak / 1e6:.0f} MB of {MEMORY}, "
        f"{found['packages']:,} packages of {budget.packages:,}; unpacking alone {limit:.2f} s"
    )
    return found


def _unpacking(layer: Path) -> float:
    start = perf_counter()
    with layer.open("rb") as file:
        for _ in decompress(iter(lambda: file.read(2**18), b""))[1]:
            pass
    return perf_counter() - start
