import pytest
from django.urls import reverse
from django.utils import timezone

from findings.models import Finding, PackageMatch
from tests.factories import (
    a_feed,
    a_finding,
    a_layer,
    a_package,
    a_registry,
    a_report,
    a_repository,
    add_package,
    an_advisory,
    an_image,
    an_inventory,
    find,
)

DETAILS = "Reading <script>alert(1)</script> overflows."


@pytest.fixture
def repository(subscription):
    return a_repository(a_registry(subscription), name="team/checkout")


@pytest.fixture
def image(repository):
    return an_image(repository, tags=("latest",))


@pytest.fixture
def finding(image):
    """A finding with everything an advisory can say."""
    advisory = an_advisory(
        a_feed(name="debian"),
        aliases=("GHSA-aaaa-bbbb-cccc",),
        details=DETAILS,
        cvss_v4="9.3",
        references=[
            {"type": "FIX", "url": "https://code.example/fix"},
            {"type": "WEB", "url": "javascript:alert(1)"},
        ],
    )
    package = a_package(name="libssl3", source_name="openssl", source_version="3.0.1-1")
    inventory = an_inventory([package], a_layer())
    (made,) = find(inventory, [(package, advisory)], fixed_version="3.0.2-1")
    a_report(image, [inventory])
    return made


def page_of(client, image, finding):
    repository = image.placements.first().repository
    return client.get(reverse("finding", args=[repository.pk, image.digest, finding.pk]))


def test_everything_known_is_shown(client, reader, image, finding):
    page = page_of(client, image, finding).content.decode()
    advisory = finding.vulnerability.advisories.get()
    for fact in (
        finding.vulnerability.name,
        "High",
        "Vulnerability",
        f"{advisory.published_at:%-d %B %Y}",
        "Yes, in 3.0.2-1",
        "7.5",
        "9.3",
        "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H",
        f"https://nvd.nist.gov/vuln/detail/{finding.vulnerability.name}",
        "https://github.com/advisories/GHSA-aaaa-bbbb-cccc",
        "https://code.example/fix",
    ):
        assert fact in page


def test_its_vector_is_told_in_plain_sentences(client, reader, image, finding):
    page = page_of(client, image, finding).content.decode()
    assert "It can be attacked over the network, without an account" in page
    assert "An attack can make the system unavailable." in page


def test_without_a_vector_nothing_is_said_of_threat_and_impact(client, reader, image, finding):
    finding.vulnerability.advisories.update(cvss_vectors=[])
    page = page_of(client, image, finding).content.decode()
    assert "Threat" not in page


def test_the_proof_names_file_layer_instruction_advisory_and_range(client, reader, image, finding):
    page = page_of(client, image, finding).content.decode()
    entry = finding.inventory.entries.get()
    for fact in (
        "var/lib/dpkg/status",
        entry.layer.digest,
        "RUN /bin/sh -c apt-get install step-0",
        "openssl 3.0.1-1",
        "from debian",
        "before 3.0.2-1",
        "3.0.1-1 &lt; 3.0.2-1",
    ):
        assert fact in page


def test_the_remedy_can_be_pasted(client, reader, image, finding):
    add_package(finding.inventory, name="apt")
    page = page_of(client, image, finding).content.decode()
    assert "RUN apt-get update &amp;&amp; apt-get install --only-upgrade --yes libssl3" in page
    assert "Brought by: <code>RUN /bin/sh -c apt-get install step-0</code>" in page


def test_without_a_package_manager_a_newer_base_is_the_remedy(client, reader, image, finding):
    page = page_of(client, image, finding).content.decode()
    assert "The image has no package manager to do it with" in page
    assert "apt-get" not in page.replace("apt-get install step-", "")


def test_what_advisories_say_is_text_and_their_links_are_links(client, reader, image, finding):
    page = page_of(client, image, finding).content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "javascript:" not in page


def test_a_finding_without_a_fix_or_a_match_is_shown_as_such(client, reader, image, finding):
    Finding.objects.update(
        fixed_version="", closed_at=timezone.now(), closed_cause="advisory-changed"
    )
    PackageMatch.objects.all().delete()
    page = page_of(client, image, finding).content.decode()
    assert "No fixed version is known" in page
    assert "Closed on" in page
    assert "The match is gone" in page


def test_other_images_that_have_it_are_named_if_one_may_see_them(
    client, reader, image, finding, repository
):
    neighbour, hidden = an_image(repository), an_image()
    for other in (neighbour, hidden):
        a_report(other, [finding.inventory])
    affected = page_of(client, image, finding).context["affected"]
    assert [placement.image for placement in affected] == [neighbour]


def test_a_finding_of_another_image_does_not_exist_here(client, reader, image):
    elsewhere = a_finding(an_image(image.placements.get().repository))
    assert page_of(client, image, elsewhere).status_code == 404


def test_a_finding_of_an_image_one_may_not_see_does_not_exist(client, reader):
    image = an_image()
    assert page_of(client, image, a_finding(image)).status_code == 404
