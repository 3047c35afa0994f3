"""Ties the life of a process to its parent's, so that nothing is left running however that ends.

As a command, `python -m config.lifeline MODULE ARGUMENTS` runs a module such as `celery` or
`granian` so that every child it forks ends with it, even after a SIGKILL that lets it say no
goodbyes.
"""

import ctypes
import multiprocessing
import os
import runpy
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def end_with_parent(stop_signal: int) -> Callable[[], None]:
    """What a child runs before its program: leave the terminal's signals to the parent, and ask
    the kernel for `stop_signal` when the parent dies, however it dies."""
    parent = os.getpid()

    def prepare() -> None:
        os.setpgid(0, 0)
        _follow(parent, stop_signal)

    return prepare


def _follow(parent: int, stop_signal: int) -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, stop_signal)
    if os.getppid() != parent:  # it died before the kernel knew of our wish
        os._exit(1)


def bind_forks() -> None:
    """From here on, whatever this process forks is killed when it dies; theirs with them."""
    forking = 0

    def before() -> None:
        nonlocal forking
        forking = os.getpid()

    os.register_at_fork(before=before, after_in_child=lambda: _follow(forking, signal.SIGKILL))
    multiprocessing.set_start_method("fork")  # the other methods would not run the line above


if __name__ == "__main__":
    bind_forks()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
