"""`manage.py explain IMAGE CVE`."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.factories import a_finding, a_registry, a_repository, an_image, place

pytestmark = pytest.mark.django_db


@pytest.fixture
def image():
    repository = a_repository(a_registry(name="shop"), name="team/checkout")
    return an_image(repository, tags=("1.2",))


def explained(*arguments: str) -> str:
    out = StringIO()
    call_command("explain", *arguments, stdout=out)
    return out.getvalue()


def test_a_finding_is_explained_with_its_proof(image):
    finding = a_finding(image)
    text = explained("shop/team/checkout:1.2", finding.vulnerability.name)
    for fact in (
        f"shop/team/checkout@{image.digest}",
        f"{finding.vulnerability.name} is reported for this image, in 1 package.",
        "file        /var/lib/dpkg/status in layer sha256:",
        "made by     RUN /bin/sh -c apt-get install step-0",
        "range       all versions before 1.2.4-1",
        "comparison  1.2.3-4 < 1.2.4-1",
    ):
        assert fact in text


def test_json_says_the_same(image):
    finding = a_finding(image)
    answer = json.loads(explained(image.digest, finding.vulnerability.name, "--format", "json"))
    assert (answer["state"], answer["reasons"][0]["reason"]) == ("reported", "reported")


def test_one_digest_in_two_places_is_one_image(image):
    place(image, a_repository(image.registry))
    assert "No feed knows" in explained(image.digest, "CVE-1999-1")


def test_an_image_nobody_knows_is_said_so():
    with pytest.raises(CommandError, match="No image is known as nowhere:1"):
        explained("nowhere:1", "CVE-1999-1")


def test_several_that_may_be_meant_are_listed(image):
    other = an_image(a_repository(a_registry(name="yard"), name="team/checkout"), tags=("1.2",))
    with pytest.raises(CommandError) as refused:
        explained("team/checkout:1.2", "CVE-1999-1")
    assert f"shop/team/checkout@{image.digest}" in str(refused.value)
    assert f"yard/team/checkout@{other.digest}" in str(refused.value)


def test_the_platforms_of_several_do_not_steer_the_terminal(image):
    an_image(a_repository(a_registry(name="yard"), name="team/checkout"), tags=("1.2",))
    type(image).objects.update(architecture="\x1b[31mred")
    with pytest.raises(CommandError) as refused:
        explained("team/checkout:1.2", "CVE-1999-1")
    assert "red" in str(refused.value)
    assert "\x1b" not in str(refused.value)


def test_what_an_image_says_of_itself_does_not_steer_the_terminal(image):
    finding = a_finding(image)
    finding.inventory.entries.update(path="opt/\x1b[31mred")
    assert "\x1b" not in explained(image.digest, finding.vulnerability.name)
