"""What the doors answer, to whom."""

from collections import Counter

import pytest
from django.utils import timezone

from findings.models import Finding, ImageVerdict
from findings.subassessments import unpack
from registries.models import ManagementGroup, Registry, RoleAssignment, Subscription
from tests import factories
from tests.findings.api.paths import (
    list_all,
    listed,
    named,
    of_registry,
    of_subscription,
    values,
)

pytestmark = pytest.mark.django_db

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"


def test_a_finding_is_told_in_the_shape_clients_know(ask, registry, reader, image):
    finding = factories.a_finding(
        image, aliases=("GHSA-aaaa",), cvss_v2="5.0", summary="Overflow", details="Long story",
        references=[{"type": "WEB", "url": "https://vendor.example/1"},
                    {"type": "WEB", "url": "javascript:alert(1)"}],
    )  # fmt: skip
    (value,) = values(ask(list_all(of_subscription(registry.subscription)), reader))

    placement = image.placements.get()
    cve, verdict = finding.vulnerability.name, image.verdict
    published = finding.vulnerability.advisories.get().published_at
    assert unpack(value["name"]) == (placement.pk, finding.package_id, finding.vulnerability_id)
    remediation = value["properties"].pop("remediation")
    assert value == {
        "id": named(of_registry(registry), value["name"]),
        "name": value["name"],
        "type": "Microsoft.Security/assessments/subAssessments",
        "properties": {
            "id": cve,
            "displayName": "Overflow",
            "status": {
                "code": "Unhealthy", "cause": "", "severity": "High",
                "description": "The resource is unhealthy",
            },
            "impact": f"{finding.package.name} 1.2.3-4 in this image is affected. "
            "An attack can make the system unavailable.",
            "category": "Debian:12",
            "description": "Long story",
            "timeGenerated": verdict.evaluated_at.isoformat().replace("+00:00", "Z"),
            "resourceDetails": {
                "source": "Azure", "id": f"repositories/team/shop/images/{image.digest}",
            },
            "additionalData": {
                "assessedResourceType": "ContainerRegistryVulnerability",
                "type": "Vulnerability",
                "registryHost": "hub.example:5000",
                "repositoryName": "team/shop",
                "imageDigest": image.digest,
                "cvss": {"2.0": {"base": 5.0}, "3.0": {"base": 7.5}},
                "threat": "It can be attacked over the network, without an account; nobody else "
                "has to do anything.",
                "patchable": True,
                "fixStatus": "FixAvailable",
                "fixedVersion": "1.2.4-1",
                "knownExploited": False,
                "cve": [{"title": cve, "link": f"https://nvd.nist.gov/vuln/detail/{cve}"}],
                "publishedTime": published.isoformat().replace("+00:00", "Z"),
                "vendorReferences": [
                    {"title": "https://vendor.example/1", "link": "https://vendor.example/1"}
                ],
            },
        },
    }  # fmt: skip
    assert finding.package.source_name in remediation or finding.package.name in remediation
    assert "1.2.4-1" in remediation


@pytest.mark.parametrize("manager", ["apt", ""])
def test_a_command_is_given_only_where_the_image_has_what_runs_it(
    ask, registry, reader, image, manager
):
    finding = factories.a_finding(image)
    if manager:
        factories.add_package(finding.inventory, name=manager)
    (value,) = values(ask(list_all(of_subscription(registry.subscription)), reader))
    remediation = value["properties"]["remediation"]
    assert ("apt-get update" in remediation) == bool(manager)
    assert ("no package manager" in remediation) == (not manager)


@pytest.mark.parametrize(
    ("inside", "outside"), [(4, "High"), (3, "High"), (2, "Medium"), (1, "Low"), (0, "Low")]
)
def test_severity_has_three_values_outside(ask, registry, reader, image, inside, outside):
    factories.a_finding(image, severity=inside)
    (value,) = values(ask(list_all(of_registry(registry)), reader))
    assert value["properties"]["status"]["severity"] == outside


