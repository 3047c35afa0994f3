"""An SBOM in place of an image: a document in, what a layer of such packages would record out.

CycloneDX in JSON or XML and SPDX 2 in JSON; hostile ones are bounded in size, depth and number. A
component that is no package we could judge is kept as a problem: it is unread, never healthy by
silence.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

from scans import osrelease
from scans.catalogers import Component, storable
from scans.layers.paths import decoded, normalised
from scans.layers.record import Content, LayerRecord, Problem
from scans.osrelease import Distro
from scans.sbom import cyclonedx_reading, spdx_reading
from scans.sbom.documents import MAX_BYTES, MAX_PARTS, Document, NotAnSbom
from scans.sbom.entries import Entry, NotAPackage, System, component_of
from scans.support import Reason

__all__ = ["MAX_BYTES", "Imported", "NotAnSbom", "read"]

_NOWHERE = "sbom/packages"  # of what the document tells no file
_UNREAD = "sbom/unread"
_MAX_PATH = 1_000
_MOST_PROBLEMS = 10_000
_WORD = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~+-]{0,59}")

# What generators call distributions, and what these call themselves in os-release.
_KNOWN_AS = {
    "redhat": "rhel", "red hat enterprise linux": "rhel", "amazon": "amzn", "amazon linux": "amzn",
    "oracle": "ol", "oracle linux": "ol", "rocky linux": "rocky", "alma": "almalinux",
    "opensuse.leap": "opensuse-leap", "suse linux enterprise server": "sles",
    "cbl-mariner": "mariner", "azure linux": "azurelinux", "alpine linux": "alpine",
    "debian gnu/linux": "debian",
}  # fmt: skip


@dataclass(frozen=True)
class Imported:
    """`format` names the document's own ("CycloneDX 1.6"); `name` is what it says it is of."""

    format: str
    name: str
    record: LayerRecord


def read(body: bytes) -> Imported:
    """Raises NotAnSbom, with a sentence, for what is none or goes beyond the bounds."""
    if len(body) > MAX_BYTES:
        raise NotAnSbom(f"The document is larger than {MAX_BYTES // 2**20} MiB.")
    document = _document(body)
    files: dict[str, list[Component]] = defaultdict(list)
    problems: dict[str, Problem] = {}
    systems: Counter[System] = Counter()
    for entry in document.entries:
        try:
            component, system = component_of(entry)
            if not (kept := _storable(component)):
                raise NotAPackage(f"{entry.purl[:200]!r} names no package that can be stored.")
        except NotAPackage as error:
            _note(problems, entry, str(error))
            continue
        files[_path(entry.path)].append(kept)
        if system:
            systems[system] += 1
    return Imported(document.format, document.name, _record(document, files, problems, systems))


def _document(body: bytes) -> Document:
    start = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    # A value of three bytes takes a hundred in memory, so they are counted before they are made.
    if sum(map(body.count, (b"<",) if start == b"<" else (b",", b"{", b"["))) > MAX_PARTS:
        raise NotAnSbom(f"The document has more than {MAX_PARTS:,} parts.")
    if start == b"<":
        return cyclonedx_reading.read_xml(body)
    plain = cyclonedx_reading.load(body)
    if "schemaVersion" in plain:  # or it would stand for the image that it is the manifest of
        raise NotAnSbom("The document is a manifest of an image, and no SBOM.")
    if plain.get("bomFormat") == "CycloneDX":
        return cyclonedx_reading.read(plain)
    if isinstance(plain.get("spdxVersion"), str):
        return spdx_reading.read(plain)
    raise NotAnSbom("The document is neither CycloneDX (JSON or XML) nor SPDX 2 (JSON).")


def _storable(component: Component) -> Component | None:
    return next(storable([component]), None)


def _note(problems: dict[str, Problem], entry: Entry, sentence: str) -> None:
    """Each has a place of its own, so that each is counted."""
    if len(problems) < _MOST_PROBLEMS:
        named = decoded(entry.name.encode("utf-8", "backslashreplace"))[:100].replace("/", "_")
        text = decoded(sentence.encode("utf-8", "backslashreplace"))
        place = f"{_UNREAD}/{len(problems) + 1} {named}".rstrip()
        problems[place] = Problem(Reason.DAMAGED, text)


def _path(text: str) -> str:
    """Relative to the root; what is no path of an image is nowhere."""
    outer, _, inside = text.partition("!/")
    path = normalised(decoded(outer.lstrip("/").encode("utf-8", "backslashreplace")))
    if not path or len(text) > _MAX_PATH or path in osrelease.PATHS or path.startswith("sbom/"):
        return _NOWHERE
    return f"{path}!/{inside}" if inside and inside.isprintable() else path


def _record(
    document: Document,
    found: dict[str, list[Component]],
    problems: dict[str, Problem],
    systems: Counter[System],
) -> LayerRecord:
    files: dict[str, Content] = {}
    for path, components in _apart(found).items():
        files[path] = tuple(dict.fromkeys(components))
    files |= dict.fromkeys(problems, ())
    if distro := _distro(document.system, systems):
        files[osrelease.PATHS[0]] = distro
    return LayerRecord(entries=len(files), files=files, problems=problems)


def _apart(found: dict[str, list[Component]]) -> dict[str, list[Component]]:
    """By file, with what stands inside an archive on the component. A path that is at once the
    folder of another would hide that: what it tells of is nowhere."""
    files: dict[str, list[Component]] = defaultdict(list)
    folders = _folders({path.partition("!/")[0] for path in found})
    for path, components in found.items():
        file, _, inside = path.partition("!/")
        place = _NOWHERE if file in folders else file
        files[place] += [replace(each, inside=inside) for each in components]
    return files


def _folders(paths: Iterable[str]) -> set[str]:
    """Those of the paths that others lie below: these follow right behind in their order. All the
    folders of hostile paths together would be a thousand times as long as they are."""
    ordered = pairwise(sorted(f"{path}/" for path in paths))
    return {path[:-1] for path, following in ordered if following.startswith(path)}


def _distro(named: System | None, systems: Counter[System]) -> Distro | None:
    """The one that the document names itself, else the one that most packages name."""
    most = [system for system, _ in systems.most_common(1)]
    for system in ([named] if named else []) + most:
        name = system.id.strip().lower()
        identifier = _KNOWN_AS.get(name, name)
        if _WORD.fullmatch(identifier) and _VERSION.fullmatch(system.version or "0"):
            title = system.name or f"{system.id} {system.version}".strip()
            release = f'ID="{identifier}"\nVERSION_ID="{system.version}"\n'
            return replace(osrelease.parse(release.encode()), name=_printable(title))
    return None


def _printable(text: str) -> str:
    return "".join(filter(str.isprintable, text))[:200]
