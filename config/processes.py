"""`make run`: everything Vigie is made of, started together, kept alive and stopped together.

Run as `python -m config.processes`. The private database and broker come first (unless URLs name
others), then the tables, then worker, web and beat. Every line of output says which part speaks.
A part that dies is started again; when this process ends, however it ends, they all do.
"""

import contextlib
import fcntl
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from config import embedded
from config.lifeline import end_with_parent

LONGEST_LINE = 64 * 1024
LONGEST_PAUSE_SECONDS = 30
SETTLED_SECONDS = 60  # a part that lived so long starts again without a pause
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
            signal.signal(number, self._asked_to_stop)

    def _asked_to_stop(self, *_) -> None:
        self._stops += 1

    def keep(self, part: Part) -> None:
        """Start a part and have it started again whenever it dies."""
        self._parts.append(part)
        self._start(part)

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


def _module(*arguments: str) -> Callable[..., subprocess.Popen]:
    """How to start a Python module as a part; all it forks ends with it."""

    def launch(**options) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-m", "config.lifeline", *arguments],
            preexec_fn=end_with_parent(signal.SIGKILL),
            stdin=subprocess.DEVNULL,
            cwd=Path(__file__).resolve().parent.parent,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            **options,
        )

    return launch


def on_terminal(*arguments: str) -> Callable[..., subprocess.Popen]:
    """The same for one that talks to the person at the terminal itself."""
    launch = _module(*arguments)
    return lambda **options: launch(**{**options, "stdout": None, "stderr": None})


def take_lock(folder: Path) -> int:
    """Lock the data folder for this process and all its children; the lock's descriptor.

    It is free again only when the last of them has ended, so a new Vigie waits for the remains of
    one that was killed. Raises StartError when another is running.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + 30
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = int(os.pread(lock, 20, 0) or 0)
            if Path(f"/proc/{holder}").exists() or time.monotonic() > deadline:
                raise StartError(
                    f"Vigie already runs on {folder} (process {holder}): stop it first, or give "
                    "this one a folder and a port of its own with VIGIE_DATA_DIR and VIGIE_PORT."
                ) from None
            time.sleep(0.1)
        else:
            os.ftruncate(lock, 0)
            os.pwrite(lock, str(os.getpid()).encode(), 0)
            return lock


def check_port(host: str, port: int) -> None:
    """Raise StartError unless the address is free: the web server would share it silently."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise StartError(
                f"Vigie cannot listen on {host} port {port} ({error.strerror}): stop what does, or "
                f"choose another port, such as VIGIE_PORT={port + 1} make run."
            ) from None


def _listens(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def _start_servers(supervisor: Supervisor, data_dir: Path) -> None:
    """The private database and broker, where no URL names others."""
    if "DATABASE_URL" not in os.environ:
        database = Part(
            "database",
            lambda **options: embedded.launch_postgres(data_dir, **options),
            stop_signal=signal.SIGINT,
            patience=20,
        )
        supervisor.keep(database)
        supervisor.until(
            lambda: database.process and embedded.postgres_is_ready(data_dir, database.process)
        )
    if "CELERY_BROKER_URL" not in os.environ:
        supervisor.keep(
            Part("broker", lambda **options: embedded.launch_broker(data_dir, **options))
        )
        supervisor.until(lambda: embedded.broker_is_ready(data_dir))


def _start_vigie(supervisor: Supervisor, host: str, port: int) -> None:
    celery = ("celery", "--quiet", "-A", "config.celery")
    supervisor.complete(Part("prepare", _module("config.prepare")))
    supervisor.keep(
        Part(
            "worker",
            _module(*celery, "worker", "--loglevel=INFO", "--without-gossip", "--without-mingle"),
            patience=20,
        )
    )
    supervisor.keep(
        Part(
            "web",
            _module(
                "granian", "--interface=wsgi", f"--host={host}", f"--port={port}", "--workers=2",
                "--blocking-threads=4", "--no-ws", "--log-level=warning",
                "--respawn-failed-workers", "--workers-kill-timeout=5", "config.wsgi:application",
            ),
        )
    )  # fmt: skip
    supervisor.keep(Part("beat", _module(*celery, "beat", "--pidfile=", "--loglevel=WARNING")))
    supervisor.until(lambda: _listens(host, port))


def run(data_dir: Path, host: str, port: int, then: Part | None = None) -> None:
    """Run Vigie until it is asked to stop; `then` runs once when it is up, with the terminal for
    itself. Raises StartError, EmbeddedError."""
    check_port(host, port)
    console = Console()
    supervisor = Supervisor(console, take_lock(data_dir))
    try:
        _start_servers(supervisor, data_dir)
        _start_vigie(supervisor, host, port)
        if then:
            with console.held():
                supervisor.complete(then)
        console.say("vigie", f"ready at http://{host}:{port}/ (Ctrl-C stops it)")
        supervisor.forever()
    except Stopped:
        console.say("vigie", "stopping")
    except BrokenPipeError:  # nobody reads what we say any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    finally:
        supervisor.stop()


def main(then: Part | None = None) -> int:
    from config import settings

    try:
        run(settings.DATA_DIR, settings.HOST, settings.PORT, then)
    except (StartError, embedded.EmbeddedError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
