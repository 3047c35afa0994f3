"""An SBOM in place of an image."""

import json
from hashlib import sha256

import pytest

from billing import metering
from billing.models import Charge
from findings import evaluation
from findings.models import Finding, ImageVerdict
from registries import connection, inventory
from registries.inventory.walk import due
from registries.models import Placement, Registry, Tag
from scans import queue
from scans.catalogers import VERSION
from scans.importing import Refused, import_sbom
from scans.indexing import _known_layers
from scans.models import ImageLayer, Layer, Report, Scan
from tests.factories import a_feed, a_registry, a_subscription, an_image
from tests.scans.sbom.test_reading import XML, a_bom, a_component

pytestmark = pytest.mark.django_db

BASH = a_component("pkg:deb/debian/bash@5.2?distro=debian-12")
BODY = json.dumps(a_bom(BASH)).encode()


@pytest.fixture
def registry():
    return a_registry(kind=Registry.Kind.SBOM, location="sbom:")


def test_it_stands_like_an_image_that_was_scanned(registry):
    image = import_sbom(registry, "team/app", BODY, "1.2", "ada")
    assert image.digest == f"sha256:{sha256(BODY).hexdigest()}"
    report = Report.objects.get(image=image)
    assert (report.result, report.package_count, report.distro_id) == ("indexed", 1, "debian")
    placement = Placement.objects.get(image=image)
    assert (placement.repository.name, placement.pushed_by) == ("team/app", "ada")
    assert Tag.objects.get().image == image
    scan = Scan.objects.get()
    assert (scan.trigger, scan.state, scan.result) == ("sbom", "done", "indexed")
    assert ImageLayer.objects.get().created_by == "Imported CycloneDX 1.6"


def test_it_is_judged_and_charged_like_any_other(registry):
    a_feed()
    image = import_sbom(registry, "team/app", BODY)
    evaluation.evaluate()
    assert ImageVerdict.objects.get(image=image).state == "healthy"
    assert metering.derive() == 1
    assert Charge.objects.get().digest == image.digest


def test_the_same_document_again_is_the_same_image_and_costs_nothing_more(registry):
    first = import_sbom(registry, "team/app", BODY)
    metering.derive()
    again = import_sbom(registry, "team/app", BODY, "2")
    assert (first, metering.derive()) == (again, 0)
    assert Report.objects.count() == 1


def test_a_newer_document_takes_the_tag(registry):
    import_sbom(registry, "team/app", BODY, "latest")
    newer = import_sbom(registry, "team/app", XML.encode(), "latest")
    assert Tag.objects.get().image == newer


def test_what_could_not_be_judged_keeps_it_from_being_healthy(registry):
    a_feed()
    body = json.dumps(a_bom(BASH, {"type": "library", "name": "no purl"})).encode()
    image = import_sbom(registry, "team/app", body)
    assert Report.objects.get(image=image).unread_count == 1
    assert "no package URL" in Report.objects.get(image=image).unread_files[0]["sentence"]
    evaluation.evaluate()
    assert ImageVerdict.objects.get(image=image).state == "unverified"
    assert not Finding.objects.exists()


def test_nobody_asks_for_it_again(registry):
    image = import_sbom(registry, "team/app", BODY, "latest")
    Report.objects.update(catalogers_version=0)
    assert queue.enqueue_due() == 0
    assert queue.request([image.pk]) == 0
    assert queue.request_in_use([registry.pk]) == 0
    Report.objects.all().delete()
    assert queue.enqueue_due() == 0


def test_its_registry_is_never_walked_and_always_verified(registry):
    import_sbom(registry, "team/app", BODY)
    Registry.objects.update(walked_at=None)
    assert not due().exists()
    assert inventory.sync(registry) == 0
    assert connection.verify(registry) == ""
    assert Placement.objects.exists()


@pytest.mark.parametrize(
    ("repository", "body", "tag", "sentence"),
    [
        ("team/app", b"{}", "", "neither CycloneDX"),
        ("team/app", json.dumps(a_bom()).encode(), "", "No distribution and no package"),
        ("Team App", BODY, "", "is not the name of a repository"),
        ("", BODY, "", "is not the name of a repository"),
        ("team/app", BODY, "a b", "is not a tag"),
    ],
)
def test_what_cannot_be_imported_is_refused_and_leaves_nothing(
    registry, repository, body, tag, sentence
):
    with pytest.raises(Refused, match=sentence):
        import_sbom(registry, repository, body, tag)
    assert not registry.images.exists()
    assert not registry.repositories.exists()


def test_a_registry_that_is_walked_takes_none():
    with pytest.raises(Refused, match="of the kind Imported SBOMs"):
        import_sbom(an_image().registry, "team/app", BODY)


def test_without_a_plan_nothing_is_imported():
    registry = a_registry(a_subscription(plan_enabled=False), kind=Registry.Kind.SBOM)
    with pytest.raises(Refused, match="is off"):
        import_sbom(registry, "team/app", BODY)


def test_a_document_that_is_also_a_layer_does_not_stand_for_it(registry):
    digest = f"sha256:{sha256(BODY).hexdigest()}"
    import_sbom(registry, "team/app", BODY)
    assert _known_layers([digest]) == {}
    Layer.objects.update(catalogers_version=VERSION, record={"entries": 7})
    import_sbom(registry, "team/app", BODY)
    assert Layer.objects.get().record == {"entries": 7}
