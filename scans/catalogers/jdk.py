"""A JDK or JRE: the file `release` in its folder.

Source: OpenJDK's make/ReleaseFile.gmk, and JEP 223 for how versions are spelt.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

from scans.catalogers.component import Cataloger, Component

_MAX_BYTES = 64 * 1024  # of the file; the list of its modules takes five thousand
_JAVA_VERSION = re.compile(rb'^JAVA_VERSION="([0-9][0-9A-Za-z._+-]*)"\r?$', re.MULTILINE)
# What stands beside it, so that no other file of this name is taken for one.
_BESIDE = re.compile(rb"^(?:IMPLEMENTOR|OS_ARCH|SOURCE|MODULES)=", re.MULTILINE)
_OLD = re.compile(r"1\.([0-9]+)\.[0-9]+(?:_([0-9]+))?")
_NEW = re.compile(r"[0-9]+(?:\.[0-9]+)*")


def read(path: str, file: BinaryIO) -> Iterator[Component]:
    text = file.read(_MAX_BYTES)
    version = _JAVA_VERSION.search(text)
    if version and _BESIDE.search(text):
        yield Component("binary", "java", java_version(version[1].decode()))


def java_version(text: str) -> str:
    """Without the build, and one spelling for all: what was 1.8.0_372 is 8.0.372 since JEP 223,
    and advisories write it so."""
    if old := _OLD.match(text):
        return f"{old[1]}.0.{old[2] or 0}"
    new = _NEW.match(text)
    return new[0] if new else text


CATALOGER = Cataloger(
    "jdk",
    lambda path: path.endswith("/release"),
    read,
    largest=1024**3,  # other files have this name, and are no worse for their size
    names=frozenset({"release"}),
)
