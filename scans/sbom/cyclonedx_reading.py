"""CycloneDX documents, in JSON or XML, of any version since 1.2."""

from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import orjson
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from scans.sbom.documents import (
    MAX_DEPTH,
    MAX_ENTRIES,
    Document,
    NotAnSbom,
    mapping,
    objects,
    text,
)
from scans.sbom.entries import Entry, System

_NAMESPACE = "http://cyclonedx.org/schema/bom/"
# What is no package, whether it has a package URL or not.
_NOT_PACKAGES = frozenset(
    {"operating-system", "container", "device", "data", "machine-learning-model",
     "cryptographic-asset", "platform"}
)  # fmt: skip

# Properties of ours and of widely used generators.
_SOURCE = ("vigie:source", "aquasecurity:trivy:SrcName", "syft:metadata:source")
_SOURCE_VERSION = ("vigie:source-version", "syft:metadata:sourceVersion")
_MODULE = ("vigie:module", "aquasecurity:trivy:Modularitylabel", "syft:metadata:modularityLabel")
_PATH = ("aquasecurity:trivy:FilePath", "syft:location:0:path")
_APPLICATION = "aquasecurity:trivy:Class"  # a lock file or the like, whose packages follow


def load(body: bytes) -> dict[str, Any]:
    """A JSON object; orjson itself refuses what is nested too deeply."""
    try:
        plain = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise NotAnSbom("The document is neither JSON nor XML that can be read.") from None
    if not isinstance(plain, dict):
        raise NotAnSbom("The document is JSON, but no object: it is no SBOM.")
    return plain


def read(plain: dict[str, Any]) -> Document:
    image = mapping(mapping(plain.get("metadata")).get("component"))
    components = list(_components(plain.get("components")))
    systems = [each for each in components if each.get("type") == "operating-system"]
    return Document(
        format=f"CycloneDX {text(plain.get('specVersion'), 10)}".strip(),
        name=text(image.get("name"), 255),
        system=_system(systems[0]) if systems else None,
        entries=tuple(_entry(each) for each in components if _is_package(each)),
    )


def _components(value: object) -> Iterator[dict[str, Any]]:
    """All of them, with those within others."""
    waiting = [(objects(value), 1)]
    count = 0
    while waiting:
        components, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise NotAnSbom(f"Components stand in components more than {MAX_DEPTH} deep.")
        for component in components:
            count += 1
            if count > MAX_ENTRIES:
                raise NotAnSbom(f"The document has more than {MAX_ENTRIES:,} components.")
            yield component
            if inner := objects(component.get("components")):
                waiting.append((inner, depth + 1))


def _system(component: dict[str, Any]) -> System:
    return System(
        text(component.get("name"), 100),
        text(component.get("version"), 60),
        text(component.get("description"), 200),
    )


def _is_package(component: dict[str, Any]) -> bool:
    kind = text(component.get("type"), 50)
    if kind in _NOT_PACKAGES:
        return False
    if component.get("purl"):
        return True
    return kind != "file" and _APPLICATION not in _properties(component)


def _entry(component: dict[str, Any]) -> Entry:
    properties = _properties(component)
    return Entry(
        name=text(component.get("name"), 300),
        purl=text(component.get("purl")),
        path=_location(component) or _first(properties, _PATH),
        source_name=_first(properties, _SOURCE),
        source_version=_source_version(properties),
        module=_first(properties, _MODULE),
    )


def _properties(component: dict[str, Any]) -> dict[str, str]:
    found = objects(component.get("properties"))[:100]
    return {text(each.get("name"), 100): text(each.get("value")) for each in found}


def _first(properties: dict[str, str], names: tuple[str, ...]) -> str:
    return next((properties[name] for name in names if properties.get(name)), "")


def _source_version(properties: dict[str, str]) -> str:
    if whole := _first(properties, _SOURCE_VERSION):
        return whole
    version, release, epoch = (
        properties.get(f"aquasecurity:trivy:Src{part}", "")
        for part in ("Version", "Release", "Epoch")
    )
    whole = f"{version}-{release}" if release else version
    return f"{epoch}:{whole}" if epoch not in ("", "0") and whole else whole


def _location(component: dict[str, Any]) -> str:
    occurrences = objects(mapping(component.get("evidence")).get("occurrences"))
    return text(occurrences[0].get("location")) if occurrences else ""


# --- XML ----------------------------------------------------------------------------------------


def read_xml(body: bytes) -> Document:
    """The same, of the elements that matter; no entity and no document type is followed."""
    try:
        root = fromstring(body, forbid_dtd=True)
    except (DefusedXmlException, ParseError, ValueError, LookupError):
        raise NotAnSbom("The document is no XML that can be read safely.") from None
    namespace, _, name = root.tag.lstrip("{").partition("}")
    if name != "bom" or not namespace.startswith(_NAMESPACE):
        raise NotAnSbom("The XML document is no CycloneDX BOM.")
    prefix = f"{{{namespace}}}"
    metadata = root.find(f"{prefix}metadata/{prefix}component")
    plain: dict[str, Any] = {
        "specVersion": namespace.removeprefix(_NAMESPACE),
        "components": _inner(root, prefix, 1),
    }
    if metadata is not None:
        plain["metadata"] = {"component": {"name": metadata.findtext(f"{prefix}name")}}
    return read(plain)


def _inner(parent: Element, prefix: str, depth: int) -> list[dict[str, Any]]:
    if depth > MAX_DEPTH + 1:
        raise NotAnSbom(f"Components stand in components more than {MAX_DEPTH} deep.")
    found = parent.findall(f"{prefix}components/{prefix}component")
    return [_plain(component, prefix, depth) for component in found]


def _plain(component: Element, prefix: str, depth: int) -> dict[str, Any]:
    occurrences = component.findall(f"{prefix}evidence/{prefix}occurrences/{prefix}occurrence")
    properties = component.findall(f"{prefix}properties/{prefix}property")
    return {
        "type": component.get("type"),
        **{
            name: (component.findtext(f"{prefix}{name}") or "").strip()
            for name in ("name", "version", "purl", "description")
        },
        "properties": [
            {"name": each.get("name", ""), "value": (each.text or "").strip()}
            for each in properties
        ],
        "evidence": {
            "occurrences": [
                {"location": (each.findtext(f"{prefix}location") or "").strip()}
                for each in occurrences[:1]
            ]
        },
        "components": _inner(component, prefix, depth + 1),
    }
