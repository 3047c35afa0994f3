"""One's own tokens and password."""

import re

import pytest
from django.utils import timezone

from registries import tokens
from registries.models import AccessToken
from tests.factories import a_user

pytestmark = pytest.mark.django_db


def shown_token(response) -> str:
    return re.search(r">(vigie_[\w-]+)<", response.content.decode())[1]


def test_a_token_is_shown_once_and_opens_the_api_for_its_owner(client, contributor):
    response = client.post("/account", {"name": "pipeline", "days": 30})
    plain = shown_token(response)
    assert tokens.authenticate(plain) == contributor
    assert plain not in client.get("/account").content.decode()
    assert (AccessToken.objects.get().expires_at - timezone.now()).days == 29


def test_a_revoked_token_opens_nothing(client, contributor):
    plain = tokens.issue(contributor, "old")
    client.post(f"/account/tokens/{AccessToken.objects.get().pk}/revoke")
    assert tokens.authenticate(plain) is None


def test_the_token_of_another_does_not_exist(client, contributor):
    plain = tokens.issue(a_user(), "theirs")
    response = client.post(f"/account/tokens/{AccessToken.objects.get().pk}/revoke")
    assert response.status_code == 404
    assert tokens.authenticate(plain)
    assert "theirs" not in client.get("/account").content.decode()


@pytest.mark.parametrize("fields", [{"name": "", "days": 30}, {"name": "x", "days": 4000}, {}])
def test_a_token_without_a_name_or_an_end_is_refused(client, contributor, fields):
    client.post("/account", fields)
    assert not AccessToken.objects.exists()


def test_a_stranger_is_asked_to_log_in(client):
    for path in ("/account", "/account/password"):
        assert client.get(path).headers["location"].startswith("/login")


def test_the_password_is_changed_by_who_knows_the_old_one(client, contributor):
    contributor.set_password("the old watch word")
    contributor.save()
    client.force_login(contributor)
    new = {"new_password1": "a new watch word", "new_password2": "a new watch word"}
    refused = client.post("/account/password", {"old_password": "guess", **new})
    assert refused.status_code == 200
    changed = client.post("/account/password", {"old_password": "the old watch word", **new})
    assert changed.headers["location"] == "/account"
    contributor.refresh_from_db()
    assert contributor.check_password("a new watch word")
