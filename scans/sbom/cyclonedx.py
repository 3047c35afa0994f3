"""CycloneDX 1.6 in JSON (ECMA-424)."""

from datetime import datetime

from cyclonedx.model import Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.bom_ref import BomRef
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.component_evidence import ComponentEvidence, Occurrence
from cyclonedx.model.dependency import Dependency
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from scans.sbom.contents import TOOL, Contents, Item, Subject

_PREFIX = "vigie:"


def write(contents: Contents, at: datetime) -> bytes:
    """The same contents at the same time make the same bytes."""
    subject = contents.subject
    bom = Bom(serial_number=subject.serial_number)
    bom.metadata.timestamp = at
    bom.metadata.tools.components.add(Component(name=TOOL, type=ComponentType.APPLICATION))
    bom.metadata.component = _image(subject, contents.unread)
    components = [_component(item) for item in contents.items]
    if subject.distro_id:
        components.append(_distribution(subject))
    bom.components.update(components)
    inside = [Dependency(component.bom_ref) for component in components]
    bom.dependencies.add(Dependency(bom.metadata.component.bom_ref, inside))
    bom.dependencies.update(inside)
    # It would look through all dependencies for each component; here every one has its own.
    bom.validate = lambda: True  # type: ignore[method-assign]
    return JsonV1Dot6(bom).output_as_string(indent=1).encode()


def _image(subject: Subject, unread: int) -> Component:
    properties = [_property("tag", tag) for tag in subject.tags]
    if unread:
        properties.append(_property("unread-files", str(unread)))
    return Component(
        type=ComponentType.CONTAINER,
        name=subject.name,
        version=subject.digest,
        bom_ref=subject.digest,
        purl=_purl_of(subject),
        properties=properties,
    )


def _purl_of(subject: Subject) -> PackageURL:
    qualifiers = {"repository_url": subject.name, "arch": subject.architecture}
    return PackageURL(
        "oci",
        None,
        subject.name.rpartition("/")[2].lower(),
        subject.digest,
        {key: value for key, value in qualifiers.items() if value},
    )


def _distribution(subject: Subject) -> Component:
    return Component(
        type=ComponentType.OPERATING_SYSTEM,
        name=subject.distro_id,
        version=subject.distro_version or None,
        description=subject.distro_name or None,
        bom_ref="operating-system",
    )


def _component(item: Item) -> Component:
    return Component(
        type=ComponentType.APPLICATION if item.type == "binary" else ComponentType.LIBRARY,
        name=item.name,
        version=item.version,
        bom_ref=BomRef(item.reference),
        purl=PackageURL.from_string(item.purl) if item.purl else None,
        properties=[
            _property(name, value)
            for name, value in (
                ("type", item.type),
                ("ecosystem", item.ecosystem),
                ("source", item.source_name),
                ("source-version", item.source_version),
                ("module", item.module),
            )
            if value
        ],
        evidence=_evidence(item),
    )


def _evidence(item: Item) -> ComponentEvidence | None:
    if not item.places:
        return None
    layers = {place.path: place.layer for place in item.places}
    return ComponentEvidence(
        occurrences=[
            # A reference of their own keeps them in order.
            Occurrence(
                bom_ref=f"{item.reference}-{number:06}",
                location=f"/{path}",
                additional_context=layer or None,
            )
            for number, (path, layer) in enumerate(layers.items())
        ]
    )


def _property(name: str, value: str) -> Property:
    return Property(name=f"{_PREFIX}{name}", value=value)
