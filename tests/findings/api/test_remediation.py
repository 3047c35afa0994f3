"""The door of what to do about an image."""

import pytest

from tests.factories import (
    a_finding,
    a_registry,
    a_repository,
    a_subscription,
    a_user,
    add_package,
    an_image,
)
from tests.findings.api.test_schema import document, hold  # noqa: F401

pytestmark = pytest.mark.django_db

OPERATION = "/api/images/{digest}/remediation"


@pytest.fixture
def image():
    return an_image(a_repository(a_registry(a_subscription())))


@pytest.fixture
def reader(image):
    return a_user(image.registry.subscription)


def test_the_plan_is_as_the_document_says(document, ask, image, reader):  # noqa: F811
    finding = a_finding(image)
    add_package(finding.inventory, name="apt")
    answer = hold(document, OPERATION, ask(f"/api/images/{image.digest}/remediation", reader))
    (action,) = answer["actions"]
    assert action["closes"]["total"] == answer["findings"]["total"] == 1
    assert action["command"].endswith(f"--only-upgrade --yes {finding.package.name}")


def test_an_image_one_may_not_see_is_not_there(ask, image):
    answer = ask(f"/api/images/{image.digest}/remediation", a_user(a_subscription()))
    assert answer.status_code == 404
