"""The page that says why."""

import pytest
from django.urls import reverse

from tests.factories import a_finding, a_registry, a_repository, an_image


@pytest.fixture
def image(subscription):
    return an_image(a_repository(a_registry(subscription)))


def path_of(image, name):
    return reverse(name, args=[image.placements.get().repository_id, image.digest])


def test_a_finding_is_explained_with_its_proof(client, reader, image):
    finding = a_finding(image)
    page = client.get(path_of(image, "explain-image"), {"id": finding.vulnerability.name})
    text = page.content.decode()
    assert page.context["explanation"].state == "reported"
    for fact in (
        "var/lib/dpkg/status",
        finding.package.source_name,
        finding.vulnerability.advisories.get().name,
        "all versions before 1.2.4-1",
        "1.2.3-4 &lt; 1.2.4-1",
    ):
        assert fact in text


def test_what_is_asked_is_text(client, reader, image):
    page = client.get(path_of(image, "explain-image"), {"id": "<script>alert(1)</script>"})
    assert "<script>alert(1)" not in page.content.decode()
    assert "No feed knows an advisory &lt;script&gt;" in page.content.decode()


def test_without_an_id_it_asks_for_one(client, reader, image):
    page = client.get(path_of(image, "explain-image"))
    assert page.context["explanation"] is None
    assert 'name="id"' in page.content.decode()


def test_image_and_finding_lead_there(client, reader, image):
    finding = a_finding(image)
    address = path_of(image, "explain-image")
    assert f'action="{address}"' in client.get(path_of(image, "image")).content.decode()
    page = client.get(f"{path_of(image, 'image')}/findings/{finding.pk}").content.decode()
    assert f'href="{address}?id={finding.vulnerability.name}"' in page


def test_an_image_one_may_not_see_is_not_there(client, reader):
    image = an_image()
    assert client.get(path_of(image, "explain-image"), {"id": "CVE-1"}).status_code == 404
