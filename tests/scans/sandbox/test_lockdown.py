"""Whoever takes a reader over has nothing: no secret, no file, no network, no program, no time."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scans import sandbox
from scans.layers import Budget, LayerError
from scans.sandbox import SandboxUnavailable
from scans.support import Reason
from tests.scans.sandbox.test_reading import LAYER, blob, blob_of

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def deed(booted_with):
    """Do something in a reader; the error that its layer ends with."""
    booted_with("import tests.scans.sandbox.taken_over")

    def done(name: str, chunks: tuple[bytes, ...] = (LAYER,), **budget: object) -> LayerError:
        try:
            with pytest.raises(LayerError) as caught:
                sandbox.read_layer(blob(*chunks), name, Budget(**budget), strict=True)
        except SandboxUnavailable as error:
            pytest.skip(str(error))
        return caught.value

    return done


def test_a_reader_has_no_environment_and_three_descriptors(deed, monkeypatch):
    monkeypatch.setenv("VIGIE_SECRET_KEY", "hush")
    found = eval(str(deed("look around")))
    assert set(found["environment"]) <= {"LC_CTYPE"}
    assert len([number for number in found["descriptors"] if number > 2]) == 3


def test_a_reader_opens_no_file(deed):
    assert str(deed("open files")) == "['PermissionError', 'PermissionError']"


def test_a_reader_cannot_make_new_code(deed):
    assert str(deed("write code")) == "PermissionError"


def test_a_reader_cannot_signal_anyone(deed):
    assert str(deed("signal the zygote")) == "PermissionError"


def test_no_descriptor_of_a_reader_signals_anyone(deed):
    assert str(deed("have a pipe signal the zygote")) == str(["PermissionError"] * 5)


def test_a_reader_writes_no_endless_file(deed):
    assert str(deed("write a long file")) == "OSError"


@pytest.mark.parametrize("name", ["run a program", "connect", "fork", "trace"])
def test_what_no_reader_needs_is_its_end(name, deed):
    error = deed(name)
    assert error.reason is Reason.FAILED
    assert f"died of signal {signal.SIGSYS:d}" in str(error)


def test_too_much_memory_is_too_large(deed):
    error = deed("grow", memory_bytes=64 * 1024 * 1024)
    assert error.reason is Reason.TOO_LARGE
    assert "“memory bytes” is 67,108,864" in str(error)


def test_too_much_processor_time_is_too_slow(deed):
    error = deed("spin", seconds=-4)  # and five of grace
    assert error.reason is Reason.TOO_SLOW


def test_a_reader_that_neither_reads_nor_answers_is_ended(deed, monkeypatch):
    monkeypatch.setattr("scans.sandbox.reading._GRACE_SECONDS", 0.2)
    error = deed("sleep", chunks=(bytes(3_000_000),), seconds=0)
    assert error.reason is Reason.TOO_SLOW


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("crash", f"died of signal {signal.SIGSEGV:d}"),
        ("exit", "ended with status 3"),
        ("bug", "an error of Vigie's own (KeyError, taken_over.py:"),
        ("lie", "gave no answer that can be believed (It has a path that is none.)"),
        ("say nothing", "gave no answer that can be believed (It stops before its end.)"),
        (
            "say a long line",
            "gave no answer that can be believed (It has a line that is too long.)",
        ),
    ],
)
def test_the_end_of_a_reader_is_a_verdict(name, sentence, deed):
    error = deed(name)
    assert error.reason is Reason.FAILED
    assert sentence in str(error)
    assert "secret" not in str(error)


def test_an_endless_answer_is_too_large(deed):
    error = deed("say too much", answer_bytes=100_000)
    assert error.reason is Reason.TOO_LARGE


def test_a_record_counts_only_when_the_source_has_been_checked_to_its_end(deed):
    seen = []

    def chunks():
        for number in range(40):
            seen.append(number)
            yield bytes(100_000)

    sandbox.read_layer(blob_of(chunks()), "read nothing", strict=True)
    assert len(seen) == 40


WORKER = """
import sys, time
from contextlib import contextmanager
from scans import sandbox
from scans.sandbox import zygotes

@contextmanager
def blob():
    def chunks():
        if sys.argv[1] == "at work":
            yield b"x" * 100
            say()
    yield chunks()

def say():
    print(started[0]._process.pid, flush=True)
    time.sleep(1000)

started, start = [], zygotes._started
def remembered():
    started.append(start())
    return started[0]
zygotes._started = remembered
sandbox.read_layer(blob)
say()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["at work", "idle"])
def test_a_worker_that_dies_leaves_nothing_behind(moment, number):
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, moment], stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    with worker:
        zygote = int(worker.stdout.readline())
        reader = _until(lambda: _children(zygote)) if moment == "at work" else []
        worker.send_signal(number)
    _until(lambda: not any(_lives(pid) for pid in (zygote, *reader)))


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _until(condition):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.01)
    raise AssertionError("It never happened.")
