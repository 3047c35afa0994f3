"""The tab that says what to do."""

import pytest
from django.urls import reverse

from findings.models import Finding, ImageVerdict
from tests.factories import a_finding, a_registry, a_repository, add_package, an_image


@pytest.fixture
def image(subscription):
    return an_image(a_repository(a_registry(subscription)))


def page_of(client, image) -> str:
    path = reverse("image", args=[image.placements.get().repository_id, image.digest])
    return client.get(path, {"tab": "actions"}).content.decode()


def test_the_commands_can_be_pasted(client, reader, image):
    finding = a_finding(image)
    add_package(finding.inventory, name="apt")
    page = page_of(client, image)
    line = f"apt-get install --only-upgrade --yes {finding.package.name}"
    assert f"RUN apt-get update &amp;&amp; {line}" in page
    assert "closes 1" in page


def test_what_has_no_fix_is_said_to_have_none(client, reader, image):
    a_finding(image)
    Finding.objects.update(fixed_version="")
    page = page_of(client, image)
    assert "Nothing available yet" in page
    assert "In a shell" not in page


def test_past_its_end_of_life_no_upgrades_will_come(client, reader, image):
    a_finding(image)
    ImageVerdict.objects.update(end_of_life="2026-01-31")
    assert "past its end of life since 31 January 2026" in page_of(client, image)


def test_without_findings_there_is_nothing_to_do(client, reader, image):
    a_finding(image)
    Finding.objects.all().delete()
    assert "Nothing to do." in page_of(client, image)


def test_names_out_of_images_are_text(client, reader, image):
    finding = a_finding(image)
    type(finding.package).objects.update(name="<script>x", type="npm", ecosystem="npm")
    page = page_of(client, image)
    assert "<script>x" not in page
    assert "&lt;script&gt;x" in page
