import pytest

from registries.models import Role
from tests.factories import a_subscription, a_user


@pytest.fixture
def subscription(db):
    return a_subscription(display_name="Retail")


@pytest.fixture
def reader(client, subscription):
    """Someone who may look at one subscription, logged in."""
    user = a_user(subscription, Role.READER)
    client.force_login(user)
    return user


@pytest.fixture
def owner(client, subscription):
    user = a_user(subscription, Role.OWNER)
    client.force_login(user)
    return user
