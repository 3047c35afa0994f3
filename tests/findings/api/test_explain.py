"""The door of explanations: what it answers, and to whom."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories import (
    a_finding,
    a_registry,
    a_repository,
    a_subscription,
    a_user,
    an_image,
)
from tests.findings.api.test_schema import document, hold  # noqa: F401

pytestmark = pytest.mark.django_db

OPERATION = "/api/images/{digest}/explain/{name}"


@pytest.fixture
def image():
    return an_image(a_repository(a_registry(a_subscription())))


@pytest.fixture
def reader(image):
    return a_user(image.registry.subscription)


def door(image, name: str) -> str:
    return f"/api/images/{image.digest}/explain/{name}"


def test_a_finding_is_explained_as_the_document_says(document, ask, image, reader):  # noqa: F811
    finding = a_finding(image)
    answer = hold(document, OPERATION, ask(door(image, finding.vulnerability.name), reader))
    assert (answer["state"], answer["digest"]) == ("reported", image.digest)
    (reason,) = answer["reasons"]
    assert reason["places"][0]["path"] == "/var/lib/dpkg/status"
    assert reason["advisory"] == finding.vulnerability.advisories.get().name


def test_no_api_version_is_needed(ask, image, reader):
    assert ask(door(image, "CVE-1999-1"), reader, version=None).status_code == 200


def test_an_id_may_be_anything(ask, image, reader):
    answer = ask(door(image, "a%2Fb%20%3Cc%3E"), reader)
    assert answer.json()["asked"] == "a/b <c>"
    assert answer.json()["reasons"][-1]["reason"] == "unknown-id"


def test_an_image_one_may_not_see_is_not_there(document, ask, image):  # noqa: F811
    stranger = a_user(a_subscription())
    finding = a_finding(image)
    answer = ask(door(image, finding.vulnerability.name), stranger)
    assert answer.status_code == 404
    hold(document, OPERATION, answer)
    assert ask(door(image, "CVE-1999-1")).status_code == 401


def test_of_the_same_digest_elsewhere_only_what_one_sees_is_told(ask, image, reader):
    finding = a_finding(image)
    other = an_image(a_repository(), digest=image.digest)
    stranger = a_user(other.registry.subscription)
    answer = ask(door(image, finding.vulnerability.name), stranger)
    assert answer.json()["state"] == "not-known"
    assert finding.package.name not in answer.content.decode()


def test_it_asks_a_fixed_number_of_times(ask, image, reader):
    finding = a_finding(image)
    with CaptureQueriesContext(connection) as captured:
        ask(door(image, finding.vulnerability.name), reader)
    assert len(captured) <= 24