def test_where_no_vector_says_how_it_is_attacked_there_is_no_threat(ask, registry, reader, image):
    finding = factories.a_finding(image, cvss_vectors=[])
    (value,) = values(ask(list_all(of_registry(registry)), reader))
    assert "threat" not in value["properties"]["additionalData"]
    assert value["properties"]["impact"] == (
        f"{finding.package.name} {finding.package.version} in this image is affected."
    )


def test_a_finding_without_a_fix_is_not_patchable(ask, registry, reader, image):
    factories.a_finding(image)
    Finding.objects.update(fixed_version="")
    (value,) = values(ask(list_all(of_registry(registry)), reader))
    assert value["properties"]["additionalData"]["patchable"] is False


def test_a_healthy_image_is_one_healthy_row(ask, registry, reader, image):
    factories.a_verdict(image)
    (value,) = values(ask(list_all(of_registry(registry)), reader))
    assert value["properties"]["status"]["code"] == "Healthy"
    assert "severity" not in value["properties"]["status"]
    assert value["properties"]["additionalData"]["imageDigest"] == image.digest
    assert unpack(value["name"]) == (image.placements.get().pk, 0, 0)


@pytest.mark.parametrize(
    "reason", ["windows", "empty", "too-large", "not-judged", "one-of-tomorrow"]
)
def test_an_unverified_image_is_not_applicable_and_says_why(ask, registry, reader, image, reason):
    factories.a_verdict(image, state="unverified", reason=reason, detail="One sentence.")
    (value,) = values(ask(list_all(of_registry(registry)), reader))
    status = value["properties"]["status"]
    assert (status["code"], status["cause"]) == ("NotApplicable", reason)
    assert status["description"] == "One sentence."
    assert value["properties"]["remediation"]


def test_an_image_nobody_has_judged_yet_is_absent(ask, registry, reader, image):
    assert values(ask(list_all(of_registry(registry)), reader)) == []


def test_a_closed_finding_is_gone(ask, registry, reader, image):
    finding = factories.a_finding(image)
    factories.find(finding.inventory, [(factories.a_package(), factories.an_advisory())])
    Finding.objects.filter(pk=finding.pk).update(closed_at=timezone.now())
    (value,) = values(ask(list_all(of_registry(registry)), reader))
    assert value["properties"]["id"] != finding.vulnerability.name


def test_a_package_in_two_sets_of_an_image_is_one_row(ask, registry, reader, image):
    package, advisory = factories.a_package(), factories.an_advisory()
    sets = [factories.an_inventory([package]) for _ in range(2)]
    for inventory in sets:
        factories.find(inventory, [(package, advisory)])
    factories.a_report(image, sets)
    factories.a_verdict(image)
    assert len(values(ask(list_all(of_registry(registry)), reader))) == 1


def test_an_image_in_two_repositories_is_two_resources(ask, registry, reader, image):
    factories.a_finding(image)
    factories.place(image, factories.a_repository(registry, name="copy"))
    found = values(ask(list_all(of_registry(registry)), reader))
    named_in = [value["properties"]["additionalData"]["repositoryName"] for value in found]
    assert named_in == ["team/shop", "copy"]


def test_names_are_the_same_when_the_image_is_judged_again(ask, registry, reader, image):
    factories.a_finding(image)
    before = values(ask(list_all(of_registry(registry)), reader))
    ImageVerdict.objects.update(evaluated_at=timezone.now())
    after = values(ask(list_all(of_registry(registry)), reader))
    assert [value["name"] for value in before] == [value["name"] for value in after]
    assert before[0]["properties"]["timeGenerated"] < after[0]["properties"]["timeGenerated"]


def test_every_row_is_got_by_its_own_id(ask, registry, reader, image):
    factories.a_finding(image)
    healthy = factories.an_image(factories.a_repository(registry))
    factories.a_verdict(healthy)
    found = values(ask(list_all(of_registry(registry)), reader))
    assert len(found) == 2
    for value in found:
        assert ask(value["id"], reader).json() == value
        assert (
            ask(named(of_subscription(registry.subscription), value["name"]), reader).json()
            == value
        )
        assert ask(value["id"].upper(), reader).status_code == 200


