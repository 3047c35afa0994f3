"""Everything that keeps an image from being healthy, on its page and in lists with its numbers."""

from datetime import date

import pytest
from django.urls import reverse

from findings.models import Finding
from tests import factories

ENDED = {
    "end_of_life": date(2022, 6, 30),
    "reason": "end-of-life",
    "detail": "Security fixes for Debian 9 ended on 30 June 2022. Build on a release that still "
    "gets them.",
}
IN_PART = {
    "reason": "partly-read",
    "unread_files": 2,
    "detail": "2 files that tell of packages could not be read, first /app/lib.jar: It is no zip.",
}


@pytest.fixture
def repository(subscription):
    return factories.a_repository(factories.a_registry(subscription, name="shop"))


@pytest.fixture
def image(repository):
    return factories.an_image(repository, tags=("latest",))


def page_of(client, image, **parameters) -> str:
    path = reverse("image", args=[image.placements.get().repository_id, image.digest])
    response = client.get(path, parameters)
    assert response.status_code == 200
    return response.content.decode()


def test_an_image_past_its_end_of_life_says_so_and_what_to_do(client, reader, image):
    factories.a_report(image, [])
    factories.a_verdict(image, state="unverified", **ENDED)
    page = page_of(client, image)
    assert "Unverified: End of life." in page
    assert ENDED["detail"] in page
    assert page.count("Build on a release that still gets them.") == 1
    assert "no security fixes since 30 June 2022" in page


def test_an_unhealthy_image_says_what_else_is_wrong(client, reader, image):
    factories.a_finding(image)
    verdict = image.verdict
    for name, value in ENDED.items():
        setattr(verdict, name, value)
    verdict.save()
    page = page_of(client, image)
    assert "<strong>End of life.</strong> Security fixes for Debian 9 ended" in page
    assert "Unverified" not in page.partition("</nav>")[2].partition("<table")[0]


def test_every_reason_is_shown_with_its_own_line(client, reader, image):
    factories.a_report(image, [])
    detail = f"{ENDED['detail']}\n{IN_PART['detail']}"
    both = IN_PART | ENDED | {"detail": detail}
    factories.a_verdict(image, state="unverified", **both)
    page = page_of(client, image)
    assert f"<strong>Unverified: End of life.</strong> {ENDED['detail']}</p>" in page
    assert f"<strong>Also: Read in part.</strong> {IN_PART['detail']}</p>" in page


def test_files_that_could_not_be_read_are_listed_with_their_reasons(client, reader, image):
    unread = [{"path": "app/lib.jar", "reason": "damaged", "sentence": "It is no zip."}]
    factories.a_report(image, [], unread_count=300, unread_files=unread)
    factories.a_verdict(image, state="unverified", **IN_PART)
    page = page_of(client, image, tab="unread")
    for told in ("<code>app/lib.jar</code>", "It is no zip.", "damaged", "The first 1 of 300."):
        assert told in page


def test_tabs_that_hold_nothing_are_not_there(client, reader, image):
    factories.a_finding(image)
    page = page_of(client, image)
    assert "tab=kernel" not in page
    assert "tab=unread" not in page
    assert "No finding of a kernel package." in page_of(client, image, tab="kernel")
    assert "Every file that tells of packages was read." in page_of(client, image, tab="unread")


def test_language_packages_that_a_distribution_brought_are_counted(client, reader, image):
    factories.a_report(image, [], owned_count=12)
    factories.a_verdict(image)
    told = "12 language packages are part of distribution packages and judged with them"
    assert told in page_of(client, image)


# --- kernels ---


@pytest.fixture
def kernel(image):
    """A finding of a kernel package in an image that is healthy otherwise."""
    package, advisory = factories.a_package(name="linux-libc-dev"), factories.an_advisory()
    inventory = factories.an_inventory([package])
    (finding,) = factories.find(inventory, [(package, advisory)])
    Finding.objects.filter(pk=finding.pk).update(counted=False)
    factories.a_report(image, [inventory])
    factories.a_verdict(image, state="healthy", high=0, uncounted=1)
    return finding


