"""Ruby: specifications/NAME-VERSION.gemspec, which RubyGems writes for every gem it installs, and
specifications/default/ of the gems that Ruby itself brings.

Source: Gem::Specification#to_ruby and Gem::StubSpecification. It is Ruby source, but written by
RubyGems, always alike: a comment of name and version, then one assignment a line. The .gemspec of
a source tree is a program, and nothing installed.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

from scans.catalogers.component import UNKNOWN_VERSION, Cataloger, Component, Unreadable

_FOLDERS = ("/specifications", "/specifications/default")
_STUB = re.compile(rb"# stub: (\S+) (\S+)")
_FIELD = re.compile(rb"""\s*\w{1,40}\.(name|version) = (?:["']|%q\{)([^"'}]+)["'}]""")
_FILE = re.compile(r"(.+?)-([0-9][^-]*)(?:-.+)?\.gemspec")


def wants(path: str) -> bool:
    folder = path.rpartition("/")[0]
    return path.endswith(".gemspec") and f"/{folder}".endswith(_FOLDERS)


def read(path: str, file: BinaryIO) -> Iterator[Component]:
    name, version = _written(file)
    if not (name and version) and (match := _FILE.fullmatch(path.rpartition("/")[2])):
        name, version = name or match[1], version or match[2]
    if not name:
        raise Unreadable("It names no gem, as what RubyGems writes does.")
    yield Component("gem", name, version or UNKNOWN_VERSION)


def _written(file: BinaryIO) -> tuple[str, str]:
    """Of the comment if there is one, as RubyGems itself reads no further then."""
    fields: dict[bytes, str] = {}
    for line in file:
        if stub := _STUB.match(line):
            return _text(stub[1]), _text(stub[2])
        if match := _FIELD.match(line):
            fields.setdefault(match[1], _text(match[2]))
    return fields.get(b"name", ""), fields.get(b"version", "")


def _text(written: bytes) -> str:
    return written.decode("utf-8", "replace")


CATALOGER = Cataloger(
    "ruby", wants, read, largest=4 * 1024 * 1024, extensions=frozenset({"gemspec"})
)
