"""What the process that parses gives up: privileges, network, files, memory, time.

Sources: seccomp(2), namespaces(7), capabilities(7), prctl(2), getrlimit(2).
"""

import ctypes
import errno
import os
import resource
import signal
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Protocol, cast

try:
    import pyseccomp
except (ImportError, RuntimeError):  # no such platform, or no libseccomp on this machine
    pyseccomp = None

_libc = ctypes.CDLL(None, use_errno=True)

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_CLONE_NEWNS, _CLONE_NEWUTS, _CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_NAMESPACES = _CLONE_NEWNS | _CLONE_NEWUTS | _CLONE_NEWIPC | _CLONE_NEWNET
_NOBODY = 65534
_CAPABILITIES_3 = (ctypes.c_uint32 * 2)(0x20080522, 0)  # of this process
_NO_CAPABILITIES = (ctypes.c_uint32 * 6)()
_PROT_EXEC = 4
# Any other of fcntl, and of ioctl, can make a pipe signal its worker, or any process of its user.
_F_GETFD, _F_SETFD, _F_GETFL = 1, 2, 3
_TCGETS = 0x5401
_WORD = 0xFFFFFFFF
_BINARY_TREE = 2  # of libseccomp's CTL_OPTIMIZE: a call is looked up, not searched for

_READER = """
    read readv pread64 write writev pwrite64 lseek ftruncate fstat newfstatat close
    mremap munmap brk madvise futex membarrier rseq
    rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack restart_syscall
    clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time getrandom
    getpid getppid gettid getuid geteuid getgid getegid sched_yield sched_getaffinity getrusage
    poll ppoll exit exit_group
"""
_ZYGOTE = f"""
    {_READER} clone fork wait4 kill recvmsg sendto sendmsg prctl seccomp prlimit64 setrlimit
    set_robust_list set_tid_address dup2 dup3
"""
# No accident: whoever tries one of these has been taken over. Anything else that is not allowed,
# such as to open a file, merely fails: a library may try in good faith and go on without.
_FATAL = """
    execve execveat clone clone3 fork vfork ptrace process_vm_readv process_vm_writev
    socket socketpair connect bind listen accept accept4
    mount umount2 pivot_root chroot unshare setns open_by_handle_at
    bpf userfaultfd io_uring_setup perf_event_open keyctl add_key request_key
    init_module finit_module kexec_load setuid setresuid setgid setresgid capset
"""


class Filter(Protocol):
    def load(self) -> None: ...


def filters() -> tuple[Filter, Filter] | None:
    """What the kernel lets the zygote do, and a reader; None where it cannot be asked to."""
    if pyseccomp is None:
        return None
    try:
        return _filter(_ZYGOTE), _filter(_READER)
    except OSError:
        return None


def load(filter_: Filter) -> bool:
    """Whether the kernel took it, for ever."""
    try:
        filter_.load()
    except OSError:
        return False
    return True


def shut_out() -> None:
    """Leave the file system, the network and every privilege, as far as this machine allows; a
    container's rules may forbid some of it, and the filters hold without."""
    root = os.geteuid() == 0
    _libc.unshare(_NAMESPACES if root else _NAMESPACES | _CLONE_NEWUSER)
    _enter_nothing()
    if root:
        _become_nobody()
    _libc.capset(_CAPABILITIES_3, _NO_CAPABILITIES)
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def follow(parent: int) -> None:
    """Die with the parent, however it dies."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the kernel knew of our wish
        os._exit(1)


def limit(memory: int, processor_seconds: int, file_bytes: int) -> None:
    """`memory` is in bytes of address space. Past its processor time, a process gets SIGXCPU."""
    _limit(resource.RLIMIT_AS, memory)
    _limit(resource.RLIMIT_CPU, processor_seconds, processor_seconds + 1)
    _limit(resource.RLIMIT_FSIZE, file_bytes)
    _limit(resource.RLIMIT_NPROC, 0)
    _limit(resource.RLIMIT_NOFILE, 0)  # what is open stays open; there will be no other


def _limit(what: int, soft: int, hard: int | None = None) -> None:
    """Lower a limit; one that is lower already stays."""
    most = resource.getrlimit(what)[1]
    limits = [soft, soft if hard is None else hard]
    if most != resource.RLIM_INFINITY:
        limits = [min(limit, most) for limit in limits]
    resource.setrlimit(what, (limits[0], limits[1]))


def address_space() -> int:
    """Bytes mapped by this process now."""
    pages = Path("/proc/self/statm").read_text().split()[0]
    return int(pages) * resource.getpagesize()


def _filter(allowed: str) -> Filter:
    found = pyseccomp.SyscallFilter(pyseccomp.ERRNO(errno.EPERM))
    names = frozenset(allowed.split())
    for name in names:
        found.add_rule(pyseccomp.ALLOW, name)
    for name in frozenset(_FATAL.split()) - names:
        with suppress(OSError):  # one that libseccomp does not know is not allowed either
            found.add_rule(pyseccomp.KILL_PROCESS, name)
    for name in ("mmap", "mprotect"):  # no new code
        not_executable = pyseccomp.Arg(2, pyseccomp.MASKED_EQ, _PROT_EXEC, 0)
        found.add_rule(pyseccomp.ALLOW, name, not_executable)
    for name, word in (
        ("fcntl", _F_GETFD), ("fcntl", _F_SETFD), ("fcntl", _F_GETFL), ("ioctl", _TCGETS),
    ):  # fmt: skip
        # The kernel looks at no more than these bits.
        found.add_rule(pyseccomp.ALLOW, name, pyseccomp.Arg(1, pyseccomp.MASKED_EQ, _WORD, word))
    with suppress(OSError):  # libseccomp before 2.5
        found.set_attr(pyseccomp.Attr.CTL_OPTIMIZE, _BINARY_TREE)
    return cast("Filter", found)


def _enter_nothing() -> None:
    """Make an empty folder that is nowhere the root of all paths."""
    folder = Path(tempfile.mkdtemp())
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    folder.rmdir()
    with suppress(OSError):
        os.fchdir(descriptor)
        os.chroot(".")
    os.close(descriptor)


def _become_nobody() -> None:
    with suppress(OSError):  # a root that may not even do that
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