def test_findings_of_kernels_stand_in_a_tab_that_says_why_they_do_not_count(
    client, reader, image, kernel
):
    name = kernel.vulnerability.name
    findings, apart = page_of(client, image), page_of(client, image, tab="kernel")
    assert name not in findings
    assert "Kernel<b>1</b>" in findings
    assert name in apart
    assert "A container runs its host's kernel" in apart.replace("&#x27;", "'")
    layers = page_of(client, image, tab="layers")
    assert "1 high" not in layers


def test_a_finding_of_a_kernel_and_its_vulnerability_say_that_it_does_not_count(
    client, reader, image, kernel
):
    place = [image.placements.get().repository_id, image.digest, kernel.pk]
    assert "It does not count." in client.get(reverse("finding", args=place)).content.decode()
    path = reverse("vulnerability", args=[kernel.vulnerability.name])
    response = client.get(path)
    assert response.context["reach"]["images"] == 0
    assert "1 image has it in a package of the Linux kernel" in response.content.decode()


# --- numbers ---


@pytest.fixture
def many(repository):
    """Images of one repository, by what is wrong with them."""
    made = {
        "ended": {"state": "unverified"} | ENDED,
        "both": {"state": "unverified"} | IN_PART | ENDED,
        "unhealthy": {"state": "unhealthy", "high": 1} | ENDED,
        "windows": {"state": "unverified", "reason": "windows"},
        "healthy": {"state": "healthy"},
    }
    images = {name: factories.an_image(repository) for name in [*made, "waiting"]}
    for name, fields in made.items():
        factories.a_verdict(images[name], **fields)
    factories.an_image(repository, kind="index")
    return images


NUMBERS = [
    ("end-of-life", 2, 1),
    ("no-verdict", 1, 0),
    ("partly-read", 1, 0),
    ("windows", 1, 0),
]


@pytest.mark.parametrize("where", ["dashboard", "registry", "repository"])
def test_reasons_are_counted_wherever_images_are(client, reader, repository, many, where):
    path = {
        "dashboard": "/",
        "registry": reverse("registry", args=[repository.registry_id]),
        "repository": reverse("repository", args=[repository.pk]),
    }[where]
    factories.a_verdict(factories.an_image(), state="unverified", **ENDED)  # someone else's
    response = client.get(path)
    found = [(row.code, row.unverified, row.unhealthy) for row in response.context["reasons"]]
    assert sorted(found) == NUMBERS
    assert "2 unverified, 1 unhealthy" in response.content.decode()


@pytest.mark.parametrize(
    ("reason", "state", "names"),
    [
        ("end-of-life", "unverified", {"ended", "both"}),
        ("end-of-life", "unhealthy", {"unhealthy"}),
        ("partly-read", "unverified", {"both"}),
        ("windows", "unverified", {"windows"}),
        ("no-verdict", "unverified", {"waiting"}),
        ("nonsense", "unverified", {"ended", "both", "windows", "waiting"}),
    ],
)
def test_images_of_a_repository_are_filtered_by_a_reason(
    client, reader, repository, many, reason, state, names
):
    path = reverse("repository", args=[repository.pk])
    response = client.get(path, {"state": state, "reason": reason})
    by_pk = {image.pk: name for name, image in many.items()}
    assert {by_pk[row.image.pk] for row in response.context["rows"]} == names


def test_a_reason_of_no_image_under_a_tab_says_so(client, reader, repository, many):
    path = reverse("repository", args=[repository.pk])
    page = client.get(path, {"state": "healthy", "reason": "end-of-life"}).content.decode()
    assert "No image here is healthy for that reason." in page
    assert 'name="reason" value="end-of-life"' in page
