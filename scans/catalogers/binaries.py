"""Programs: what Go and Rust wrote into them, and those that everyone ships and no package manager
knows, by the version that stands in their own bytes.

Nothing is guessed: a version counts only where it stands in the words in which the program itself
prints or sends it, in a file of the program's own name.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

from scans.catalogers import golang, rust
from scans.catalogers.component import Cataloger, Component
from scans.catalogers.elf import read_elf
from scans.catalogers.jdk import java_version

_LARGEST = 2 * 1024**3  # bytes; nothing but windows of it is ever in memory
_WINDOW = 1024 * 1024
_OVERLAP = 512  # longer than any evidence
_MAX_SEARCHED = 512 * _WINDOW  # bytes; four times Node.js
_RELEASE = b"RELEASE"


@dataclass(frozen=True)
class Program:
    """`files` is what its files are called, `evidence` what stands in them, its group the version.

    Evidence ends with what no version goes on with, so that a window's end cuts none short. RELEASE
    in it is the release in the file's name. Where the evidence runs on into other digits, the
    version must also be found as a string of its own (`alone`).
    """

    name: str
    files: str
    evidence: bytes
    alone: bool = False
    spelt: Callable[[str], str] = str


_SO = r"\.so(?:\.[0-9]+[a-z]?)*"
# What redis calls its build: the version, a host with a dash (or neither), a time and a revision.
_BUILD = (
    rb"([0-9]+\.[0-9]+\.[0-9]{1,2})"
    rb"(?:(?:[0-9a-f]{12}|[A-Za-z][\w.-]{0,62})-[0-9]{10}|[0-9]{10})[0-9a-f]{8,24}\0"
)

PROGRAMS = (
    Program("apache", r"httpd|apache2", rb"Apache/([0-9]+\.[0-9]+\.[0-9]+)[ \0]"),
    Program("bash", r"bash", rb"@\(#\)Bash version ([0-9]+\.[0-9]+\.[0-9]+)\("),
    # Its applets are links to whichever comes first.
    Program("busybox", r"busybox|\[", rb"BusyBox v([0-9]+\.[0-9]+\.[0-9]+)[ \0]"),
    Program(
        "haproxy",
        r"haproxy",
        rb" version ([0-9]+\.[0-9]+\.[0-9]+)(?:-[\w.+~-]{0,60})?, released [0-9]{4}/",
    ),
    Program("java", r"libjvm\.so", rb" JRE \(([0-9][\w.+-]{0,60})\)", spelt=java_version),
    Program(
        "mariadb",
        r"mariadbd|mysqld|mariadb|mysql",
        rb"\0([0-9]+\.[0-9]+\.[0-9]+)-MariaDB[\0-]",
    ),
    Program("memcached", r"memcached", rb"memcached ([0-9]+\.[0-9]+\.[0-9]+)[\n\0]"),
    Program("nginx", r"nginx(?:-debug)?", rb"nginx version: nginx/([0-9]+\.[0-9]+\.[0-9]+)[ \n\0]"),
    Program(
        "node",
        rf"node|nodejs|libnode{_SO}",
        rb"node\.js/v([0-9]+\.[0-9]+\.[0-9]+)\0",
    ),
    Program(
        "openssl",
        rf"openssl|libcrypto{_SO}",
        rb"OpenSSL ([0-9]+\.[0-9]+\.[0-9]+(?:-(?:alpha|beta)[0-9]+|[a-z]{0,2}))"
        rb"(?:[+-]\w{1,20})? {1,2}(?:FIPS )?[0-9]{1,2} [A-Z][a-z]{2} 2",
    ),
    Program("perl", rf"perl(?:5[0-9.]*)?|libperl{_SO}", rb"\0v(5\.[0-9]+\.[0-9]+)\0"),
    Program(
        "php",
        rf"php(?:-fpm|-cgi)?[0-9.]*|libphp[0-9.]*{_SO}",
        rb"X-Powered-By: PHP/([0-9]+\.[0-9]+\.[0-9]+(?:(?:alpha|beta|RC)[0-9]+)?)[\0-]",
    ),
    Program(
        "postgresql",
        r"postgres",
        rb"PostgreSQL ([0-9]+(?:(?:\.[0-9]+){1,2}|(?:beta|rc)[0-9]+))"
        rb"(?: \([^\0]{0,80}\))? on [\w.-]{1,60}, compiled by ",
    ),
    Program(
        "python",
        rf"(?:lib)?python[0-9]\.[0-9]{{1,2}}[a-z]?(?:{_SO})?",
        rb"\0(RELEASE\.[0-9]+(?:(?:a|b|rc)[0-9]+)?)\+?\0",
    ),
    Program("redis", r"redis-server", rb"(?<!valkey)(?<![0-9.])" + _BUILD, alone=True),
    Program(
        "ruby",
        rf"ruby[0-9.]*|libruby[0-9.-]*{_SO}",
        rb"ruby ([0-9]+\.[0-9]+\.[0-9]+(?:(?:preview|rc)[0-9]+|dev)?)(?:p[0-9]+)? \([0-9]{4}-",
    ),
    Program("valkey", r"valkey-server", rb"valkey" + _BUILD, alone=True),
)

_NAMES = re.compile("|".join(f"({program.files})" for program in PROGRAMS))
_IN_NAME = re.compile(r"[0-9]\.[0-9]+")


def is_known(path: str) -> bool:
    return _NAMES.fullmatch(path, path.rfind("/") + 1) is not None


def read(path: str, file: BinaryIO) -> Iterator[Component]:
    if elf := read_elf(file):
        yield from golang.modules(elf)
        yield from rust.crates(elf)
        yield from _known(path, file)


def _known(path: str, file: BinaryIO) -> Iterator[Component]:
    match = _NAMES.fullmatch(path, path.rfind("/") + 1)
    if match and match.lastindex:
        program = PROGRAMS[match.lastindex - 1]
        release = _IN_NAME.search(match[0])
        version = _search(file, _pattern(program.evidence, release[0] if release else ""))
        if version and program.alone:
            version = _search(file, _pattern(rb"\0(RELEASE)\0", version))
        if version:
            yield Component("binary", program.name, program.spelt(version))


@lru_cache(maxsize=256)
def _pattern(evidence: bytes, release: str) -> re.Pattern[bytes]:
    return re.compile(evidence.replace(_RELEASE, re.escape(release.encode())))


def _search(file: BinaryIO, pattern: re.Pattern[bytes]) -> str:
    """The first group of the first match, or ""."""
    window = b""
    for at in range(0, _MAX_SEARCHED, _WINDOW):
        file.seek(at)
        piece = file.read(_WINDOW)
        if not piece:
            break
        window = window[-_OVERLAP:] + piece
        if match := pattern.search(window):
            return match[1].decode("ascii")
    return ""


EXECUTABLES = Cataloger(
    "binaries",
    lambda path: True,
    read,
    largest=_LARGEST,
    executables=True,
    magic=b"\x7fELF",
)
# A library needs no executable bit, and a hard link does not show it.
LIBRARIES = Cataloger(
    "libraries",
    is_known,
    read,
    largest=_LARGEST,
    names=frozenset({"busybox", "["}),
    extensions=frozenset({"so", *map(str, range(1000))}),
    magic=b"\x7fELF",
)
