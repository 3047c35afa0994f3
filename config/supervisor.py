"""Keeps processes alive: starts them in order, shows what they say, starts again what dies, and
stops them in the opposite order.

Written here because what exists ends everything when one process ends, and leaves children behind
when it is killed. Nothing runs in threads: a child's death wish is bound to the thread it is from.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

LONGEST_LINE = 64 * 1024
LONGEST_PAUSE_SECONDS = 30
SETTLED_SECONDS = 60  # a part that lived so long starts again without a pause
HOPELESS_FAILURES = 4
COLOURS = {"database": 34, "broker": 35, "prepare": 36, "worker": 33, "web": 32, "beat": 36}


class StartError(RuntimeError):
    """Vigie cannot start; the message says why and what to do."""


class Stopped(Exception):
    """Someone asked Vigie to stop while it was starting."""


@dataclass
class Part:
    """One process of Vigie: how it is started and stopped, and how it fares."""

    name: str
    launch: Callable[..., subprocess.Popen]
    stop_signal: signal.Signals = signal.SIGTERM
    patience: float = 10  # seconds between asking it to stop and insisting
    process: subprocess.Popen | None = None
    started_at: float = 0
    failures: int = 0
    due: float = 0

    def has_ended(self) -> bool:
        """Whether it died; it is not reaped yet, so its process group cannot be another's."""
        pid = self.process.pid
        return bool(os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT))

    def is_promising(self) -> bool:
        """Whether it runs; raises StartError where it has failed too often to hope."""
        if self.failures >= HOPELESS_FAILURES:
            raise StartError(f"The {self.name} does not start: its lines above say why.")
        return self.process is not None

    def sweep(self) -> int:
        """Kill what is left of its process group and return its exit status."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        status = self.process.wait()
        self.process = None
        return status

    def postpone(self) -> float:
        """Set when to start it again, later after each failure in a row; the pause in seconds."""
        lived = time.monotonic() - self.started_at
        self.failures = 0 if lived > SETTLED_SECONDS else self.failures + 1
        pause = min(2 ** (self.failures - 1), LONGEST_PAUSE_SECONDS) if self.failures else 0
        self.due = time.monotonic() + pause
        return pause


class Console:
    """Writes lines with the name of the part that speaks, coloured where a person reads them."""

    def __init__(self) -> None:
        self._coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._held: list[tuple[str, str]] | None = None

    def say(self, name: str, line: str) -> None:
        if self._held is not None:
            self._held.append((name, line))
            return
        label = f"{name:<8} |"
        if self._coloured:
            label = f"\033[{COLOURS.get(name, 1)}m{label}\033[0m"
        print(label, line, flush=True)  # noqa: T201

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep everyone's lines back while one part has the terminal for itself."""
        self._held = []
        try:
            yield
        finally:
            lines, self._held = self._held, None
            for name, line in lines:
                self.say(name, line)


class Supervisor:
    """Keeps parts alive, in the order they were given, until it is asked to stop."""

    def __init__(self, console: Console, lifetime: int) -> None:
        """`lifetime` is the descriptor of the data folder's lock: every part holds it open."""
        self.console = console
        self._lifetime = lifetime
        self._parts: list[Part] = []
        self._outputs = selectors.DefaultSelector()
        self._stops = 0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
                signal.signal(number, self._asked_to_stop)

    def _asked_to_stop(self, *_) -> None:
        self._stops += 1

    def keep(self, part: Part, ready: Callable[[Part], bool] | None = None) -> None:
        """Start a part and have it started again whenever it dies; wait until it is ready.

        Raises StartError where it dies again and again before that.
        """
        self._parts.append(part)
        self._start(part)
        if ready:
            self.until(lambda: part.is_promising() and ready(part))

    def complete(self, part: Part) -> None:
        """Run a part to its end. Raises StartError if it fails."""
        self._start(part)
        try:
            self.until(part.has_ended)
        finally:
            status = self._stop(part)
        if status != 0:
            raise StartError(f"{part.name} failed: its lines above say why.")

    def until(self, reached: Callable[[], bool]) -> None:
        """Keep everything going until a condition holds. Raises Stopped if asked to stop first."""
        while not reached():
            if self._stops:
                raise Stopped
            self._turn()

    def forever(self) -> None:
        self.until(lambda: False)

    def stop(self) -> None:
        """Stop the parts, last first. A second request to stop ends the patience with them."""
        for part in reversed(self._parts):
            if part.process:
                self._stop(part)

    def _start(self, part: Part) -> None:
        part.process = part.launch(
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=(self._lifetime,)
        )
        part.started_at = time.monotonic()
        if part.process.stdout:
            os.set_blocking(part.process.stdout.fileno(), False)
            self._outputs.register(
                part.process.stdout, selectors.EVENT_READ, Lines(part.name, self.console)
            )

    def _turn(self) -> None:
        self._listen(0.2)
        for part in self._parts:
            if part.process is None:
                if time.monotonic() >= part.due:
                    self._start(part)
            elif part.has_ended():
                status = part.sweep()
                pause = part.postpone()
                self.console.say(part.name, f"{_ended(status)}; starting it again in {pause} s")

    def _stop(self, part: Part) -> int:
        if not part.has_ended():
            part.process.send_signal(part.stop_signal)
        deadline = time.monotonic() + part.patience
        asked = self._stops
        while not part.has_ended() and time.monotonic() < deadline and self._stops == asked:
            self._listen(0.05)
        status = part.sweep()
        self._listen(0)
        return status

    def _listen(self, seconds: float) -> None:
        """Show what the parts say, waiting at most so long for them to say something."""
        if not self._outputs.get_map():
            time.sleep(seconds)
        for key, _ in self._outputs.select(seconds):
            chunk = os.read(key.fd, LONGEST_LINE)
            key.data.take(chunk)
            if not chunk:
                self._outputs.unregister(key.fileobj)
                key.fileobj.close()


@dataclass
class Lines:
    """Cuts what a part writes into lines."""

    name: str
    console: Console
    rest: bytes = b""

    def take(self, chunk: bytes) -> None:
        """Say the lines that are whole; nothing more to come ends the last one."""
        *whole, self.rest = (self.rest + chunk).split(b"\n")
        if self.rest and (not chunk or len(self.rest) > LONGEST_LINE):
            whole, self.rest = [*whole, self.rest], b""
        for line in whole:
            self.console.say(self.name, line.decode(errors="replace").rstrip())


def _ended(status: int) -> str:
    return f"killed by {signal.Signals(-status).name}" if status < 0 else f"ended with {status}"
