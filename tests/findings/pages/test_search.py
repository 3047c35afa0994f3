import pytest
from django.urls import reverse

from registries.models import Tag
from tests.factories import a_registry, a_repository, an_advisory, an_image


@pytest.fixture
def repository(subscription):
    return a_repository(a_registry(subscription), name="team/checkout")


def search(client, q):
    return client.get(reverse("search"), {"q": q})


def test_the_whole_id_of_a_vulnerability_leads_straight_to_it(client, reader):
    advisory = an_advisory(aliases=("GHSA-dddd-eeee-ffff",))
    response = search(client, " ghsa-dddd-eeee-ffff ")
    assert response["Location"] == reverse("vulnerability", args=[advisory.vulnerability.name])


def test_the_beginning_of_an_id_finds_vulnerabilities(client, reader):
    advisory = an_advisory()
    found = search(client, advisory.vulnerability.name.lower()[:9]).context["vulnerabilities"]
    assert list(found) == [advisory.vulnerability]


def test_repositories_are_found_by_part_of_the_name(client, reader, repository):
    a_repository(name="other/checkout")
    assert list(search(client, "CHECK").context["repositories"]) == [repository]


@pytest.mark.parametrize("beginning", [slice(7, 19), slice(0, 19)])
def test_images_are_found_by_how_their_digest_begins(client, reader, repository, beginning):
    image = an_image(repository)
    an_image(digest=image.digest)
    (row,) = search(client, image.digest[beginning]).context["rows"]
    assert row.placement.repository == repository


def test_images_are_found_by_tag_where_the_tag_is(client, reader, repository):
    image = an_image(repository)
    mirror = a_repository(repository.registry)
    image.placements.create(repository=mirror)
    Tag.objects.create(repository=mirror, name="v7", image=image)
    (row,) = search(client, "v7").context["rows"]
    assert row.placement.repository == mirror


def test_nothing_found_says_how_to_search(client, reader):
    page = search(client, "<i>zebra").content.decode()
    assert "Nothing you may see is called like that." in page
    assert "<i>" not in page


def test_no_words_ask_for_some(client, reader):
    assert "What are you looking for?" in search(client, "").content.decode()
