"""What is written of an image, held against the formats' own schemas."""

import json
from datetime import UTC, datetime
from importlib.resources import files

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from scans.sbom import cyclonedx, spdx
from scans.sbom.contents import Contents, Item, Place, Subject

AT = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
LAYER = "sha256:" + "b" * 64


def an_item(name: str = "libssl3", **fields) -> Item:
    given = {
        "type": "deb", "ecosystem": "Debian:12", "version": "3.0.1+b1", "architecture": "amd64",
        "source_name": "openssl", "source_version": "3.0.1", "module": "",
        "purl": f"pkg:deb/debian/{name}@3.0.1%2Bb1?arch=amd64&distro=debian-12",
        "places": (Place("var/lib/dpkg/status", LAYER),),
    }  # fmt: skip
    return Item(name=name, **given | fields)


def contents(*items: Item, **fields) -> Contents:
    subject = {
        "digest": "sha256:" + "a" * 64, "name": "shop.example:5000/team/checkout",
        "tags": ("1.2", "latest"), "architecture": "amd64", "distro_id": "debian",
        "distro_version": "12", "distro_name": "Debian GNU/Linux 12 (bookworm)",
    }  # fmt: skip
    return Contents(Subject(**subject | fields), items)


ODD = (
    an_item("no-purl", purl=""),
    an_item("no-source", source_name="", source_version=""),
    an_item("nowhere", places=()),
    an_item('a <b> & "c"', purl="", version="1 2 é"),
    an_item("app", type="binary", purl="pkg:generic/app@1"),
    an_item("twice", places=(Place("a/x", LAYER), Place("b/x", LAYER), Place("b/x", ""))),
    an_item("without", places=(Place("a!/BOOT-INF/lib/x.jar", LAYER),)),
)


def valid_cyclonedx(body: bytes) -> dict:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(body.decode()) is None
    return json.loads(body)


def valid_spdx(body: bytes) -> dict:
    """Held against the official schema, and by the project's own library against the rest."""
    found = json.loads(body)
    schema = files("lib4sbom") / "schemas/spdx/2.3-schema.json"
    Draft7Validator(json.loads(schema.read_text())).validate(found)
    document = JsonLikeDictParser().parse(found)
    assert [message.validation_message for message in validate_full_spdx_document(document)] == []
    return found


@pytest.mark.parametrize("items", [(), (an_item(),), ODD])
def test_cyclonedx_is_valid_by_the_official_schema(items):
    valid_cyclonedx(cyclonedx.write(contents(*items), AT))


@pytest.mark.parametrize("items", [(), (an_item(),), ODD])
def test_spdx_is_valid_by_the_official_library(items):
    valid_spdx(spdx.write(contents(*items), AT))


def test_cyclonedx_tells_image_distribution_and_packages_with_their_places():
    found = valid_cyclonedx(cyclonedx.write(contents(an_item()), AT))
    image = found["metadata"]["component"]
    assert (image["type"], image["version"]) == ("container", "sha256:" + "a" * 64)
    assert {"name": "vigie:tag", "value": "1.2"} in image["properties"]
    package, distribution = sorted(found["components"], key=lambda each: each["type"])
    assert (distribution["type"], distribution["name"], distribution["version"]) == (
        "operating-system", "debian", "12",
    )  # fmt: skip
    assert package["purl"] == an_item().purl
    (occurrence,) = package["evidence"]["occurrences"]
    assert (occurrence["location"], occurrence["additionalContext"]) == (
        "/var/lib/dpkg/status", LAYER,
    )  # fmt: skip
    assert {"name": "vigie:source", "value": "openssl"} in package["properties"]


def test_spdx_tells_image_distribution_and_packages_with_their_places():
    found = valid_spdx(spdx.write(contents(an_item()), AT))
    image, package, distribution = found["packages"]
    assert (image["primaryPackagePurpose"], image["versionInfo"][:7]) == ("CONTAINER", "sha256:")
    assert (distribution["primaryPackagePurpose"], distribution["name"]) == (
        "OPERATING_SYSTEM", "debian",
    )  # fmt: skip
    assert package["externalRefs"][0]["referenceLocator"] == an_item().purl
    assert package["sourceInfo"] == (
        f"built package from: openssl 3.0.1; found in /var/lib/dpkg/status in layer {LAYER}"
    )
    kinds = [each["relationshipType"] for each in found["relationships"]]
    assert sorted(kinds) == ["CONTAINS", "CONTAINS", "DESCRIBES"]


@pytest.mark.parametrize("write", [cyclonedx.write, spdx.write])
def test_the_same_contents_make_the_same_bytes(write):
    assert write(contents(*ODD), AT) == write(contents(*ODD), AT)


def test_the_serial_number_is_the_image_s():
    first, again = contents(an_item()).subject, contents().subject
    other = contents(digest="sha256:" + "c" * 64).subject
    assert first.serial_number == again.serial_number != other.serial_number


_TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20)


@settings(max_examples=25)
@given(name=_TEXT, version=_TEXT, source=_TEXT, path=_TEXT, digest=_TEXT, distro=_TEXT)
def test_whatever_an_image_says_the_documents_are_valid(
    name, version, source, path, digest, distro
):
    item = an_item(name, version=version, source_name=source, purl="", places=(Place(path, LAYER),))
    told = contents(item, digest=digest, distro_id=distro, distro_name=name)
    valid_cyclonedx(cyclonedx.write(told, AT))
    valid_spdx(spdx.write(told, AT))