@pytest.mark.parametrize(
    "name", ["x", "8c98f353-8b41-4e77-979b-6adeecd5d168", "00000000-0000-8000-8000-000000000001"]
)
def test_a_name_of_nothing_is_not_found(ask, registry, reader, image, name):
    factories.a_finding(image)
    response = ask(named(of_registry(registry), name), reader)
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "SubAssessmentNotFound"


def test_a_subscription_without_registries_has_an_empty_list(ask):
    subscription = factories.a_subscription()
    response = ask(list_all(of_subscription(subscription)), factories.a_user(on=subscription))
    assert response.json() == {"value": []}


def test_a_row_is_not_found_in_a_scope_it_does_not_stand_in(ask, registry, reader, image):
    factories.a_finding(image)
    (value,) = values(ask(list_all(of_registry(registry)), reader))
    other = factories.a_registry(registry.subscription)
    response = ask(named(of_registry(other), value["name"]), reader)
    assert response.json()["error"]["code"] == "SubAssessmentNotFound"


def test_another_assessment_is_not_found(ask, registry, reader):
    other = "82e20e14-edc5-4373-bfc4-f13121257c37"
    for path in (listed(of_registry(registry), other), named(of_registry(registry), "x", other)):
        response = ask(path, reader)
        assert (response.status_code, response.json()["error"]["code"]) == (
            404,
            "AssessmentNotFound",
        )


def test_another_type_is_refused_in_the_same_shape(ask, registry, reader):
    response = ask(f"{of_registry(registry)}/providers/Microsoft.Security/alerts/1", reader)
    assert (response.status_code, response.json()["error"]["code"]) == (404, "InvalidResourceType")


def test_other_methods_are_refused_in_the_same_shape(client, ask, registry, reader):
    from registries import tokens

    headers = {"Authorization": f"Bearer {tokens.issue(reader, 'test')}"}
    path = f"{list_all(of_registry(registry))}?api-version=2020-01-01"
    for method in (client.post, client.put, client.delete, client.patch):
        response = method(path, headers=headers)
        assert response.status_code == 405
        assert response.json()["error"]["code"] == "MethodNotAllowed"


# --- who may see what ---------------------------------------------------------------------------


def test_what_one_may_not_see_does_not_exist(ask, registry, image):
    factories.a_finding(image)
    stranger = factories.a_user(on=factories.a_subscription())
    for scope, code in [
        (of_subscription(registry.subscription), "SubscriptionNotFound"),
        (of_registry(registry), "SubscriptionNotFound"),
        ("/providers/Microsoft.Management/managementGroups/root", "ManagementGroupNotFound"),
    ]:
        for path in (list_all(scope), listed(scope), named(scope, "x")):
            response = ask(path, stranger)
            assert (response.status_code, response.json()["error"]["code"]) == (404, code)


def test_what_is_not_there_answers_as_what_one_may_not_see(ask, registry, reader):
    hidden = ask(list_all(of_subscription(factories.a_subscription())), reader)
    absent = ask(list_all("/subscriptions/00000000-0000-0000-0000-000000000001"), reader)
    assert hidden.status_code == absent.status_code == 404
    assert hidden.json()["error"]["code"] == absent.json()["error"]["code"]


def test_a_row_of_another_subscription_cannot_be_got_by_its_name(ask, registry, reader, image):
    factories.a_finding(image)
    (value,) = values(ask(list_all(of_registry(registry)), reader))
    other = factories.a_registry()
    stranger = factories.a_user(on=other.subscription)
    response = ask(named(of_registry(other), value["name"]), stranger)
    assert response.json()["error"]["code"] == "SubAssessmentNotFound"


