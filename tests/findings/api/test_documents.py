"""The doors of an image's documents: SBOM and SARIF."""

import pytest

from tests.factories import (
    a_finding,
    a_registry,
    a_repository,
    a_subscription,
    a_user,
    an_image,
)
from tests.findings.test_sarif import valid
from tests.scans.sbom.test_writing import valid_cyclonedx, valid_spdx

pytestmark = pytest.mark.django_db


@pytest.fixture
def image():
    return an_image(a_repository(a_registry(a_subscription())))


@pytest.fixture
def reader(image):
    return a_user(image.registry.subscription)


def door(image, document: str) -> str:
    return f"/api/images/{image.digest}/{document}"


@pytest.mark.parametrize(
    ("query", "media_type", "check"),
    [
        ({}, "application/vnd.cyclonedx+json; version=1.6", valid_cyclonedx),
        ({"format": "cyclonedx"}, "application/vnd.cyclonedx+json; version=1.6", valid_cyclonedx),
        ({"format": "SPDX"}, "application/spdx+json", valid_spdx),
    ],
)
def test_an_sbom_is_answered_in_the_format_asked_for(ask, image, reader, query, media_type, check):
    finding = a_finding(image)
    answer = ask(door(image, "sbom"), reader, **query)
    assert answer["Content-Type"] == media_type
    assert check(answer.content)
    assert finding.package.name in answer.content.decode()


def test_findings_are_answered_as_sarif(ask, image, reader):
    a_finding(image)
    answer = ask(door(image, "sarif"), reader)
    assert answer["Content-Type"] == "application/sarif+json"
    assert len(valid(answer.content)["results"]) == 1


def test_what_cannot_be_answered_is_said_in_the_shape_of_refusals(ask, image, reader):
    answer = ask(door(image, "sbom"), reader, format="xml")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidFormat")
    answer = ask(door(image, "sbom"), reader)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "ImageNotRead")


@pytest.mark.parametrize("document", ["sbom", "sarif"])
def test_an_image_one_may_not_see_is_not_there(ask, image, document):
    a_finding(image)
    assert ask(door(image, document), a_user(a_subscription())).status_code == 404
    assert ask(door(image, document)).status_code == 401
