"""Every address there is, asked by an owner of another subscription: nothing of this one shows."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, get_resolver
from django.utils import timezone

from billing.models import Charge
from findings.models import DailyCount, Finding
from registries import tokens
from registries.models import AccessToken, ManagementGroup, Role, Subscription
from scans.models import Scan
from tests.factories import Estate, a_subscription, a_user, an_estate

pytestmark = pytest.mark.django_db

KEY = "dbd0cb49-b563-45e7-9724-889e799fa648"
VERSION = {"api-version": "2020-01-01"}
DISCONNECT = "registries/<int:pk>/disconnect"


@pytest.fixture
def theirs() -> Estate:
    """All that a subscription may hold, each thing with a name that is seen nowhere else."""
    group = ManagementGroup.objects.create(name="xanadugroup", display_name="Xanadugroup")
    subscription = a_subscription(display_name="Xanadusubscription", management_group=group)
    estate = an_estate(images=3, findings=3, subscription=subscription)
    now = timezone.now()
    subscription.registries.update(name="xanaduregistry", problem="Xanaduproblem.", walked_at=now)
    estate.registries[0].repositories.update(name="xanadu/repository")
    image = estate.images[1]
    described = {
        "subscription": subscription,
        "digest": image.digest,
        "registry": "xanaduregistry",
        "repository": "xanadu/repository",
    }
    for state in ("queued", "done"):
        Scan.objects.create(image=image, state=state, trigger="push", **described)
    Charge.objects.create(scan=1, scanned_at=now, amount="0.29", currency="EUR", **described)
    DailyCount.objects.create(subscription=subscription, day=now.date(), critical=987_654)
    return estate


@pytest.fixture
def ours() -> Estate:
    return an_estate(images=1, findings=1)


@pytest.fixture
def outsider(ours) -> User:
    return a_user(ours.subscription, Role.OWNER)


@pytest.fixture
def door(outsider) -> Client:
    """Logged in for the pages, with a token for the API."""
    token = tokens.issue(outsider, "a token")
    client = Client(headers={"authorization": f"Bearer {token}"})
    client.force_login(outsider)
    return client


def addresses(patterns=None, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Route and pattern of everything but the admin, which is for operators."""
    for entry in get_resolver().url_patterns if patterns is None else patterns:
        route = before + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield route, entry
        elif not route.startswith("admin/"):
            yield from addresses(entry.url_patterns, route)


def of(estate: Estate) -> dict[str, object]:
    """What the parameters of addresses stand for, in an estate."""
    image, registry = estate.images[0], estate.registries[0]
    finding = Finding.objects.filter(inventory__reports__image=image).first()
    token = AccessToken.objects.filter(user=a_user()).first()
    return {
        "<digest:digest>": image.digest,
        "<int:repository>": image.placements.get().repository_id,
        "<int:registry_id>": registry.pk,
        "<uuid:subscription>": estate.subscription.pk,
        "<str:key>": KEY,
        "<str:assessment>": KEY,
        "<name:name>": finding.vulnerability.name,
        "<path:rest>": "subAssessments",
        "<path:scope>": f"subscriptions/{estate.subscription.pk}",
        "<str:name>": str(uuid4()),
        "findings/<int:pk>": f"findings/{finding.pk}",
        "packages/<int:pk>": f"packages/{finding.package_id}",
        "repositories/<int:pk>": f"repositories/{image.placements.get().repository_id}",
        "registries/<int:pk>": f"registries/{registry.pk}",
        "tokens/<int:pk>": f"tokens/{token.pk if token else 0}",
    }


def filled(route: str, values: dict[str, object]) -> str:
    """The address of a route; one with a parameter that nobody told us of fails the test."""
    for parameter, value in values.items():
        route = route.replace(parameter, str(value))
    assert "<" not in route, f"say what {route} is to be asked for"
    return "/" + route


def shown(answer) -> str:
    body = b"".join(answer) if answer.streaming else answer.content
    return body.decode() + str(answer.headers)


SECRETS = ("xanadu", "987654", "987,654")


def secrets_of(estate: Estate) -> set[str]:
    """What would betray them. Their digests and ids are as good as names."""
    rows = {str(estate.subscription.pk), *SECRETS}
    return rows | {image.digest.partition(":")[2][:12] for image in estate.images}


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("query", [{}, VERSION, {"q": "xanadu", **VERSION}])
def test_no_address_shows_anything_of_another_subscription(door, theirs, ours, method, query):
    hidden = secrets_of(theirs)
    for values in (of(theirs), of(ours)):
        for route, _ in addresses():
            if route in ("login", "logout"):
                continue
            address = filled(route, values)
            answer = getattr(door, method)(address, query, headers={"hx-request": "true"})
            assert answer.status_code < 500, address
            # What was asked for may be repeated in a refusal, and in the box of a search.
            told = shown(answer).lower()
            for asked in (address.lower(), "xanadu" if "q" in query else ""):
                told = told.replace(asked, "") if asked else told
            if str(theirs.subscription.pk) in address:
                told = told.replace(str(theirs.subscription.pk), "")
            assert not [secret for secret in hidden if secret in told], address


