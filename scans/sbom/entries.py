"""What an SBOM says of one package, whatever its format, and how that becomes a component.

Purl types and qualifiers are those of the purl specification; `upstream` and the properties are
what widely used generators write.
"""

import re
from dataclasses import dataclass

from packageurl import PackageURL

from scans.catalogers import DISTRIBUTION_TYPES, UNKNOWN_VERSION, Component

MAX_TEXT = 2_000  # characters of anything that is looked at

# The types of the purl specification that are read, and ours.
_TYPES = {
    "deb": "deb", "apk": "apk", "rpm": "rpm", "pypi": "python", "npm": "npm",
    "golang": "go-module", "maven": "maven", "cargo": "cargo", "gem": "gem",
    "composer": "composer", "nuget": "dotnet", "generic": "binary",
}  # fmt: skip
_SEPARATORS = {"npm": "/", "go-module": "/", "composer": "/", "maven": ":"}
_SOURCE_RPM = re.compile(r"(.+)-([^-]+-[^-]+)\.(?:no)?src\.rpm")


@dataclass(frozen=True)
class Entry:
    """`path` is the file that told of it, if the document says; a source it does not name is ""."""

    name: str
    purl: str
    path: str = ""
    source_name: str = ""
    source_version: str = ""
    module: str = ""


@dataclass(frozen=True)
class System:
    """The distribution, as the document names it."""

    id: str
    version: str
    name: str = ""


class NotAPackage(ValueError):
    """No package can be made of the entry; the message is a sentence that says why."""


def component_of(entry: Entry) -> tuple[Component, System | None]:
    """The package, and the distribution that its purl names, if any. Raises NotAPackage."""
    if not entry.purl:
        raise NotAPackage(f"{entry.name or 'A component'} has no package URL.")
    try:
        purl = PackageURL.from_string(entry.purl[:MAX_TEXT])
    except ValueError:
        raise NotAPackage(f"{entry.purl[:200]!r} is no package URL.") from None
    type_ = _TYPES.get(purl.type)
    if type_ is None:
        raise NotAPackage(f"Packages of type {purl.type} ({purl.name}) are not judged.")
    qualifiers = purl.qualifiers if isinstance(purl.qualifiers, dict) else {}
    source_name, source_version = _source(entry, qualifiers, type_)
    component = Component(
        type=type_,
        name=_name(type_, purl.namespace or "", purl.name),
        version=_version(type_, purl.name, purl.version or "", qualifiers),
        architecture=qualifiers.get("arch", "") if type_ in DISTRIBUTION_TYPES else "",
        source_name=source_name,
        source_version=source_version,
        module=entry.module or qualifiers.get("rpmmod", ""),
    )
    return component, _system(type_, purl.namespace or "", qualifiers)


def _name(type_: str, namespace: str, name: str) -> str:
    separator = _SEPARATORS.get(type_)
    return f"{namespace}{separator}{name}" if separator and namespace else name


def _version(type_: str, name: str, version: str, qualifiers: dict[str, str]) -> str:
    if not version:
        return UNKNOWN_VERSION
    epoch = qualifiers.get("epoch", "")
    if type_ in ("deb", "rpm") and epoch not in ("", "0") and ":" not in version:
        return f"{epoch}:{version}"
    if type_ == "go-module" and name == "stdlib" and version[0].isdigit():
        return f"go{version}"
    return version


def _source(entry: Entry, qualifiers: dict[str, str], type_: str) -> tuple[str, str]:
    if entry.source_name or type_ not in DISTRIBUTION_TYPES:
        return entry.source_name, entry.source_version
    upstream = qualifiers.get("upstream", "")
    if source := _SOURCE_RPM.fullmatch(upstream):
        return source[1], source[2]
    name, _, version = upstream.partition("@")
    return name, version


def _system(type_: str, namespace: str, qualifiers: dict[str, str]) -> System | None:
    """ "debian-12", as a rule; only a version where the namespace is the name."""
    if type_ not in DISTRIBUTION_TYPES:
        return None
    distro = qualifiers.get("distro", "")
    name, dash, version = distro.rpartition("-")
    if dash and name:
        return System(name, version)
    return System(namespace, distro) if namespace and distro else None
