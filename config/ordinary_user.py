"""Lets anyone run PostgreSQL, which refuses root and users without a name, without making a user.

There are two ways, and machines that forbid one allow the other. In a user namespace of its own the
child is nobody, and our files look like its own. Where that is forbidden, as in most containers,
root's child becomes the real nobody and keeps the one capability that lets it reach its files
through folders that are root's.
"""

import ctypes
import os
import pwd
from collections.abc import Callable
from pathlib import Path

NOBODY = 65534
_CLONE_NEWUSER = 0x10000000
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 47, 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITIES_VERSION = 0x20080522
_libc = ctypes.CDLL(None, use_errno=True)


def take_over(folder: Path) -> None:
    """Make an empty folder that of the user the program will run as."""
    if os.geteuid() == 0 and not _namespaces_are_allowed():
        os.chown(folder, NOBODY, NOBODY)


def become(folder: Path) -> Callable[[], None]:
    """What a child of ours runs to be the ordinary user to whom `folder` belongs."""
    user = os.geteuid()
    if user == 0:
        return _become_nobody if folder.stat().st_uid == NOBODY else _enter_namespace
    return (lambda: None) if _has_name(user) else _enter_namespace


def _has_name(user: int) -> bool:
    try:
        return bool(pwd.getpwuid(user))
    except KeyError:
        return False


def _namespaces_are_allowed() -> bool:
    child = os.fork()
    if child == 0:
        os._exit(_libc.unshare(_CLONE_NEWUSER) != 0)
    return os.waitpid(child, 0)[1] == 0


def _enter_namespace() -> None:
    user, group = os.geteuid(), os.getegid()
    _must(_libc.unshare(_CLONE_NEWUSER))
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{NOBODY} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{NOBODY} {group} 1")


def _become_nobody() -> None:
    _must(_libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0))
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    kept = 1 << _CAP_DAC_OVERRIDE
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES_VERSION, 0)
    # Effective, permitted, inheritable; the second three are for capabilities from 32 up.
    _must(_libc.capset(header, (ctypes.c_uint32 * 6)(kept, kept, kept, 0, 0, 0)))
    _must(_libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0))


def _must(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), "this machine does not let root become another user")
