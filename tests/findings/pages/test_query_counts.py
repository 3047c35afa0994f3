"""So many queries a page, whatever the number of rows."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from findings.models import Finding
from findings.recommendations import KEY
from tests.factories import a_subscription, a_user, an_estate

SMALL = {"images": 2, "findings": 2, "registries": 1, "repositories": 1}
LARGE = {"images": 120, "findings": 60, "registries": 4, "repositories": 3, "stacks": 2}
RECOMMENDATION = f"/recommendations/{KEY}"


def an_image_path(estate, tab=""):
    image = estate.images[0]
    path = reverse("image", args=[image.placements.get().repository_id, image.digest])
    return f"{path}?tab={tab}" if tab else path


def a_finding_of(estate):
    return Finding.objects.filter(inventory__reports=estate.images[0].pk).first()


PAGES = {
    "dashboard": lambda estate: "/",
    "recommendation": lambda estate: RECOMMENDATION,
    "recommendation's last page": lambda estate: f"{RECOMMENDATION}?last=1&sort=name",
    "registry": lambda estate: reverse("registry", args=[estate.registries[0].pk]),
    "repository": lambda estate: reverse("repository", args=[estate.repositories[0].pk]),
    "findings": an_image_path,
    "findings' last page": lambda estate: an_image_path(estate) + "?last=1",
    "exploited findings": lambda estate: an_image_path(estate) + "?sort=likely&epss=0",
    "kernels": lambda estate: an_image_path(estate, "kernel"),
    "unread files": lambda estate: an_image_path(estate, "unread"),
    "what to do": lambda estate: an_image_path(estate, "actions"),
    "why": lambda estate: f"{an_image_path(estate)}/explain?id=CVE-2026-10000",
    "packages": lambda estate: an_image_path(estate, "packages"),
    "layers": lambda estate: an_image_path(estate, "layers"),
    "activity": lambda estate: an_image_path(estate, "activity"),
    "finding": lambda estate: f"{an_image_path(estate)}/findings/{a_finding_of(estate).pk}",
    "vulnerability": lambda estate: reverse(
        "vulnerability", args=[a_finding_of(estate).vulnerability.name]
    ),
    "search": lambda estate: "/search?q=team",
    "search for a package": lambda estate: "/search?q=libexample",
    "package": lambda estate: reverse("package", args=[a_finding_of(estate).package_id]),
}


@pytest.fixture
def estates(db):
    """A small and a large subscription, each with a reader who sees nothing else."""
    made = {}
    for size, numbers in (("small", SMALL), ("large", LARGE)):
        subscription = a_subscription()
        estate = an_estate(subscription=subscription, **numbers)
        made[size] = (a_user(subscription), estate)
    return made


def queries(client, user, path):
    client.force_login(user)
    client.get(path)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_asks_as_often_whatever_the_number_of_rows(client, estates, page):
    numbers = {
        size: queries(client, user, PAGES[page](estate)) for size, (user, estate) in estates.items()
    }
    assert numbers["small"] == numbers["large"]
    assert numbers["large"] <= 25
