"""What is downloaded of an image."""

import pytest
from django.urls import reverse

from tests.factories import a_finding, a_registry, a_repository, an_image
from tests.findings.test_sarif import valid
from tests.scans.sbom.test_writing import valid_cyclonedx, valid_spdx


@pytest.fixture
def image(subscription):
    return an_image(a_repository(a_registry(subscription)))


def path_of(image, name):
    return reverse(name, args=[image.placements.get().repository_id, image.digest])


@pytest.mark.parametrize(
    ("name", "query", "extension", "check"),
    [
        ("image-sbom", {}, "cdx.json", valid_cyclonedx),
        ("image-sbom", {"format": "spdx"}, "spdx.json", valid_spdx),
        ("image-sarif", {}, "sarif", valid),
    ],
)
def test_the_image_s_page_leads_to_a_file(client, reader, image, name, query, extension, check):
    a_finding(image)
    answer = client.get(path_of(image, name), query)
    assert check(answer.content)
    filename = f'filename="{image.short_digest}.{extension}"'
    assert answer["Content-Disposition"] == f"attachment; {filename}"
    assert path_of(image, name) in client.get(path_of(image, "image")).content.decode()


def test_of_an_image_nobody_has_read_it_says_why_there_is_none(client, reader, image):
    page = client.get(path_of(image, "image-sbom"), follow=True)
    assert "The image has not been scanned yet" in page.content.decode()


@pytest.mark.parametrize("name", ["image-sbom", "image-sarif"])
def test_an_image_one_may_not_see_is_not_there(client, reader, name):
    assert client.get(path_of(an_image(), name)).status_code == 404
