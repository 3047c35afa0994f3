"""SPDX 2.3 in JSON (ISO/IEC 5962)."""

from datetime import datetime
from typing import Any

import orjson
from spdx_tools.spdx.jsonschema.document_converter import DocumentConverter
from spdx_tools.spdx.model.actor import Actor, ActorType
from spdx_tools.spdx.model.checksum import Checksum, ChecksumAlgorithm
from spdx_tools.spdx.model.document import CreationInfo, Document
from spdx_tools.spdx.model.package import (
    ExternalPackageRef,
    ExternalPackageRefCategory,
    Package,
    PackagePurpose,
)
from spdx_tools.spdx.model.relationship import Relationship, RelationshipType
from spdx_tools.spdx.model.spdx_no_assertion import SpdxNoAssertion

from scans.sbom.contents import TOOL, Contents, Item, Subject

_DOCUMENT = "SPDXRef-DOCUMENT"
_IMAGE = "SPDXRef-Image"
_DISTRIBUTION = "SPDXRef-OperatingSystem"
_MOST_PLACES = 20
_ALGORITHMS = {"sha256": ChecksumAlgorithm.SHA256, "sha512": ChecksumAlgorithm.SHA512}


def write(contents: Contents, at: datetime) -> bytes:
    """The same contents at the same time make the same bytes."""
    subject = contents.subject
    packages = [_image(subject, contents.unread), *map(_package, contents.items)]
    if subject.distro_id:
        packages.append(_distribution(subject))
    document = Document(_creation(subject, at), packages=packages)
    document.relationships = [
        Relationship(_DOCUMENT, RelationshipType.DESCRIBES, _IMAGE),
        *(
            Relationship(_IMAGE, RelationshipType.CONTAINS, package.spdx_id)
            for package in packages[1:]
        ),
    ]
    # Not validated here: that costs ten times the writing.
    plain = DocumentConverter().convert(document)  # type: ignore[no-untyped-call]
    _spell(plain)
    return orjson.dumps(plain, option=orjson.OPT_INDENT_2)


def _spell(plain: dict[str, Any]) -> None:
    """As the JSON schema of 2.3 does; the library spells the category of references as in 2.2."""
    for package in plain["packages"]:
        for reference in package.get("externalRefs", ()):
            reference["referenceCategory"] = reference["referenceCategory"].replace("_", "-")


def _creation(subject: Subject, at: datetime) -> CreationInfo:
    return CreationInfo(
        spdx_version="SPDX-2.3",
        spdx_id=_DOCUMENT,
        name=f"{subject.name}@{subject.digest}",
        document_namespace=f"https://spdx.org/spdxdocs/{TOOL}-{subject.serial_number}",
        creators=[Actor(ActorType.TOOL, TOOL)],
        created=at.replace(microsecond=0),
        data_license="CC0-1.0",
    )


def _image(subject: Subject, unread: int) -> Package:
    algorithm, _, digits = subject.digest.partition(":")
    known = algorithm in _ALGORITHMS
    tags = f"Tags: {', '.join(subject.tags)}." if subject.tags else None
    return Package(
        spdx_id=_IMAGE,
        name=subject.name,
        version=subject.digest,
        download_location=SpdxNoAssertion(),
        files_analyzed=False,
        checksums=[Checksum(_ALGORITHMS[algorithm], digits)] if known else [],
        primary_package_purpose=PackagePurpose.CONTAINER,
        comment=tags,
        source_info=f"{unread} files that may tell of packages were not read." if unread else None,
    )


def _distribution(subject: Subject) -> Package:
    return Package(
        spdx_id=_DISTRIBUTION,
        name=subject.distro_id,
        version=subject.distro_version or None,
        download_location=SpdxNoAssertion(),
        files_analyzed=False,
        description=subject.distro_name or None,
        primary_package_purpose=PackagePurpose.OPERATING_SYSTEM,
    )


def _package(item: Item) -> Package:
    purl = ExternalPackageRef(ExternalPackageRefCategory.PACKAGE_MANAGER, "purl", item.purl)
    return Package(
        spdx_id=f"SPDXRef-Package-{item.reference}",
        name=item.name,
        version=item.version,
        download_location=SpdxNoAssertion(),
        files_analyzed=False,
        external_references=[purl] if item.purl else [],
        source_info=_origin(item) or None,
    )


def _origin(item: Item) -> str:
    """In the words that other generators use, too."""
    told = []
    if item.source_name and item.source_version:
        told.append(f"built package from: {item.source_name} {item.source_version}")
    if item.places:
        told.append(f"found in {_places(item)}")
    return "; ".join(told)


def _places(item: Item) -> str:
    told = [
        f"/{place.path} in layer {place.layer}" if place.layer else f"/{place.path}"
        for place in item.places[:_MOST_PLACES]
    ]
    if more := item.places[_MOST_PLACES:]:
        told.append(f"{len(more)} more files")
    return "; ".join(told)
