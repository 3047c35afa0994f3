"""Layers made to cost, end to end through the sandbox: time and memory beside the budgets."""

from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter

import pytest

from scans import sandbox
from scans.layers import Budget, LayerError
from scans.sandbox import zygotes
from tests.benchmarks.figures import Figures
from tests.scans.hostile.streams import entries, opened

pytestmark = pytest.mark.bench

MILLION = 1_000_000
BUDGET = Budget()


@pytest.mark.parametrize("number", [MILLION, 10 * MILLION])
def test_a_layer_of_millions_of_entries(number, figures: Figures, monkeypatch):
    """Ten million are more than the budget, and are refused when it is passed."""
    monkeypatch.setattr(zygotes, "_idle", [])
    peak = 0

    def watched() -> Iterator[bytes]:
        nonlocal peak
        for count, chunk in enumerate(entries(number)):
            yield chunk
            if count % 20 == 0:
                peak = max(peak, _peak(_below(Path("/proc/self"))))

    figures.say(f"{number:,} entries, {_seconds(lambda: _exhaust(entries(number))):.1f} s to make")
    said = ""
    start = perf_counter()
    try:
        said = f"{sandbox.read_layer(opened(watched)).entries:,} entries read"
    except LayerError as error:
        said = str(error)
    figures.say(f"{perf_counter() - start:.1f} s of {BUDGET.seconds:g} with making them: {said}")
    figures.say(f"reader's peak {peak / 1e6:.0f} MB of {BUDGET.memory_bytes / 1e6:.0f}")


def _exhaust(chunks: Iterator[bytes]) -> None:
    for _ in chunks:
        pass


def _seconds(step: Callable[[], None]) -> float:
    start = perf_counter()
    step()
    return perf_counter() - start


def _below(process: Path) -> list[Path]:
    """All processes that this one has started, and theirs."""
    found = []
    for children in process.glob("task/*/children"):
        for pid in children.read_text().split():
            child = Path("/proc") / pid
            found += [child, *_below(child)]
    return found


def _peak(processes: list[Path]) -> int:
    """Bytes resident at most, in the largest."""
    peaks = [0]
    for process in processes:
        for line in (process / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                peaks.append(int(line.split()[1]) * 1024)
    return max(peaks)
