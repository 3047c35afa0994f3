"""Real parts for whole journeys: a broker, workers with their clock, a registry, a browser."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import kombu.pools
import pytest
from django.conf import settings
from django.db import connection

from config import embedded
from config.celery import app

Start = Callable[..., subprocess.Popen]


def debian(**versions: str) -> dict[str, str]:
    """The files by which Debian 12 says which packages stand in an image."""
    return {
        "etc/os-release": 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12"\n',
        "var/lib/dpkg/status": "".join(
            f"Package: {name}\nStatus: install ok installed\nVersion: {version}\n"
            "Architecture: amd64\n\n"
            for name, version in versions.items()
        ),
    }


def wait_until(holds: Callable[[], object], seconds: float = 60, every: float = 0.05) -> None:
    """Ask again and again until it holds; fails with the question when it never does."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"still not so after {seconds} seconds: {holds}"
        time.sleep(every)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[str]:
    """A private broker that this process and its workers use."""
    server = embedded.start_broker(tmp_path)
    url, before = embedded.broker_url(tmp_path), app.conf.broker_url
    _use_broker(url)
    yield url
    _use_broker(before)
    embedded.stop(server, signal.SIGTERM)


def _use_broker(url: str) -> None:
    app.conf.broker_url = app.conf.broker_read_url = app.conf.broker_write_url = url
    app._pool = None
    app.amqp._producer_pool = None
    kombu.pools.reset()


@pytest.fixture
def worker(transactional_db, broker: str, tmp_path: Path) -> Iterator[Start]:
    """Start real workers on the tests' database: `worker()`; the first also runs the clock."""
    with ExitStack() as stack:

        def start(clock: bool = True, **environment: str) -> subprocess.Popen:
            log = stack.enter_context((tmp_path / "worker.log").open("a"))
            command = [sys.executable, "-m", "celery", "-A", "config.celery", "worker"]
            command += ["--beat"] if clock else []
            process = subprocess.Popen(
                [*command, "--concurrency=2", "--loglevel=INFO"],
                env={**os.environ, **_environment(broker), **environment},
                preexec_fn=embedded.end_with_parent(signal.SIGTERM),
                stdout=log,
                stderr=log,
            )
            stack.callback(kill, process)
            return process

        yield start


def kill(process: subprocess.Popen) -> None:
    """End a worker and its children as a power cut would."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _environment(broker: str) -> dict[str, str]:
    database = connection.settings_dict
    host, name = quote(database["HOST"], safe=""), database["NAME"]
    return {
        "DATABASE_URL": f"postgres://{database['USER']}@{host}/{name}",
        "CELERY_BROKER_URL": broker,
        "VIGIE_SECRET_KEY": settings.SECRET_KEY,
        "VIGIE_LAYOUT_ROOTS": "/",
    }
