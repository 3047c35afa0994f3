"""SBOMs of stored images."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registries.models import IndexMember, Tag
from scans import sboms
from scans.models import InventoryPackage, Report
from tests.factories import (
    a_layer,
    a_package,
    a_registry,
    a_report,
    a_repository,
    an_image,
    an_inventory,
    packages,
)
from tests.scans.sbom.test_writing import valid_cyclonedx, valid_spdx

pytestmark = pytest.mark.django_db


@pytest.fixture
def image():
    registry = a_registry(name="shop", location="https://me@shop.example:5000")
    return an_image(a_repository(registry, name="team/checkout"), tags=("1.2",))


@pytest.fixture
def placement(image):
    return image.placements.get()


def test_both_formats_are_valid_and_tell_the_packages(image, placement):
    a_report(image, [an_inventory(packages(3)), an_inventory([a_package(type="npm", name="left")])])
    names = {package["name"] for package in valid_spdx(sboms.export(placement, "spdx"))["packages"]}
    document = valid_cyclonedx(sboms.export(placement, "cyclonedx"))
    components = {component["name"] for component in document["components"]}
    assert components == names - {"shop.example:5000/team/checkout"}
    assert len(components) == 5  # with the distribution


def test_the_subject_is_named_as_in_a_reference(image, placement):
    index = an_image(placement.repository, kind="index")
    IndexMember.objects.create(index=index, image=image)
    Tag.objects.create(repository=placement.repository, name="latest", image=index)
    a_report(image, [])
    subject = sboms.contents_of(placement).subject
    assert (subject.name, subject.tags) == ("shop.example:5000/team/checkout", ("1.2", "latest"))
    assert (subject.distro_id, subject.distro_version) == ("debian", "12")


def test_a_package_in_several_places_is_one_item(image, placement):
    inventory = an_inventory([a_package()])
    entry = inventory.entries.get()
    InventoryPackage.objects.create(
        inventory=inventory, package=entry.package, layer=a_layer(), path="opt/other"
    )
    a_report(image, [inventory])
    (item,) = sboms.contents_of(placement).items
    assert [place.path for place in item.places] == ["opt/other", "var/lib/dpkg/status"]


def test_the_order_of_rows_changes_nothing_but_the_time(image, placement):
    inventory = an_inventory(packages(5))
    a_report(image, [inventory])
    first = json.loads(sboms.export(placement, "cyclonedx"))
    rows = list(InventoryPackage.objects.order_by("-pk"))
    InventoryPackage.objects.all().delete()
    InventoryPackage.objects.bulk_create(rows)
    again = json.loads(sboms.export(placement, "cyclonedx"))
    for document in (first, again):
        del document["metadata"]["timestamp"]
    assert first == again


def test_an_image_that_was_not_read_has_none(image, placement):
    with pytest.raises(sboms.NotKnown, match="has not been scanned yet"):
        sboms.export(placement, "spdx")
    a_report(image, [], result="unverified", detail="The registry refuses.")
    with pytest.raises(sboms.NotKnown, match=r"The registry refuses\."):
        sboms.export(placement, "spdx")


def test_more_packages_than_can_be_written_are_refused(image, placement, monkeypatch):
    monkeypatch.setattr(sboms, "MOST_ENTRIES", 2)
    a_report(image, [an_inventory(packages(3))])
    with pytest.raises(sboms.NotKnown, match="more than 2 packages"):
        sboms.export(placement, "spdx")


def test_files_that_were_not_read_are_told(image, placement):
    a_report(image, [])
    Report.objects.update(unread_count=3)
    assert sboms.contents_of(placement).unread == 3


def test_it_asks_a_fixed_number_of_times(image, placement):
    a_report(image, [an_inventory(packages(50))])
    with CaptureQueriesContext(connection) as captured:
        sboms.export(placement, "spdx")
    assert len(captured) <= 6
