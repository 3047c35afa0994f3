"""A real `docker-registry` for tests, on a port of its own, stopped when the test ends.

Used as a plugin (`pytest_plugins`), it gives the fixture `docker_registry`:

    server = docker_registry()                                  # anonymous
    server = docker_registry(auth="htpasswd")                   # LOGIN
    server = docker_registry(notify="http://127.0.0.1:1/hook", headers={"Authorization": "x"})
"""

import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

BINARY = shutil.which("docker-registry") or shutil.which("registry")
LOGIN = ("tester", "correct-horse")
# bcrypt of LOGIN's password, at the lowest cost there is: hashing it anew would need a library.
_HTPASSWD = "tester:$2b$04$haFsyL2YWhkzLyGRwK6aEe2VOYCIb8tlLScbhHyQXMSPx9tuhData\n"
_LISTENING = re.compile(r"listening on (127\.0\.0\.1:\d+)")


@dataclass(frozen=True)
class RunningRegistry:
    """`address` is host:port, `url` its plain HTTP one; `storage` the folder with its blobs."""

    address: str
    storage: Path

    @property
    def url(self) -> str:
        return f"http://{self.address}"


Start = Callable[..., RunningRegistry]


@pytest.fixture
def docker_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start as many registries as a test likes; see `running_registry` for the options."""
    with ExitStack() as stack:

        def start(**options: Any) -> RunningRegistry:
            folder = tmp_path_factory.mktemp("registry")
            return stack.enter_context(running_registry(folder, **options))

        yield start


@contextmanager
def running_registry(
    folder: Path,
    *,
    auth: str | Mapping[str, Any] = "none",
    notify: str = "",
    headers: Mapping[str, str] | None = None,
    tls: tuple[Path, Path] | None = None,
) -> Iterator[RunningRegistry]:
    """Run a registry that keeps its files in `folder` and allows deletes.

    `auth` is "none", "htpasswd" (see LOGIN), or the registry's own `auth.token` section; `notify`
    the URL its events are posted to, with `headers`; `tls` a certificate and its key.
    """
    if BINARY is None:
        pytest.skip("no docker-registry on this machine (Debian: apt-get install docker-registry)")
    storage = folder / "storage"
    config = folder / "config.json"  # JSON is YAML
    settings = _config(storage, notify, headers or {}) | _authentication(folder, auth)
    if tls:
        settings["http"]["tls"] = {"certificate": str(tls[0]), "key": str(tls[1])}
    config.write_bytes(orjson.dumps(settings))
    process = subprocess.Popen(
        [BINARY, "serve", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        yield RunningRegistry(_address(process), storage)
    finally:
        process.terminate()
        process.wait(10)
        process.stderr.close()


def _config(storage: Path, notify: str, headers: Mapping[str, str]) -> dict[str, Any]:
    config: dict[str, Any] = {
        "version": 0.1,
        "log": {"level": "info"},
        "http": {"addr": "127.0.0.1:0", "secret": "for tests only"},
        "storage": {"filesystem": {"rootdirectory": str(storage)}, "delete": {"enabled": True}},
    }
    if notify:
        config["notifications"] = {"endpoints": [_endpoint(notify, headers)]}
    return config


def _authentication(folder: Path, auth: str | Mapping[str, Any]) -> dict[str, Any]:
    if auth == "none":
        return {}
    if auth == "htpasswd":
        file = folder / "htpasswd"
        file.write_text(_HTPASSWD)
        return {"auth": {"htpasswd": {"realm": "tests", "path": str(file)}}}
    return {"auth": {"token": dict(auth)}}


def _endpoint(url: str, headers: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": "tests",
        "url": url,
        "headers": {name: [value] for name, value in headers.items()},
        "timeout": "2s",
        "threshold": 100,
        "backoff": "100ms",
    }


def _address(process: subprocess.Popen[str]) -> str:
    """The port it chose, from its log; the rest of the log is read away so it never blocks."""
    seen = []
    for line in process.stderr:
        seen.append(line)
        if match := _LISTENING.search(line):
            threading.Thread(target=_drain, args=(process,), daemon=True).start()
            return match[1]
    raise RuntimeError("docker-registry did not start:\n" + "".join(seen[-20:]))


def _drain(process: subprocess.Popen[str]) -> None:
    try:
        for _ in process.stderr:
            pass
    except ValueError:  # closed while reading: the test is over
        pass