def test_what_one_may_not_see_is_not_there(door, theirs):
    values = of(theirs)
    asked = [
        (route, filled(route, values))
        for route, _ in addresses()
        if "<" in route and "<str:key>" not in route and "<name:" not in route
    ]
    assert len(asked) > 10
    for _, address in asked:
        for method in (door.get, door.post):
            answer = method(f"{address}?api-version=2020-01-01")
            assert answer.status_code in (401, 404, 405), (address, answer.status_code)


def test_a_filter_that_names_another_subscription_shows_nothing_of_it(door, theirs):
    theirs_id = str(theirs.subscription.pk)
    for address in ("/", "/billing/", "/billing/statement.csv", f"/recommendations/{KEY}"):
        answer = door.get(address, {"subscription": theirs_id})
        assert "xanadu" not in shown(answer).lower(), address


def what_posts_change(estate: Estate) -> list:
    subscription = Subscription.objects.get(pk=estate.subscription.pk)
    columns = ("location", "walked_at", "webhook_secret_hash")
    return [
        subscription.plan_enabled,
        *(list(subscription.registries.values_list(column, flat=True)) for column in columns),
        Scan.objects.filter(subscription=subscription).count(),
    ]


CHANGE = {"enabled": "off", "location": "https://evil.example"}


def test_nothing_changes_at_the_word_of_an_outsider(door, theirs):
    before, values = what_posts_change(theirs), of(theirs)
    for route, _ in addresses():
        door.post(filled(route, values), CHANGE)
    assert what_posts_change(theirs) == before


@pytest.mark.parametrize("role", [Role.READER, Role.SECURITY_READER])
def test_nothing_changes_at_the_word_of_who_may_only_look(client, theirs, role):
    client.force_login(a_user(theirs.subscription, role))
    before, values = what_posts_change(theirs), of(theirs)
    for route, _ in addresses():
        client.post(filled(route, values), CHANGE)
    assert what_posts_change(theirs) == before


def test_nothing_changes_at_the_word_of_another_site(theirs):
    """What a page elsewhere lets the browser of an owner send has no token of ours."""
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(a_user(theirs.subscription, Role.OWNER))
    before, values = what_posts_change(theirs), of(theirs)
    for route, _ in addresses():
        answer = browser.post(filled(route, values), CHANGE)
        assert answer.status_code in (401, 403, 405), route
    assert what_posts_change(theirs) == before


def test_an_owner_changes_all_of_it(client, theirs):
    """Otherwise the tests above would find nothing whatever may be changed."""
    client.force_login(a_user(theirs.subscription, Role.OWNER))
    before, values = what_posts_change(theirs), of(theirs)
    for route, _ in reversed(list(addresses())):  # the plan last: without it nothing is scanned
        if route not in ("logout", DISCONNECT):
            client.post(filled(route, values), CHANGE)
    assert all(now != old for now, old in zip(what_posts_change(theirs), before, strict=True))
    client.post(filled(DISCONNECT, values))
    assert not theirs.subscription.registries.exists()


def test_a_stranger_sees_the_login_page_alone(client, theirs):
    values = of(theirs)
    for route, _ in addresses():
        address = filled(route, values)
        for method in (client.get, client.post):
            answer = method(address, VERSION)
            assert answer.status_code in (302, 401, 405) or "xanadu" not in shown(answer), address
            if answer.status_code == 302:
                assert answer.url.startswith(("/login", "/static/")), address


@pytest.mark.parametrize("number", [2**31, 2**63, 10**30])
def test_a_number_that_no_table_holds_is_not_there(door, ours, number):
    numbered = dict.fromkeys(["<int:registry_id>", "<int:repository>", "<int:pk>"], number)
    values = numbered | {key: value for key, value in of(ours).items() if "<int:" not in key}
    for route, _ in addresses():
        if "<int:" in route:
            address = filled(route, values)
            for method in (door.get, door.post):
                assert method(address).status_code in (401, 404, 405), address


def test_who_may_see_it_sees_it(client, theirs):
    """Otherwise the tests above would find nothing whatever leaked."""
    client.force_login(a_user(theirs.subscription, Role.READER))
    values = of(theirs)
    telling = [
        route
        for route, _ in addresses()
        if "xanadu" in shown(client.get(filled(route, values), {"q": "xanadu"})).lower()
    ]
    assert len(telling) >= 8, telling
