import pytest
from django.urls import reverse

from findings.models import PackageKey
from registries.models import Tag
from tests.factories import (
    a_feed,
    a_finding,
    a_package,
    a_registry,
    a_report,
    a_repository,
    an_advisory,
    an_image,
    an_inventory,
    place,
)


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


# --- packages ---


def holding(repository, **package):
    """An image that holds the package, and the package."""
    image, package = an_image(repository), a_package(**package)
    a_report(image, [an_inventory([package])])
    return image, package


def packages_found(client, q):
    return [held.package for held in search(client, q).context["packages"]]


def test_a_package_is_found_with_where_it_stands(client, reader, repository):
    image, package = holding(repository, name="openssl", version="3.0.1-1")
    mirror = a_repository(repository.registry, name="mirror/checkout")
    place(image, mirror)
    (held,) = search(client, "openssl").context["packages"]
    assert (held.package, held.images, held.repository_count) == (package, 1, 2)
    assert {found.name for found in held.repositories} == {"team/checkout", "mirror/checkout"}


def test_a_package_is_found_with_its_vulnerabilities(client, reader, repository):
    finding = a_finding(an_image(repository))
    (held,) = search(client, finding.package.name).context["packages"]
    assert held.tally.high == 1


def test_a_package_nobody_could_judge_is_not_said_to_have_none(client, reader, repository):
    a_feed()  # of Debian:12
    for name, ecosystem, key in (
        ("judged", "Debian:12", b"1"),
        ("no-feed", "Debian:99", b"1"),
        ("no-version", "Debian:12", None),
    ):
        _, package = holding(repository, name=name, ecosystem=ecosystem)
        PackageKey.objects.create(package=package, ecosystem=ecosystem, name=name, key=key)
        (held,) = search(client, name).context["packages"]
        assert held.judged is (name == "judged")
        page = client.get(reverse("package", args=[package.pk])).content.decode()
        assert ("None is known." in page) is held.judged
        assert ("Not known." in page) is not held.judged


def test_the_exact_name_comes_before_those_that_begin_so(client, reader, repository):
    _, longer = holding(repository, name="curl-dev")
    _, exact = holding(repository, name="curl")
    holding(repository, name="libcurl4")
    assert packages_found(client, "CURL") == [exact, longer]


@pytest.mark.parametrize("q", ["openssl@3.0", "openssl@3.0.1-1"])
def test_a_package_is_found_by_name_and_version(client, reader, repository, q):
    _, wanted = holding(repository, name="openssl", version="3.0.1-1")
    holding(repository, name="openssl", version="1.1.1")
    holding(repository, name="openssl-dev", version="3.0.1-1")
    assert packages_found(client, q) == [wanted]


def test_the_scope_of_a_package_is_not_taken_for_a_version(client, reader, repository):
    _, package = holding(repository, name="@team/kit", version="2.1.0", type="npm")
    for q in ("@team/kit", "@team/k", "@team/kit@2"):
        assert packages_found(client, q) == [package]


def test_packages_of_images_one_may_not_see_are_not_found(client, reader, repository):
    _, hidden = holding(a_repository(), name="secretsauce")
    assert packages_found(client, "secretsauce") == []
    assert client.get(reverse("package", args=[hidden.pk])).status_code == 404


def test_the_page_of_a_package_lists_its_images_and_its_vulnerabilities(client, reader, repository):
    image = an_image(repository, tags=("1.0",))
    finding = a_finding(image)
    a_report(an_image(), [finding.inventory])
    response = client.get(reverse("package", args=[finding.package_id]))
    assert [row.image for row in response.context["rows"]] == [image]
    assert response.context["reach"]["images"] == 1
    assert finding.vulnerability.name in response.content.decode()


@pytest.mark.parametrize("q", ["@", "@@", "a@", "%", "_", "'; --", "lib\\"])
def test_any_words_are_answered(client, reader, repository, q):
    assert search(client, q).status_code == 200
