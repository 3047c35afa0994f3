import pytest

from registries import tokens
from tests import factories


@pytest.fixture
def ask(client):
    """GET a path of the API, by a token of `user`'s or by the one given; without, as a stranger."""

    def ask(path: str, user=None, token: str = "", version: str | None = "2020-01-01", **query):
        token = token or (tokens.issue(user, "test") if user else "")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return client.get(
            path, ({"api-version": version} if version else {}) | query, headers=headers
        )

    return ask


@pytest.fixture
def registry():
    return factories.a_registry(
        name="Main", resource_group="Group-1", location="https://user@hub.example:5000/"
    )


@pytest.fixture
def reader(registry):
    return factories.a_user(on=registry.subscription)


@pytest.fixture
def image(registry):
    return factories.an_image(factories.a_repository(registry, name="team/shop"), tags=("1.0",))
