"""The OpenAPI document says what the doors really answer."""

import shutil

import jsonschema
import pytest
from django.urls import reverse
from playwright.sync_api import sync_playwright

from tests import factories
from tests.findings.api.paths import list_all, listed, named, of_registry, of_subscription

pytestmark = pytest.mark.django_db

SECURITY = "/{scope}/providers/Microsoft.Security"


@pytest.fixture
def document(client) -> dict:
    response = client.get(reverse("api-schema"), {"format": "json"})
    assert response.status_code == 200
    return response.json()


def hold(document: dict, operation: str, response) -> dict:
    """Validate a real answer against what the document promises for its status, and be strict:
    what it does not promise must not be there."""
    promised = document["paths"][operation]["get"]["responses"][str(response.status_code)]
    schema = _strict(promised["content"]["application/json"]["schema"])
    components = {name: _strict(shape) for name, shape in document["components"]["schemas"].items()}
    jsonschema.Draft202012Validator(
        {**schema, "components": {"schemas": components}},
        format_checker=jsonschema.FormatChecker(["uuid"]),
    ).validate(response.json())
    return response.json()


def _strict(schema: dict) -> dict:
    return {**schema, "additionalProperties": False} if "properties" in schema else schema


def test_the_document_has_these_doors_and_no_other(document):
    assert sorted(path for path in document["paths"] if path.startswith(SECURITY)) == [
        f"{SECURITY}/assessments/{{assessment}}/subAssessments",
        f"{SECURITY}/assessments/{{assessment}}/subAssessments/{{name}}",
        f"{SECURITY}/subAssessments",
    ]
    for path, doors in document["paths"].items():
        if path.startswith("/api/"):
            continue
        assert set(doors) == {"get"}
        assert doors["get"]["security"] == [{"bearer": []}]
        parameters = {each["name"]: each for each in doors["get"]["parameters"]}
        assert parameters["api-version"]["required"]
        assert parameters["scope"]["in"] == "path"


def test_answers_are_as_the_document_says(document, ask):
    estate = factories.an_estate(images=3, findings=2)
    home = estate.repositories[0]
    factories.a_verdict(factories.an_image(home))
    factories.a_verdict(factories.an_image(home), state="unverified", reason="empty", detail="No.")
    reader = factories.a_user(on=estate.subscription)
    scope = of_subscription(estate.subscription)

    answer = hold(document, f"{SECURITY}/subAssessments", ask(list_all(scope), reader))
    codes = {value["properties"]["status"]["code"] for value in answer["value"]}
    assert codes == {"Unhealthy", "Healthy", "NotApplicable"}
    listing = f"{SECURITY}/assessments/{{assessment}}/subAssessments"
    hold(document, listing, ask(listed(of_registry(home.registry)), reader))
    for value in answer["value"]:
        hold(document, f"{listing}/{{name}}", ask(value["id"], reader))


def test_a_page_with_a_next_one_is_as_the_document_says(document, ask, monkeypatch):
    monkeypatch.setattr("findings.api.rows.PAGE_SIZE", 2)
    estate = factories.an_estate(images=3, findings=2)
    response = ask(
        list_all(of_subscription(estate.subscription)), factories.a_user(on=estate.subscription)
    )
    assert "nextLink" in hold(document, f"{SECURITY}/subAssessments", response)


def test_refusals_are_as_the_document_says(document, ask):
    door = f"{SECURITY}/subAssessments"
    subscription = factories.a_subscription()
    reader = factories.a_user(on=subscription)
    path = list_all(of_subscription(subscription))
    for status, response in [
        (401, ask(path)),
        (400, ask(path, reader, version=None)),
        (400, ask(list_all("/nowhere"), reader)),
        (404, ask(list_all(of_subscription(factories.a_subscription())), reader)),
    ]:
        assert response.status_code == status
        hold(document, door, response)
    one = f"{SECURITY}/assessments/{{assessment}}/subAssessments/{{name}}"
    hold(document, one, ask(named(of_subscription(subscription), "x"), reader))


@pytest.mark.django_db(transaction=True)
def test_the_document_is_browsed_with_nothing_from_elsewhere(document, live_server):
    chromium = shutil.which("chromium")
    if not chromium:
        pytest.skip("no chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        asked, complaints = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(live_server.url + reverse("api-docs"))
        operations = page.locator(".opblock-summary-path")
        operations.first.wait_for()
        assert operations.count() == sum(map(len, document["paths"].values()))
        assert page.title() == "API · Vigie"
        assert page.get_by_text("SubAssessmentShape").count() == 0
        assert page.get_by_role("link", name="Make a token").get_attribute("href") == "/account"
        page.get_by_role("link", name="Vigie", exact=True).click()
        page.get_by_role("heading", name="Log in").wait_for()
        browser.close()
    assert [url for url in asked if not url.startswith((live_server.url, "data:"))] == []
    assert complaints == []