def test_scopes_hold_what_is_below_them(ask, reader, registry):
    root = ManagementGroup.objects.create(name="Root", display_name="Root")
    below = ManagementGroup.objects.create(name="below", display_name="Below", parent=root)
    Subscription.objects.filter(pk=registry.subscription_id).update(management_group=below)
    RoleAssignment.objects.create(user=reader, role="reader", management_group=root)
    same_group = factories.a_registry(registry.subscription, resource_group="group-1")
    other_group = factories.a_registry(registry.subscription, resource_group="Group-2")
    elsewhere = factories.a_registry(factories.a_subscription(management_group=root))
    nowhere = factories.a_registry()
    for one in (registry, same_group, other_group, elsewhere, nowhere):
        factories.a_verdict(factories.an_image(factories.a_repository(one, name=one.name)))

    def seen(scope: str) -> set[str]:
        found = values(ask(list_all(scope), reader))
        return {value["properties"]["additionalData"]["repositoryName"] for value in found}

    subscription = of_subscription(registry.subscription)
    assert seen(of_registry(registry)) == {"Main"}
    assert seen(f"{subscription}/resourceGroups/GROUP-1") == {"Main", same_group.name}
    assert seen(subscription) == {"Main", same_group.name, other_group.name}
    groups = "/providers/Microsoft.Management/managementGroups"
    assert seen(f"{groups}/BELOW") == {"Main", same_group.name, other_group.name}
    assert seen(f"{groups}/root") == seen(f"{groups}/below") | {elsewhere.name}


def test_paths_are_read_in_any_case_and_answered_in_the_stored(ask, registry, reader, image):
    factories.a_finding(image)
    path = list_all(of_registry(registry))
    expected = values(ask(path, reader))
    assert values(ask(path.lower(), reader)) == values(ask(path.upper(), reader)) == expected
    assert "/resourceGroups/Group-1/" in expected[0]["id"]
    assert expected[0]["id"].split("/")[8] == "Main"


# --- pages --------------------------------------------------------------------------------------


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr("findings.api.rows.PAGE_SIZE", 7)


def walk(ask, path: str, user) -> list[list[dict]]:
    """The values of every page, following nextLink as it was given."""
    pages, response = [], ask(path, user)
    while True:
        pages.append(values(response))
        link = response.json().get("nextLink")
        if link is None:
            return pages
        assert link.startswith("http://testserver/")
        assert len(pages) < 100
        response = ask(link.removeprefix("http://testserver"), user, version=None)


def test_the_pages_hold_every_row_once_in_the_order_of_names(ask, small_pages):
    estate = factories.an_estate(images=9, findings=5, registries=2, repositories=2)
    healthy = factories.an_image(estate.repositories[0])
    factories.a_verdict(healthy)
    factories.place(estate.images[0], estate.repositories[1])
    reader = factories.a_user(on=estate.subscription)

    pages = walk(ask, list_all(of_subscription(estate.subscription)), reader)

    names = [value["name"] for page in pages for value in page]
    assert len(names) == 5 * 10 + 1
    assert names == sorted(set(names))
    assert {len(page) for page in pages[:-1]} == {7}


