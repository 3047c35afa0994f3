"""Readers that were taken over by what they read. The layer's media type says what they do then."""

import ctypes
import fcntl
import mmap
import os
import signal
import socket
import struct
import sys
import time
from collections.abc import Iterator

from scans.layers import LayerError, LayerRecord
from scans.sandbox import reader
from scans.support import Reason


def say(words: object) -> None:
    raise LayerError(Reason.FAILED, str(words).replace("\n", " ")[:900])


def try_(action) -> str:
    try:
        return repr(action())
    except OSError as error:
        return type(error).__name__


def look_around() -> None:
    say({"environment": dict(os.environ), "descriptors": list(filter(_is_open, range(64)))})


def open_files() -> None:
    say(
        [try_(lambda path=path: os.open(path, 0)) for path in ("/etc/passwd", "/proc/self/environ")]
    )


def write_code() -> None:
    say(try_(lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_EXEC | mmap.PROT_WRITE)))


def signal_the_zygote() -> None:
    say(try_(lambda: os.kill(os.getppid(), signal.SIGKILL)))


def have_a_pipe_signal_the_zygote() -> None:
    descriptor, parent = _answer_pipe(), os.getppid()
    say(
        [
            try_(lambda: fcntl.fcntl(descriptor, fcntl.F_SETOWN, parent)),
            try_(lambda: fcntl.fcntl(descriptor, 15, struct.pack("ii", 1, parent))),  # F_SETOWN_EX
            try_(lambda: fcntl.fcntl(descriptor, 10, signal.SIGKILL)),  # F_SETSIG
            try_(lambda: fcntl.fcntl(descriptor, fcntl.F_SETFL, 0o20000)),  # O_ASYNC
            try_(lambda: fcntl.ioctl(descriptor, 0x5452, struct.pack("i", 1))),  # FIOASYNC
        ]
    )


def write_a_long_file() -> None:
    descriptor = max(filter(_is_open, range(64)))
    say(try_(lambda: os.pwrite(descriptor, b"x", 1 << 40)))


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def grow() -> None:
    held = []
    while True:
        held.append(bytearray(16 * 1024 * 1024))


def spin() -> None:
    while True:
        pass


def crash() -> None:
    ctypes.string_at(0)


def bug() -> None:
    raise KeyError("a secret of the image")


def answer(*parts: bytes) -> None:
    """On the pipe itself, which has the lowest number but the standard ones."""
    for part in parts:
        os.write(_answer_pipe(), part)
    os._exit(0)


def _answer_pipe() -> int:
    for number in range(3, 64):
        if _is_open(number) and try_(lambda n=number: os.write(n, b"")) == "0":
            return number
    raise AssertionError


def lie() -> None:
    answer(b'["file","../../etc/passwd"]\n', b'["end",1,1,""]\n')


def babble() -> None:
    while True:
        os.write(_answer_pipe(), b'["hidden","' + b"x" * 1000 + b'"]\n')


DEEDS = {
    "look around": look_around,
    "open files": open_files,
    "write code": write_code,
    "signal the zygote": signal_the_zygote,
    "have a pipe signal the zygote": have_a_pipe_signal_the_zygote,
    "write a long file": write_a_long_file,
    "run a program": lambda: os.execv(sys.executable, ["python"]),
    "connect": lambda: socket.socket(),
    "fork": os.fork,
    "trace": lambda: ctypes.CDLL(None).ptrace(0, 0, 0, 0),
    "grow": grow,
    "spin": spin,
    "sleep": lambda: time.sleep(1000),
    "crash": crash,
    "exit": lambda: os._exit(3),
    "bug": bug,
    "lie": lie,
    "say nothing": lambda: answer(),
    "say too much": babble,
    "say a long line": lambda: answer(b'["' + b"x" * 60_000 + b'"]\n'),
    "read nothing": lambda: LayerRecord(),
}


def read_layer(chunks: Iterator[bytes], *, media_type: str, **_: object) -> LayerRecord:
    if media_type != "read nothing" and media_type != "sleep":
        for _ in chunks:
            pass
    return DEEDS[media_type]() or LayerRecord()


reader.read_layer = read_layer
