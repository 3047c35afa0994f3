"""Pages and API at a million findings: the first page and the last, with their query counts.

The limit is 300 ms a page; the figure beside each is its share of it.
"""

from time import perf_counter

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from findings import advisories, evaluation
from findings.models import Feed, Finding, ImageVerdict
from registries import tokens
from registries.models import (
    Image,
    ManagementGroup,
    Registry,
    Repository,
    Role,
    RoleAssignment,
    Subscription,
)
from tests.benchmarks import estate
from tests.benchmarks.figures import Figures

IMAGES, RECORDS = 10_000, 20_000
LIMIT_SECONDS = 0.3
KEY = "dbd0cb49-b563-45e7-9724-889e799fa648"


@pytest.mark.bench
@pytest.mark.django_db(transaction=True)
def test_pages_and_api_at_a_million_findings(tmp_path, figures: Figures):
    _judged_estate(tmp_path, figures)
    user = _reader_of_all()
    client = Client()
    client.force_login(user)
    for name, path in _pages().items():
        _measure(client, name, path, figures)
    api = Client(headers={"authorization": f"Bearer {tokens.issue(user, 'bench')}"})
    subscription = Subscription.objects.first()
    base = f"/subscriptions/{subscription.pk}/providers/Microsoft.Security"
    listing = f"{base}/subAssessments?api-version=2019-01-01-preview"
    answer = _measure(api, "API: first page", listing, figures).json()
    pages = 1
    while "nextLink" in answer:
        link, pages = answer["nextLink"], pages + 1
        answer = api.get(link).json()
    last = _measure(api, f"API: last page of {pages}", link, figures).json()
    name = last["value"][-1]["id"]
    _measure(api, "API: one", f"{name}?api-version=2019-01-01-preview", figures)


def _judged_estate(tmp_path, figures: Figures) -> None:
    estate.build(IMAGES)
    estate.write_feed(tmp_path, RECORDS)
    advisories.update(Feed.objects.create(name="bench", location=str(tmp_path)))
    evaluation.evaluate()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute(
            "SELECT sum(critical + high + medium + low + unknown) FROM findings_imageverdict"
        )
        findings = cursor.fetchone()[0]
    figures.say(f"{ImageVerdict.objects.count():,} images, {findings:,} findings on them")


def _reader_of_all() -> User:
    """Someone whose roles decide what he sees: a superuser would not be filtered at all."""
    group = ManagementGroup.objects.create(name="all", display_name="All")
    Subscription.objects.update(management_group=group)
    user = User.objects.create_user("analyst")
    RoleAssignment.objects.create(user=user, role=Role.SECURITY_READER, management_group=group)
    return user


def _pages() -> dict[str, str]:
    worst = ImageVerdict.objects.order_by("-critical", "-high").select_related("image").first()
    repository = Repository.objects.get(placements__image=worst.image)
    image = f"/repositories/{repository.pk}/images/{worst.image.digest}"
    finding = Finding.objects.filter(inventory__reports=worst.image_id, closed_at=None).first()
    registry = Registry.objects.first()
    return {
        "dashboard": "/",
        "recommendation": f"/recommendations/{KEY}",
        "registry": f"/registries/{registry.pk}",
        "repository, first page": f"/repositories/{repository.pk}",
        "repository, last page": f"/repositories/{repository.pk}?last=1",
        "image, first page": image,
        "image, last page": f"{image}?last=1",
        "image, packages": f"{image}?tab=packages",
        "finding": f"{image}/findings/{finding.pk}",
        "vulnerability": f"/vulnerabilities/{finding.vulnerability.name}",
        "search for a CVE": f"/search?q={finding.vulnerability.name}",
        "search for a package": "/search?q=npm-package-1",
        "search for a digest": f"/search?q={Image.objects.last().digest[:19]}",
    }


def _measure(client: Client, name: str, path: str, figures: Figures):
    """The middle of five, after one to warm up."""
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(path)
    asked = len(queries)  # before the next request clears the log
    times = []
    for _ in range(5):
        start = perf_counter()
        client.get(path)
        times.append(perf_counter() - start)
    middle = sorted(times)[2]
    figures.say(
        f"{name:<28} {middle * 1000:6.0f} ms  {middle / LIMIT_SECONDS:5.2f} of the limit  "
        f"{asked:3} queries  {len(answer.content) / 1024:6.0f} KiB"
    )
    assert answer.status_code in (200, 302), (path, answer.status_code)
    return answer