@pytest.mark.parametrize("rows", [6, 7, 8, 14])
def test_there_is_no_link_to_an_empty_page(ask, small_pages, rows):
    estate = factories.an_estate(images=1, findings=rows)
    reader = factories.a_user(on=estate.subscription)
    pages = walk(ask, list_all(of_subscription(estate.subscription)), reader)
    assert [len(page) for page in pages] == [7] * (rows // 7) + [rows % 7] * bool(rows % 7)


def test_healthy_images_fill_pages_too(ask, small_pages, registry, reader):
    repository = factories.a_repository(registry)
    for _ in range(20):
        factories.a_verdict(factories.an_image(repository))
    pages = walk(ask, list_all(of_registry(registry)), reader)
    assert [len(page) for page in pages] == [7, 7, 6]


def test_a_page_goes_on_where_verdicts_promise_more_than_there_is(
    ask, small_pages, registry, reader
):
    repository = factories.a_repository(registry)
    for _ in range(30):
        image = factories.an_image(repository)
        factories.a_verdict(image, state="unhealthy", high=5)
    last = factories.an_image(repository)
    factories.a_finding(last)
    pages = walk(ask, list_all(of_registry(registry)), reader)
    assert sum(len(page) for page in pages) == 1


def test_rows_that_come_and_go_between_pages_hide_no_other(ask, small_pages, registry, reader):
    repository = factories.a_repository(registry)
    images = [factories.an_image(repository) for _ in range(10)]
    for image in images:
        factories.a_finding(image)
    first = ask(list_all(of_registry(registry)), reader).json()
    for image in images[:7]:
        image.delete()
    link = first["nextLink"].removeprefix("http://testserver")
    rest = values(ask(link, reader, version=None))
    digests = [value["properties"]["additionalData"]["imageDigest"] for value in rest]
    assert digests == [image.digest for image in images[7:]]


def test_the_next_page_keeps_version_scope_and_door(ask, small_pages):
    estate = factories.an_estate(images=4, findings=4)
    reader = factories.a_user(on=estate.subscription)
    path = listed(of_subscription(estate.subscription))
    answer = ask(path.lower(), reader, version="2019-01-01-preview").json()
    link = f"http://testserver{path}?api-version=2019-01-01-preview&%24skipToken="
    assert answer["nextLink"].startswith(link)
    assert answer["nextLink"].removeprefix(link) == answer["value"][-1]["name"]


def test_a_token_that_is_none_of_ours_is_refused(ask, registry, reader):
    response = ask(list_all(of_registry(registry)), reader, **{"$skipToken": "page2"})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "InvalidSkipToken")


def test_a_token_opens_no_other_scope(ask, small_pages):
    estate = factories.an_estate(images=4, findings=4)
    answer = ask(
        list_all(of_subscription(estate.subscription)), factories.a_user(on=estate.subscription)
    ).json()
    token = answer["value"][-1]["name"]
    other = factories.an_estate(images=1, findings=1)
    path = list_all(of_subscription(other.subscription))
    found = values(ask(path, factories.a_user(on=other.subscription), **{"$skipToken": token}))
    assert len(found) == 1
    assert str(other.subscription.pk) in found[0]["id"]


@pytest.mark.parametrize(("images", "findings"), [(1, 1), (40, 10)])
def test_a_page_takes_the_same_queries_whatever_there_is(
    ask, django_assert_num_queries, images, findings
):
    from registries import tokens

    estate = factories.an_estate(images=images, findings=findings, registries=3)
    factories.an_estate(images=5)
    token = tokens.issue(factories.a_user(on=estate.subscription), "test")
    path = list_all(of_subscription(estate.subscription))
    first = ask(path, token=token)  # a token's first use is written down
    with django_assert_num_queries(8):
        assert ask(path, token=token).status_code == 200
    name = first.json()["value"][-1]["name"]
    with django_assert_num_queries(8):
        assert (
            ask(named(of_subscription(estate.subscription), name), token=token).status_code == 200
        )


def test_the_totals_of_all_pages_are_those_of_the_verdicts(ask, small_pages):
    estate = factories.an_estate(images=12, findings=4)
    reader = factories.a_user(on=estate.subscription)
    pages = walk(ask, list_all(of_subscription(estate.subscription)), reader)
    rows = Counter(
        value["properties"]["additionalData"]["imageDigest"] for page in pages for value in page
    )
    assert rows == {image.digest: 4 for image in estate.images}


def test_a_folder_of_layouts_is_named_and_not_shown_where_it_lies(ask, reader, registry, image):
    Registry.objects.update(kind="layout", location="/srv/secret/place")
    factories.a_verdict(image)
    (value,) = values(ask(list_all(of_registry(registry)), reader))
    assert value["properties"]["additionalData"]["registryHost"] == "Main"
