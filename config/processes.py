"""`make run`: everything Vigie is made of, started together, kept alive and stopped together.

Run as `python -m config.processes`. The private database and broker come first (unless URLs name
others), then the tables, then worker, web and beat. When this process ends, however it ends, they
all do.
"""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from config import embedded
from config.lifeline import end_with_parent
from config.supervisor import Console, Part, StartError, Stopped, Supervisor


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
        supervisor.keep(
            Part("database", partial(embedded.launch_postgres, data_dir), signal.SIGINT, 20),
            lambda part: embedded.postgres_is_ready(data_dir, part.process),
        )
    if "CELERY_BROKER_URL" not in os.environ:
        supervisor.keep(
            Part("broker", partial(embedded.launch_broker, data_dir)),
            lambda _: embedded.broker_is_ready(data_dir),
        )


def _start_vigie(supervisor: Supervisor, host: str, port: int) -> None:
    celery = ("celery", "--quiet", "-A", "config.celery")
    worker = (*celery, "worker", "--loglevel=INFO", "--without-gossip", "--without-mingle")
    # Slow or hostile registries hold up what listens to them, and nothing else.
    listener = _module(*worker, "--queues=registries", "--hostname=listener@%h")
    scanner = _module(*worker, "--queues=vigie,scans", "--hostname=worker@%h")
    web = _module(
        "granian", "--interface=wsgi", f"--host={host}", f"--port={port}", "--workers=2",
        "--blocking-threads=4", "--no-ws", "--log-level=warning", "--respawn-failed-workers",
        "--workers-kill-timeout=5", "config.wsgi:application",
    )  # fmt: skip
    beat = _module(*celery, "beat", "--pidfile=", "--loglevel=WARNING")

    supervisor.complete(Part("prepare", _module("config.prepare")))
    supervisor.keep(Part("listener", listener, patience=20))
    supervisor.keep(Part("worker", scanner, patience=20))
    supervisor.keep(Part("web", web), lambda _: _listens(host, port))
    supervisor.keep(Part("beat", beat))


def run(data_dir: Path, host: str, port: int, then: Part | None = None) -> None:
    """Run Vigie until it is asked to stop; `then` runs once when it is up, with the terminal for
    itself. Raises StartError, EmbeddedError."""
    console, lock = Console(), take_lock(data_dir)
    check_port(host, port)
    supervisor = Supervisor(console, lock)
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
