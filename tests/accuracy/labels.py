"""What others say: which packages stand in an image, which findings they have, and which of two
versions is greater. Read from where it lies; nothing of it is kept here."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Which tables of comparisons tell of which ecosystem, by the beginning of their names.
TABLES = {
    "alpine": "Alpine",
    "apk": "Alpine",
    "cran": "CRAN",
    "debian": "Debian",
    "hackage": "Hackage",
    "maven": "Maven",
    "nuget": "NuGet",
    "packagist": "Packagist",
    "pub": "Pub",
    "pypi": "PyPI",
    "redhat": "Red Hat",
    "rubygems": "RubyGems",
    "semver": "npm",
}
_COMPARISON = re.compile(r"(.*?)\s*([<=>])\s*(.*)")

# (type, name, version)
Package = tuple[str, str, str]
# (name, version, id)
Finding = tuple[str, str, str]


@dataclass(frozen=True)
class Answers:
    """Every finding that one image's packages of one type have, and no other."""

    tag: str
    type: str
    ecosystem: str
    findings: frozenset[Finding]


def packages(data: Path) -> Iterator[tuple[str, frozenset[Package]]]:
    """Each image's tag and what is installed in it."""
    for path in sorted((data / "inventories").glob("*.json")):
        listed = json.loads(path.read_text())["packages"]
        yield path.stem, frozenset((type_, name, version) for type_, name, version in listed)


def answers(data: Path) -> Iterator[Answers]:
    installed = dict(packages(data))
    for path in sorted((data / "findings").glob("*.json")):
        document = json.loads(path.read_text())
        if path.stem == "alma9-rpmdb":
            for kind in ("sqlite", "sqlite-wal", "bdb11", "ndb13"):
                tag = f"{path.stem}-{kind}"
                yield _by_package(tag, document, {name for _, name, _ in installed[tag]})
        else:
            yield _of_image(path.stem, document)


def _by_package(tag: str, document: dict, installed: set[str]) -> Answers:
    rows = frozenset(
        (name, said["installed"], advisory)
        for name, said in document.items()
        if name in installed
        for advisory in said["vulnerable_to"]
    )
    return Answers(tag, "rpm", "AlmaLinux", rows)


def _of_image(name: str, document: dict) -> Answers:
    type_, ecosystem, tag = _subject(name)
    return Answers(tag, type_, ecosystem, frozenset(map(_row, document["findings"])))


def _subject(name: str) -> tuple[str, str, str]:
    """Type, ecosystem and tag of a file of answers by its name."""
    if name.endswith("-pypi"):
        return "python", "PyPI", name.removesuffix("-pypi")
    if name.endswith("-npm"):
        return "npm", "npm", name.removesuffix("-npm")
    if name.startswith("alma"):
        return "rpm", "AlmaLinux", name
    return ("apk", "Alpine", name) if name.startswith("alpine") else ("deb", "Debian", name)


def _row(row: dict) -> Finding:
    identifier = row.get("id") or row.get("cve") or row["advisory"]
    return row["package"], row["version"].removeprefix("0:"), identifier


def comparisons(data: Path) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """Each ecosystem's lines: a version, "<", "=" or ">", another version."""
    for path in sorted((data / "versions").iterdir()):
        ecosystem = TABLES.get(re.split(r"[-.]", path.name)[0])
        if ecosystem:
            lines = path.read_text().splitlines()[1 if path.suffix == ".tsv" else 0 :]
            yield ecosystem, [_compared(line) for line in lines if _says_something(line)]


def _says_something(line: str) -> bool:
    return bool(line.strip()) and not line.startswith(("#", "//"))


def _compared(line: str) -> tuple[str, str, str]:
    match = _COMPARISON.fullmatch(line)
    if not match:
        raise ValueError(f"{line!r} compares nothing.")
    return match[1], match[2], match[3]
