"""The process that readers are forked from: a fresh interpreter that knows no secret, has imported
all that reading needs, and has shut itself out of everything else.

On its control socket a message with three descriptors (the blob, the answer, the spool) starts a
reader; one without ends it, dead or alive, and is answered with its exit status. When the socket
closes, the worker has gone, and so does everything here.
"""

import ctypes
import encodings
import gc
import importlib
import os
import pkgutil
import signal
import socket

from scans.sandbox import lockdown, reader

READY = b"ready"
UNFILTERED = b"unfiltered"  # ready, but without filters of system calls
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
START, END = b"start", b"end"


def main(descriptor: int) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)  # the worker's to obey; it ends this process
    control = socket.socket(fileno=descriptor)
    _keep_freed_memory()
    _import_what_loads_late()
    filters = lockdown.filters()
    reader.remember_own_size()
    lockdown.shut_out()
    if filters and not lockdown.load(filters[0]):
        filters = None
    gc.collect()
    gc.freeze()  # or the first collection in a reader would copy all of it
    control.send(READY if filters else UNFILTERED)
    os.dup2(1, 2)  # the worker's log: nothing that is read may write there
    _serve(control, filters[1] if filters else None)


def _import_what_loads_late() -> None:
    """Codecs are modules; no file can be opened once the process is shut out."""
    for module in pkgutil.iter_modules(encodings.__path__):
        if module.name not in ("mbcs", "oem"):  # of Windows
            importlib.import_module(f"encodings.{module.name}")


def _keep_freed_memory() -> None:
    """Or every buffer is asked of the kernel anew, page by page: a fifth of the time."""
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):  # of glibc
        mallopt(_M_MMAP_THRESHOLD, 4 * 1024 * 1024)
        mallopt(_M_TRIM_THRESHOLD, 64 * 1024 * 1024)


def _serve(control: socket.socket, filter_: lockdown.Filter | None) -> None:
    child = 0
    try:
        while True:
            words, descriptors, *_ = socket.recv_fds(control, 16, 3)
            if words == START:
                child = _fork(control, descriptors, filter_)
            elif words == END and child:
                status, child = _end(child), 0
                control.send(b"%d" % status)
            else:
                return
    except ConnectionError:
        return
    finally:
        if child:
            _end(child)


def _fork(control: socket.socket, descriptors: list[int], filter_: lockdown.Filter | None) -> int:
    parent = os.getpid()
    child = os.fork()
    if not child:
        control.close()
        lockdown.follow(parent)
        reader.run(descriptors, filter_)
    for descriptor in descriptors:
        os.close(descriptor)
    return child


def _end(child: int) -> int:
    os.kill(child, signal.SIGKILL)  # if it has ended by itself, its status stays what it is
    return os.waitpid(child, 0)[1]
