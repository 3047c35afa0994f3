"""The envelope: who asks, in which version, about what; and no garbage is a fault of ours."""

from contextlib import suppress
from datetime import timedelta
from urllib.parse import quote
from uuid import UUID

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registries import tokens
from registries.arm import ResourceError, next_link, parameter, require_api_version
from registries.models import AccessToken
from registries.resource_ids import Scope, parse_scope
from tests import factories

ID = "20ff7fc3-e762-44dd-bd96-b71116dcdc23"
REGISTRY = "providers/Microsoft.ContainerRegistry/registries"
DOOR = f"/subscriptions/{ID}/providers/Microsoft.Security/subAssessments"


# --- scopes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        (f"subscriptions/{ID}", Scope(subscription=UUID(ID))),
        (f"/Subscriptions/{ID.upper()}/", Scope(subscription=UUID(ID))),
        (f"subscriptions/{ID}/resourcegroups/My.Rg(1)", Scope("", UUID(ID), "My.Rg(1)")),
        (
            f"/subscriptions/{ID}/resourceGroups/rg/{REGISTRY.lower()}/hub",
            Scope("", UUID(ID), "rg", "hub"),
        ),
        ("providers/microsoft.management/managementgroups/Root", Scope("Root")),
    ],
)
def test_a_scope_is_read_in_any_case_with_or_without_a_slash(path, scope):
    assert parse_scope(path) == scope


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "//",
        "subscriptions",
        "subscriptions/",
        "subscriptions/no-uuid",
        f"subscriptions/{{{ID}}}",
        f"subscriptions/{ID.replace('-', '')}",
        f"subscriptions/{ID}/resourceGroups",
        f"subscriptions/{ID}/resourceGroups//",
        f"subscriptions/{ID}/resourceGroups/rg/{REGISTRY}",
        f"subscriptions/{ID}/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm",
        f"subscriptions/{ID}/resourceGroups/r\0g",
        f"subscriptions/{ID}/resourceGroups/{'r' * 101}",
        f"subscriptions/{ID}\n",
        "providers/Microsoft.Management/managementGroups/a/b",
        "../../etc/passwd",
        "x" * 100_000,
        f"subscriptions/{ID}" * 5000,
    ],
)
def test_what_is_no_scope_is_refused(path):
    with pytest.raises(ResourceError) as refused:
        parse_scope(path)
    assert (refused.value.status, refused.value.code) == (400, "InvalidScope")
    assert len(refused.value.target) <= 1000


@given(st.text(max_size=300) | st.from_regex(r"/?(subscriptions|providers)/.*", fullmatch=True))
def test_any_path_is_a_scope_or_refused(path):
    with suppress(ResourceError):
        scope = parse_scope(path)
        assert bool(scope.subscription) != bool(scope.management_group)


# --- versions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "version", ["2019-01-01-preview", "2020-01-01", "2099-12-31", "2021-06-01-PREVIEW"]
)
def test_any_well_formed_version_is_served(version):
    require_api_version({"api-version": version})
    require_api_version({"API-Version": version})


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({}, "MissingApiVersionParameter"),
        ({"api-version": ""}, "MissingApiVersionParameter"),
        ({"api-version": "1"}, "InvalidApiVersionParameter"),
        ({"api-version": "2020-13-01"}, "InvalidApiVersionParameter"),
        ({"api-version": "2020-02-30"}, "InvalidApiVersionParameter"),
        ({"api-version": "2020-01-01-"}, "InvalidApiVersionParameter"),
        ({"api-version": "2020-01-01\n"}, "InvalidApiVersionParameter"),
        ({"api-version": "２０２０-01-01"}, "InvalidApiVersionParameter"),
        ({"api-version": "2020-01-01-preview" * 999}, "InvalidApiVersionParameter"),
    ],
)
def test_a_version_that_is_missing_or_malformed_is_refused(query, code):
    with pytest.raises(ResourceError) as refused:
        require_api_version(query)
    assert (refused.value.status, refused.value.code) == (400, code)


def test_the_name_of_a_parameter_has_no_case():
    assert parameter({"$SKIPTOKEN": "x"}, "$skipToken") == "x"
    assert parameter({}, "$skipToken") == ""


