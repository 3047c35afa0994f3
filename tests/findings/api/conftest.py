import pytest

from registries import tokens


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
