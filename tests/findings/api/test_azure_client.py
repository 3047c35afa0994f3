"""The unmodified client of the resource manager reads the sub-assessments over HTTP."""

import time

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError, ResourceNotFoundError
from azure.mgmt.security import SecurityCenter

from findings.recommendations import KEY
from registries import tokens
from tests import factories
from tests.findings.api.paths import of_registry, of_subscription

pytestmark = pytest.mark.django_db(transaction=True)

# The client refuses to send tokens over plain HTTP unless each call says that it may.
HTTP = {"enforce_https": False}


class Credential:
    def __init__(self, token: str) -> None:
        self.token = token

    def get_token(self, *scopes: str, **options) -> AccessToken:
        return AccessToken(self.token, int(time.time()) + 3600)


@pytest.fixture
def estate():
    made = factories.an_estate(images=4, findings=5)
    factories.a_verdict(factories.an_image(made.repositories[0]))
    return made


@pytest.fixture
def connect(live_server):
    def connect(user, token: str = "") -> SecurityCenter:
        credential = Credential(token or tokens.issue(user, "client"))
        return SecurityCenter(credential, "unused", base_url=live_server.url)

    return connect


@pytest.fixture
def client(connect, estate):
    with connect(factories.a_user(on=estate.subscription)) as client:
        yield client


@pytest.mark.parametrize("slash", ["/", ""])
def test_it_lists_all_at_a_scope_over_several_pages(client, estate, monkeypatch, slash):
    monkeypatch.setattr("findings.api.rows.PAGE_SIZE", 6)
    scope = slash + of_subscription(estate.subscription).lstrip("/")
    pages = [list(page) for page in client.sub_assessments.list_all(scope, **HTTP).by_page()]
    found = [one for page in pages for one in page]
    assert [len(page) for page in pages] == [6, 6, 6, 3]
    assert len({one.name for one in found}) == 21
    assert [one.status.code for one in found] == ["Unhealthy"] * 20 + ["Healthy"]


def test_it_lists_by_assessment_and_gets_one(client, estate):
    scope = of_registry(estate.registries[0])
    found = list(client.sub_assessments.list(scope, KEY, **HTTP))
    assert len(found) == 21
    one = client.sub_assessments.get(scope, KEY, found[0].name, **HTTP)

    assert one.as_dict() == found[0].as_dict()
    assert one.type == "Microsoft.Security/assessments/subAssessments"
    assert one.id_properties_id.startswith("CVE-2026-")
    assert one.status.severity == "High"
    data = one.additional_data
    assert type(data).__name__ == "ContainerRegistryVulnerabilityProperties"
    assert data.patchable is True
    assert data.cvss["3.0"].base == 7.5
    assert data.cve[0].title == one.id_properties_id
    assert data.published_time is not None
    assert data.vendor_references[0].link.startswith("https://")
    assert data.repository_name == estate.repositories[0].name
    assert data.image_digest == estate.images[0].digest
    assert one.resource_details.id == (
        f"repositories/{data.repository_name}/images/{data.image_digest}"
    )


def test_it_understands_what_is_not_there(client, estate):
    scope = of_subscription(estate.subscription)
    with pytest.raises(ResourceNotFoundError) as refused:
        client.sub_assessments.get(scope, KEY, "8c98f353-8b41-4e77-979b-6adeecd5d168", **HTTP)
    assert refused.value.error.code == "SubAssessmentNotFound"
    with pytest.raises(ResourceNotFoundError) as refused:
        list(client.sub_assessments.list_all(of_subscription(factories.a_subscription()), **HTTP))
    assert refused.value.error.code == "SubscriptionNotFound"


def test_it_understands_that_its_token_is_unknown(connect, estate):
    with connect(None, token="vigie_nonsense") as client:
        scope = of_subscription(estate.subscription)
        with pytest.raises(ClientAuthenticationError) as refused:
            list(client.sub_assessments.list_all(scope, **HTTP))
        assert refused.value.error.code == "InvalidAuthenticationToken"