def test_a_next_link_is_absolute_and_quotes_its_path(rf):
    request = rf.get("/anything?api-version=2020-01-01")
    request.query_params = request.GET
    link = next_link(request, "/subscriptions/a b/é", "token-1")
    assert link == (
        "http://testserver/subscriptions/a%20b/%C3%A9?api-version=2020-01-01&%24skipToken=token-1"
    )


# --- who asks -----------------------------------------------------------------------------------


@pytest.fixture
def user(db):
    return factories.a_user()


def ask(client, authorization: str | None = None, path: str = f"{DOOR}?api-version=2020-01-01"):
    headers = {} if authorization is None else {"Authorization": authorization}
    return client.get(path, headers=headers)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Bearer nonsense", "Basic dTpw", "Bearer \xff"]
)
def test_without_a_token_there_is_no_answer(client, authorization):
    response = ask(client, authorization)
    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert response["Content-Type"] == "application/json"
    error = response.json()["error"]
    assert error["code"] == "InvalidAuthenticationToken"
    assert set(error) == {"code", "message", "target", "details", "additionalInfo"}


def test_a_stranger_does_not_learn_what_is_wrong_with_the_rest(client, db):
    for path in (DOOR, "/nowhere/providers/Microsoft.Security/subAssessments"):
        assert ask(client, path=path).status_code == 401


def test_a_token_lets_its_user_in(client, user):
    token = tokens.issue(user, "test")
    for scheme in ("Bearer", "bearer", "BEARER"):
        response = ask(client, f"{scheme} {token}")
        assert response.json()["error"]["code"] == "SubscriptionNotFound"


def test_an_expired_token_does_not(client, user):
    token = tokens.issue(user, "test", expires_at=timezone.now() - timedelta(seconds=1))
    assert ask(client, f"Bearer {token}").status_code == 401


def test_a_session_of_the_pages_is_no_token(client, user):
    client.force_login(user)
    assert ask(client).status_code == 401


def test_the_version_is_asked_of_those_who_are_let_in(client, user):
    token = tokens.issue(user, "test")
    response = ask(client, f"Bearer {token}", DOOR)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "MissingApiVersionParameter"


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "garbage", ";;;", "*"])
def test_answers_are_json_or_a_clean_refusal_whatever_is_accepted(client, user, accept):
    token = tokens.issue(user, "test")
    headers = {"Authorization": f"Bearer {token}", "Accept": accept}
    response = client.get(DOOR, {"api-version": "2020-01-01"}, headers=headers)
    assert response.status_code in (404, 406)
    assert response.json()["error"]["code"]


# --- garbage ------------------------------------------------------------------------------------

_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
_segments = st.sampled_from(
    ["subscriptions", ID, "resourceGroups", "providers", "Microsoft.Security", "subAssessments",
     "assessments", "dbd0cb49-b563-45e7-9724-889e799fa648", "Microsoft.ContainerRegistry", "..",
     "registries", "managementGroups", "Microsoft.Management", "", "%", "\0", "\n", "x" * 5000]
)  # fmt: skip
_paths = st.lists(_segments | _text, max_size=14).map("/".join)


@pytest.fixture
def token(user):
    factories.a_subscription(id=ID)
    AccessToken.objects.all().delete()
    user.is_superuser = True
    user.save()
    return tokens.issue(user, "test")


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(path=_paths, door=st.sampled_from(["", "/providers/Microsoft.Security/subAssessments"]))
def test_no_path_is_a_fault_of_ours(client, token, path, door):
    response = client.get(
        "/subscriptions/" + quote(path + door),
        {"api-version": "2020-01-01"},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert response.status_code in (200, 400, 404)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    query=st.dictionaries(
        st.sampled_from(["api-version", "$skipToken", "$skiptoken", "format", "$filter"]) | _text,
        _text | st.uuids().map(str) | st.just("2020-01-01"),
    )
)
def test_no_query_is_a_fault_of_ours(client, token, query):
    response = client.get(DOOR, query, headers={"Authorization": f"Bearer {token}"})
    assert response.status_code in (200, 400, 404)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(header=st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=200))
def test_no_token_is_a_fault_of_ours(client, db, header):
    for authorization in (header, f"Bearer {header}"):
        assert ask(client, authorization).status_code == 401
