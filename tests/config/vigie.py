"""A running Vigie of a test's own: on a port and in a folder of its own, found by its traces."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from celery import Celery
from redis import RedisError

from config import embedded

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60
# What the command line of each part holds.
PARTS = {
    "database": "postgres -D",
    "broker": "valkey-server",
    "listener": "--queues=registries",
    "worker": "--queues=vigie,scans",
    "web": "granian",
    "beat": "config.celery beat",
}


def wait_for(found: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + SECONDS
    while not (result := found()):
        assert time.monotonic() < deadline, f"no {what} within {SECONDS} s"
        time.sleep(0.1)
    return result


@dataclass
class Vigie:
    """One running supervisor and the parts it keeps."""

    data_dir: Path
    port: int
    process: subprocess.Popen

    @property
    def output(self) -> str:
        return (self.data_dir / "output").read_text()

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/admin/login/") as answer:
                return answer.status == 200
        except OSError:
            return False

    def ask_database(self, query: str) -> list[tuple] | None:
        sockets = str(embedded.socket_dir(self.data_dir))
        try:
            with psycopg.connect(host=sockets, user="postgres", dbname="vigie") as connection:
                return connection.execute(query).fetchall()
        except psycopg.OperationalError:
            return None

    def worker_answers(self) -> bool:
        try:
            return bool(self._celery().control.ping(timeout=1))
        except (OSError, RedisError):
            return False

    def _celery(self) -> Celery:
        """Not the current one: whatever calls a task after this means Vigie's own."""
        return Celery(broker=embedded.broker_url(self.data_dir), set_as_current=False)

    def pids(self, part: str = "") -> set[int]:
        """Its processes, found by their environment or title, not by what it tells."""
        title = str(embedded.socket_dir(self.data_dir)).encode()
        found = set()
        for folder in Path("/proc").glob("[0-9]*"):
            line = _read(folder / "cmdline").replace(b"\0", b" ")
            mine = f"VIGIE_DATA_DIR={self.data_dir}\0".encode() in _read(folder / "environ")
            if (mine or title in line) and part.encode() in line:
                found.add(int(folder.name))
        return found

    def leaders(self, part: str) -> set[int]:
        """The processes of a part that it started itself, not those they started."""
        return {pid for pid in self.pids(PARTS[part]) if _parent(pid) == self.process.pid}

    def lock_is_free(self) -> bool:
        with (self.data_dir / "lock").open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _parent(pid: int) -> int:
    """The parent of a process, 0 where it has gone meanwhile."""
    after_name = _read(Path(f"/proc/{pid}/stat")).rpartition(b")")[2].split()
    return int(after_name[1]) if after_name else 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def command(data_dir: Path, port: int, module: str = "config.processes") -> dict:
    hidden = {"DATABASE_URL", "CELERY_BROKER_URL", "DJANGO_SETTINGS_MODULE"}
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    return {
        "args": [sys.executable, "-m", module],
        "cwd": ROOT,
        "env": {
            **kept,
            "VIGIE_DATA_DIR": str(data_dir),
            "VIGIE_PORT": str(port),
            "VIGIE_ADVISORIES_URL": "",
            "VIGIE_EXPLOITED_URL": "",
            "VIGIE_EPSS_URL": "",
            "VIGIE_END_OF_LIFE_URL": "",  # no test may end with a distribution
        },
    }


def start(data_dir: Path, module: str = "config.processes") -> Vigie:
    port = free_port()
    data_dir.mkdir(exist_ok=True)
    with (data_dir / "output").open("w") as output:
        process = subprocess.Popen(**command(data_dir, port, module), stdout=output, stderr=output)
    vigie = Vigie(data_dir, port, process)
    wait_for(lambda: vigie.answers() or process.poll() is not None, "answer from the web")
    assert process.poll() is None, vigie.output
    return vigie


def end(vigie: Vigie) -> None:
    vigie.process.kill()
    vigie.process.wait()


def assert_stops(vigie: Vigie, number: signal.Signals) -> None:
    vigie.process.send_signal(number)
    assert vigie.process.wait(SECONDS) == 0, vigie.output
    assert vigie.pids() == set()
    assert vigie.lock_is_free()
