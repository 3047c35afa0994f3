"""A reader's answer: a record as lines of JSON, each short, and believed in nothing but its form.

The reader may have been taken over by what it read. So every line is bounded and checked before it
is kept, and what is kept is bounded as a whole: a few bytes of JSON can be many in memory.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple, fields
from typing import Any

import orjson

from scans.catalogers import Component, storable
from scans.layers import Budget, LayerError, LayerRecord
from scans.layers.budget import too_large
from scans.layers.paths import normalised
from scans.layers.record import Content, Problem
from scans.osrelease import Distro
from scans.support import Reason

MAX_LINE = 32 * 1024  # bytes; the longest is a package with the longest texts
_MAX_SENTENCE = 1000
_MAX_PACKAGE = 300
_OVERHEAD = 200  # bytes in memory of a line beside its text
TYPES = frozenset(
    {"deb", "apk", "rpm", "python", "npm", "go-module", "maven", "cargo", "gem", "composer"}
    | {"dotnet", "binary"}
)
_REASONS = frozenset({Reason.DAMAGED, Reason.TOO_LARGE, Reason.TOO_SLOW, Reason.FAILED})
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LISTS = ("hidden", "whiteouts", "opaques", "bare", "unread")


class NoAnswer(Exception):
    """What came has not the form of an answer."""


class NoEnd(NoAnswer):
    """What came is no whole answer."""


def lines(record: LayerRecord) -> Iterator[bytes]:
    for path, content in record.files.items():
        yield _line("file", path)
        if isinstance(content, Distro):
            yield _line("distro", *astuple(content))
        else:
            yield from (_line("package", *astuple(component)) for component in content)
    for path, problem in record.problems.items():
        yield _line("problem", path, problem.reason, problem.sentence)
    for path, package in record.owned.items():
        yield _line("owned", path, package)
    for path, target in record.links.items():
        yield _line("link", path, target)
    for name in _LISTS:
        yield from (_line(name, path) for path in getattr(record, name))
    yield _line("end", record.entries, record.bytes, record.diff_id)


def refusal(error: LayerError) -> bytes:
    return _line("refused", error.reason, error.sentence)


def _line(*values: object) -> bytes:
    return orjson.dumps(values, option=orjson.OPT_APPEND_NEWLINE)


def record_of(answer: Iterable[bytes], budget: Budget) -> LayerRecord:
    """Raises NoAnswer, and the LayerError that the answer is or that its size makes."""
    reading = _Answer(budget)
    for line in answer:
        reading.add(line)
        if reading.record:
            return reading.record
    raise NoEnd("It stops before its end.")


class _Answer:
    def __init__(self, budget: Budget) -> None:
        self.record: LayerRecord | None = None
        self._budget = budget
        self._held = 0
        self._packages = 0
        self._files: dict[str, Content] = {}
        self._path = ""  # of the file that packages belong to
        self._components: list[Component] = []
        self._problems: dict[str, Problem] = {}
        self._owned: dict[str, str] = {}
        self._links: dict[str, str] = {}
        self._lists: dict[str, list[str]] = {name: [] for name in _LISTS}

    def add(self, line: bytes) -> None:
        self._held += len(line) + _OVERHEAD
        if self._held > self._budget.answer_bytes:
            limit = self._budget.answer_bytes
            raise too_large("there is more in it than can be kept", limit, "answer bytes")
        kind, *values = _values(line)
        if kind != "package":
            self._close_file()
        if kind in self._lists:
            values = [kind, *values]
        take, count = _TAKE.get(kind, (None, 0))
        if take is None or len(values) != count:
            raise NoAnswer("It has a line of an unknown kind or length.")
        take(self, *values)

    def _refused(self, reason: object, sentence: object) -> None:
        raise LayerError(_reason(reason), _text(sentence, _MAX_SENTENCE))

    def _file(self, path: object) -> None:
        self._path = self._checked_path(path)
        self._files[self._path] = ()

    def _distro(self, *values: object) -> None:
        if not self._path:
            raise NoAnswer("It has a distribution where none can be.")
        self._files[self._path] = Distro(*(_text(value, _MAX_PACKAGE, least=0) for value in values))

    def _package(self, *values: object) -> None:
        self._packages += 1
        if not self._path or self._packages > self._budget.packages:
            raise NoAnswer("It has a package where none can be.")
        self._components.append(_component(values))

    def _close_file(self) -> None:
        if self._components:
            self._files[self._path] = tuple(self._components)
            self._components = []

    def _problem(self, path: object, reason: object, sentence: object) -> None:
        problem = Problem(_reason(reason), _text(sentence, _MAX_SENTENCE))
        self._problems[self._known_file(path)] = problem

    def _own(self, path: object, package: object) -> None:
        self._owned[self._known_file(path)] = _text(package, _MAX_PACKAGE)

    def _link(self, path: object, target: object) -> None:
        limit = self._budget.path_length
        self._links[self._checked_path(path)] = _text(target, limit, least=0)

    def _listed(self, name: str, path: object) -> None:
        self._lists[name].append(self._checked_path(path))

    def _end(self, entries: object, size: object, diff_id: object) -> None:
        self.record = LayerRecord(
            entries=_number(entries, self._budget.entries),
            bytes=_number(size, self._budget.bytes),
            diff_id=_digest(diff_id),
            files=self._files,
            problems=self._problems,
            owned=self._owned,
            links=self._links,
            **{name: tuple(paths) for name, paths in self._lists.items()},
        )

    def _known_file(self, path: object) -> str:
        if not isinstance(path, str) or path not in self._files:
            raise NoAnswer("It speaks of a file that it did not name.")
        return path

    def _checked_path(self, path: object) -> str:
        """As `scans.layers.paths` makes them; "" is the root, which only an opaque can be."""
        text = _text(path, self._budget.path_length, least=0)
        if normalised(text) != text or text.count("/") > self._budget.depth:
            raise NoAnswer("It has a path that is none.")
        return text


# By kind, who takes the line's values, and how many they are.
_TAKE: dict[str, tuple[Callable[..., None], int]] = {
    "refused": (_Answer._refused, 2),
    "file": (_Answer._file, 1),
    "distro": (_Answer._distro, len(fields(Distro))),
    "package": (_Answer._package, len(fields(Component))),
    "problem": (_Answer._problem, 3),
    "owned": (_Answer._own, 2),
    "link": (_Answer._link, 2),
    **dict.fromkeys(_LISTS, (_Answer._listed, 2)),
    "end": (_Answer._end, 3),
}


def _values(line: bytes) -> list[Any]:
    if len(line) > MAX_LINE:
        raise NoAnswer("It has a line that is too long.")
    try:
        values = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise NoAnswer("It has a line that is no JSON.") from None
    if not isinstance(values, list) or not values or not isinstance(values[0], str):
        raise NoAnswer("It has a line that is no list.")
    return values


def _component(values: tuple[Any, ...]) -> Component:
    if not all(isinstance(value, str) for value in values):
        raise NoAnswer("It has a package that is none.")
    component = Component(*values)
    if component.type not in TYPES or list(storable([component])) != [component]:
        raise NoAnswer("It has a package that cannot be stored.")
    return component


def _text(value: object, limit: int, least: int = 1) -> str:
    """`limit` and `least` are in bytes of UTF-8."""
    if not isinstance(value, str) or not value.isprintable():
        raise NoAnswer("It has a text that is none.")
    if not least <= len(value.encode()) <= limit:
        raise NoAnswer("It has a text that is too short or too long.")
    return value


def _reason(value: object) -> Reason:
    if not isinstance(value, str) or value not in _REASONS:
        raise NoAnswer("It has a reason that is none.")
    return Reason(value)


def _number(value: object, most: int) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise NoAnswer("It has a number that is none, or too large.")
    return value


def _digest(value: object) -> str:
    if value != "" and not (isinstance(value, str) and _DIGEST.fullmatch(value)):
        raise NoAnswer("It has a digest that is none.")
    return str(value)
