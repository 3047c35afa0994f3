import pytest
from django.contrib.auth import get_user_model

from tests.factories import a_user


@pytest.fixture
def ada(db):
    return get_user_model().objects.create_user("ada", password="a long enough password")


def test_logging_in_leads_to_where_one_wanted_to_go(client, ada):
    given = {"username": "ada", "password": "a long enough password", "next": "/search"}
    assert client.post("/login", given)["Location"] == "/search"


def test_logging_in_never_leads_to_another_host(client, ada):
    given = {"username": "ada", "password": "a long enough password", "next": "//evil.example"}
    assert client.post("/login", given)["Location"] == "/"


def test_a_wrong_password_is_told(client, ada):
    page = client.post("/login", {"username": "ada", "password": "wrong"}).content.decode()
    assert "Please enter a correct username and password" in page


def test_logging_out_takes_a_press_of_the_button(client, db):
    client.force_login(a_user())
    assert client.get("/logout").status_code == 405
    client.post("/logout")
    assert "_auth_user_id" not in client.session
