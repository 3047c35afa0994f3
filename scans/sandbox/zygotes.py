"""The worker's end: start zygotes, keep the idle ones, and run one reader at a time in each."""

import atexit
import fcntl
import logging
import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from time import monotonic

from scans.sandbox import zygote
from scans.sandbox.answers import MAX_LINE

log = logging.getLogger(__name__)

_START_SECONDS = 60.0
_END_SECONDS = 10.0
_PIPE = 1024 * 1024  # bytes; the most that anyone may ask for by default
_READ = 64 * 1024
# All a fresh interpreter is told: where the code lies, and its end of the socket.
_BOOT = (
    "import sys; sys.path[:] = sys.argv[2:]; "
    "from scans.sandbox.zygote import main; main(int(sys.argv[1]))"
)


DIED = "The process that starts the readers of layers died."


class SandboxUnavailable(RuntimeError):
    """No reader can be started, or none that is locked down as is demanded."""


class OutOfTime(Exception):
    """The reader neither reads nor answers nor ends."""


class Zygote:
    """Raises SandboxUnavailable where it does not start."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-X", "utf8", "-c", _BOOT, str(theirs.fileno()), *_path()],
                env={},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        greeting = self._hear(_START_SECONDS)
        self.filtered = greeting == zygote.READY
        if greeting not in (zygote.READY, zygote.UNFILTERED):
            self.close()
            raise SandboxUnavailable(
                "The process that reads layers does not start; the worker's log says why."
            )

    @contextmanager
    def job(self, seconds: float) -> Iterator["Job"]:
        """A reader, which may keep its worker waiting for so long; however this ends, it ends."""
        job = Job(seconds)
        try:
            try:
                job.begin(self._control)
            except ConnectionError:
                raise SandboxUnavailable(DIED) from None
            yield job
        finally:
            job.close()
            job.status = self._end_reader()

    def _end_reader(self) -> int | None:
        with suppress(OSError):
            self._control.send(zygote.END)
        if status := self._hear(_END_SECONDS):
            return int(status)
        self.close()
        return None

    @property
    def alive(self) -> bool:
        return self._control.fileno() >= 0 and self._process.poll() is None

    def close(self) -> None:
        self._control.close()
        self._process.kill()
        self._process.wait()

    def disown(self) -> None:
        """In a fork of the worker: it is the parent's, and not this process's to wait for."""
        self._control.close()
        self._process.returncode = 0

    def _hear(self, seconds: float) -> bytes:
        self._control.settimeout(seconds)
        try:
            return self._control.recv(64)
        except OSError:
            return b""


class Job:
    """One reader's pipes: its blob goes in, its answer comes out."""

    def __init__(self, seconds: float) -> None:
        self.status: int | None = None  # as os.waitpid gives it; None where the zygote is gone
        self._seconds = seconds  # left to wait for the reader
        self._blob, self._answer = -1, -1

    def begin(self, control: socket.socket) -> None:
        theirs, self._blob = os.pipe()
        self._answer, out = os.pipe()
        with suppress(OSError):  # users have a limit together
            fcntl.fcntl(self._blob, fcntl.F_SETPIPE_SZ, _PIPE)
        os.set_blocking(self._blob, False)
        try:
            with TemporaryFile() as spool:
                socket.send_fds(control, [zygote.START], [theirs, out, spool.fileno()])
        finally:
            os.close(theirs)
            os.close(out)

    def send(self, data: bytes) -> bool:
        """Whether the reader took it; it may have ended and answered. Raises OutOfTime."""
        left = memoryview(data)
        while left:
            try:
                left = left[os.write(self._blob, left) :]
            except BlockingIOError:
                self._wait(self._blob, select.POLLOUT)
            except BrokenPipeError:
                return False
        return True

    def lines(self) -> Iterator[bytes]:
        """The answer to a blob that ends here; a line too long is cut. Raises OutOfTime."""
        self._close_blob()
        rest = b""
        while part := self._receive():
            *whole, rest = (rest + part).split(b"\n")
            yield from whole
            if len(rest) > MAX_LINE:
                break
        if rest:
            yield rest

    def close(self) -> None:
        self._close_blob()
        if self._answer >= 0:
            os.close(self._answer)
            self._answer = -1

    def _receive(self) -> bytes:
        self._wait(self._answer, select.POLLIN)
        return os.read(self._answer, _READ)

    def _wait(self, descriptor: int, event: int) -> None:
        poll, since = select.poll(), monotonic()
        poll.register(descriptor, event)
        if not poll.poll(max(self._seconds, 0) * 1000):
            raise OutOfTime
        self._seconds -= monotonic() - since

    def _close_blob(self) -> None:
        if self._blob >= 0:
            os.close(self._blob)
            self._blob = -1


_UNFILTERED = (
    "The process that reads layers cannot be held to a list of system calls on this machine: "
    "install libseccomp (libseccomp2), or set VIGIE_SANDBOX=degrade to go on without."
)

_idle: list[Zygote] = []


@contextmanager
def borrowed(strict: bool) -> Iterator[Zygote]:
    """A zygote for this thread alone. Raises SandboxUnavailable."""
    taken = _idle.pop() if _idle else _started()
    if not taken.alive:
        taken.close()
        taken = _started()
    try:
        if strict and not taken.filtered:
            raise SandboxUnavailable(_UNFILTERED)
        yield taken
    finally:
        if taken.alive:
            _idle.append(taken)
        else:
            taken.close()


def _started() -> Zygote:
    new = Zygote()
    if not new.filtered:
        log.warning("%s Its other limits hold.", _UNFILTERED)
    return new


def _path() -> list[str]:
    return [str(Path(entry).resolve()) for entry in sys.path]


def _close_idle() -> None:
    while _idle:
        _idle.pop().close()


def _disown_idle() -> None:
    while _idle:
        _idle.pop().disown()


atexit.register(_close_idle)
os.register_at_fork(after_in_child=_disown_idle)
