"""SPDX 2.2 and 2.3 documents in JSON."""

import re
from typing import Any

from scans.sbom.documents import MAX_ENTRIES, Document, NotAnSbom, mapping, objects, text
from scans.sbom.entries import Entry, System

# What is no package, though SPDX calls everything one.
_NOT_PACKAGES = frozenset(
    {"CONTAINER", "OPERATING-SYSTEM", "OPERATING_SYSTEM", "FILE", "DEVICE", "SOURCE"}
)
_SYSTEMS = frozenset({"OPERATING-SYSTEM", "OPERATING_SYSTEM"})
_BUILT_FROM = re.compile(r"built package from: (\S{1,300}) (\S{1,300})")
_FOUND_IN = "found in /"
_PATH = re.compile(r"/[^;\n]+")


def read(plain: dict[str, Any]) -> Document:
    version = text(plain.get("spdxVersion"), 20)
    if not version.startswith("SPDX-2."):
        raise NotAnSbom(f"The document is {version}; only versions 2.2 and 2.3 of SPDX are read.")
    packages = objects(plain.get("packages"))
    if len(packages) > MAX_ENTRIES:
        raise NotAnSbom(f"The document has more than {MAX_ENTRIES:,} packages.")
    described = _described(plain)
    systems = [each for each in packages if _purpose(each) in _SYSTEMS]
    return Document(
        format=f"SPDX {version.removeprefix('SPDX-')}",
        name=text(plain.get("name"), 255),
        system=_system(systems[0]) if systems else None,
        entries=tuple(_entry(each) for each in packages if _is_package(each, described)),
    )


def _purpose(package: dict[str, Any]) -> str:
    return text(package.get("primaryPackagePurpose"), 50)


def _described(plain: dict[str, Any]) -> frozenset[str]:
    """What the document is about, which is not in itself."""
    found = plain.get("documentDescribes")
    named = {text(each) for each in found} if isinstance(found, list) else set()
    for relationship in objects(plain.get("relationships")):
        if relationship.get("relationshipType") == "DESCRIBES":
            named.add(text(relationship.get("relatedSpdxElement")))
    return frozenset(named)


def _is_package(package: dict[str, Any], described: frozenset[str]) -> bool:
    if _purpose(package) in _NOT_PACKAGES:
        return False
    # Some documents describe each of their packages: what has a package URL is one.
    return bool(_purl(package)) or text(package.get("SPDXID")) not in described


def _system(package: dict[str, Any]) -> System:
    return System(
        text(package.get("name"), 100),
        text(package.get("versionInfo"), 60),
        text(package.get("description"), 200),
    )


def _entry(package: dict[str, Any]) -> Entry:
    told = text(package.get("sourceInfo"))
    source = _BUILT_FROM.search(told)
    return Entry(
        name=text(package.get("name"), 300),
        purl=_purl(package),
        path=_place(told),
        source_name=source[1] if source else "",
        source_version=source[2].rstrip(";") if source else "",
    )


def _place(told: str) -> str:
    """Searched for once: a pattern with both of its ends would begin anew at every "found in"."""
    _, found, rest = told.partition(_FOUND_IN)
    path = _PATH.match(f"/{rest}") if found else None
    return path[0].partition(" in layer ")[0] if path else ""


def _purl(package: dict[str, Any]) -> str:
    for reference in objects(package.get("externalRefs"))[:100]:
        if mapping(reference).get("referenceType") == "purl":
            return text(reference.get("referenceLocator"))
    return ""
