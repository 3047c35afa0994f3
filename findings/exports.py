"""An examination as documents that other programs read: SBOMs, and findings as SARIF."""

from collections import defaultdict
from datetime import UTC, datetime
from pathlib import PurePath

from findings import sarif
from findings.matching import Match
from findings.standalone import Examination
from findings.vulnerabilities import link
from registries.oci.reference import parse_reference
from scans.coalesce import Placed
from scans.sbom.contents import Contents, Item, Place, Subject
from scans.sboms import FORMATS as SBOMS

FORMATS = (*SBOMS, "sarif")


def export(image: Examination, reference: str, format: str) -> bytes:
    """`format` is one of FORMATS; `reference` is what the image was asked for by."""
    name = name_of(reference)
    if format == "sarif":
        results = [_result(image, image.packages[found.package], found) for found in image.matches]
        return sarif.write(name, image.digest, results, link)
    return SBOMS[format].write(_contents(image, name), datetime.now(UTC))


def name_of(reference: str) -> str:
    """Registry and repository, or the name of the folder or file."""
    try:
        found = parse_reference(reference)
    except ValueError:
        return PurePath(reference.partition(":")[2].rpartition("@")[0] or reference).name
    return f"{found.registry}/{found.repository}"


def _contents(image: Examination, name: str) -> Contents:
    places: dict[Item, set[Place]] = defaultdict(set)
    for placed in image.packages:
        places[_item(placed)].add(Place(placed.path, image.layers[placed.layer]))
    distro = image.distro
    subject = Subject(
        digest=image.digest,
        name=name,
        architecture=image.platform.architecture,
        distro_id=distro.id if distro else "",
        distro_version=distro.version_id if distro else "",
        distro_name=distro.name if distro else "",
    )
    ordered = sorted(places.items(), key=lambda entry: _order(entry[0]))
    return Contents(
        subject,
        tuple(
            Item(**{**vars(item), "places": tuple(sorted(at, key=lambda p: (p.path, p.layer)))})
            for item, at in ordered
        ),
        len(image.unread),
    )


def _order(item: Item) -> tuple[str, ...]:
    return item.type, item.name, item.version, item.reference


def _item(placed: Placed) -> Item:
    return Item(
        type=placed.type,
        ecosystem=placed.ecosystem,
        name=placed.name,
        version=placed.version,
        architecture=placed.architecture,
        source_name=placed.source_name,
        source_version=placed.source_version,
        purl=placed.purl,
        module=placed.module,
        places=(),
    )


def _result(image: Examination, package: Placed, found: Match) -> sarif.Result:
    return sarif.Result(
        vulnerability=found.vulnerability,
        severity=found.severity,
        type=package.type,
        package=package.name,
        version=package.version,
        source_name=package.source_name,
        purl=package.purl,
        fixed=found.fixed_version,
        cvss=found.cvss,
        advisory=found.advisory,
        summary=found.summary,
        aliases=found.aliases,
        places=((package.path, image.layers[package.layer]),),
    )
