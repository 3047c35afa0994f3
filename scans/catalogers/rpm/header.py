"""rpm's header: an index of tags, and the store their values lie in. Always big-endian.

Source: rpm's manual, "RPM V4 Package format"; in a database it stands without its magic and lead.
"""

from collections.abc import Iterator
from itertools import islice
from struct import Struct

from scans.catalogers.component import UNKNOWN_VERSION, Component, Owns

LARGEST = 32 * 1024 * 1024  # bytes; the headers of the packages with the most files have five

_NAME, _VERSION, _RELEASE, _EPOCH = 1000, 1001, 1002, 1003
_ARCH, _SOURCE_RPM, _MODULARITY_LABEL = 1022, 1044, 5096
_DIR_INDEXES, _BASENAMES, _DIRNAMES = 1116, 1117, 1118
_TAGS = frozenset(
    {_NAME, _VERSION, _RELEASE, _EPOCH, _ARCH, _SOURCE_RPM, _MODULARITY_LABEL}
    | {_DIR_INDEXES, _BASENAMES, _DIRNAMES}
)
_INT32, _STRING, _STRINGS, _TRANSLATED = 4, 6, 8, 9
_TEXTS = frozenset({_STRING, _STRINGS, _TRANSLATED})

_LENGTHS = Struct(">II")
_ENTRY = Struct(">IIII")  # tag, type, offset in the store, count
_NUMBER = Struct(">I")
_MOST_ENTRIES = 65535  # as in rpm
_MOST_FOLDERS = 100_000
_LONGEST_FOLDER = 2048  # bytes; no layer has longer paths
_PATHS_AT_ONCE = 2000  # as a header of few bytes can name many long paths


class Damaged(ValueError):
    """No header that rpm would read."""


class Header:
    def __init__(self, blob: bytes) -> None:
        if len(blob) < _LENGTHS.size:
            raise Damaged
        entries, length = _LENGTHS.unpack_from(blob)
        self._blob = blob
        self._store = _LENGTHS.size + _ENTRY.size * entries
        self._end = self._store + length
        if entries > _MOST_ENTRIES or self._end > len(blob):
            raise Damaged
        self._index: dict[int, tuple[int, int, int]] = {}
        for tag, kind, offset, count in _ENTRY.iter_unpack(blob[_LENGTHS.size : self._store]):
            if tag in _TAGS:
                self._index.setdefault(tag, (kind, offset, count))

    def component(self) -> Component:
        name = self._text(_NAME)
        if not name:
            raise Damaged
        version = "-".join(filter(None, (self._text(_VERSION), self._text(_RELEASE))))
        return component(
            name,
            version_of(str(next(self._numbers(_EPOCH), 0)), version),
            self._text(_ARCH),
            self._text(_SOURCE_RPM),
            self._text(_MODULARITY_LABEL),
        )

    def owned(self, package: str) -> Iterator[Owns]:
        files = self._files(list(islice(self._strings(_DIRNAMES), _MOST_FOLDERS)))
        while paths := list(islice(files, _PATHS_AT_ONCE)):
            yield Owns(package, paths)

    def _files(self, folders: list[bytes]) -> Iterator[str]:
        files = zip(self._strings(_BASENAMES), self._numbers(_DIR_INDEXES), strict=False)
        for name, index in files:
            if index < len(folders) and len(folders[index]) <= _LONGEST_FOLDER:
                path = (folders[index] + name).lstrip(b"/")
                yield path.decode("utf-8", "backslashreplace")

    def _text(self, tag: int) -> str:
        return next(self._strings(tag), b"").decode("utf-8", "replace")

    def _strings(self, tag: int) -> Iterator[bytes]:
        kind, offset, count = self._index.get(tag, (_STRING, 0, 0))
        if kind not in _TEXTS:
            raise Damaged
        at = self._store + offset
        for _ in range(count):
            end = self._blob.find(b"\0", at, self._end)
            if end < 0:
                raise Damaged
            yield self._blob[at:end]
            at = end + 1

    def _numbers(self, tag: int) -> Iterator[int]:
        kind, offset, count = self._index.get(tag, (_INT32, 0, 0))
        start = self._store + offset
        if kind != _INT32 or start + _NUMBER.size * count > self._end:
            raise Damaged
        for at in range(start, start + _NUMBER.size * count, _NUMBER.size):
            yield _NUMBER.unpack_from(self._blob, at)[0]


def component(
    name: str, version: str, architecture: str, source: str, label: str = ""
) -> Component:
    """`source` is the file name of the source package, which has no epoch; `label` the modularity
    label, "MODULE:STREAM:VERSION:CONTEXT"."""
    return Component(
        "rpm",
        name,
        version or UNKNOWN_VERSION,
        architecture,
        *_source(source),
        module=":".join(label.split(":", 2)[:2]),
    )


def version_of(epoch: str, version: str) -> str:
    return f"{epoch}:{version}" if version and epoch.strip("0") else version


def _source(file: str) -> tuple[str, str]:
    """The name and the version of "NAME-VERSION-RELEASE.src.rpm"."""
    stem = file.removesuffix(".rpm").removesuffix(".src").removesuffix(".nosrc")
    name, *version = stem.rsplit("-", 2)
    return (name, "-".join(version)) if len(version) == 2 else ("", "")
