import pytest

from registries import tasks
from registries.models import Role
from tests.factories import a_subscription, a_user


@pytest.fixture
def subscription(db):
    return a_subscription(display_name="Retail")


@pytest.fixture
def contributor(client, subscription):
    user = a_user(subscription, Role.CONTRIBUTOR)
    client.force_login(user)
    return user


@pytest.fixture
def walks(monkeypatch):
    """The registries whose walk was asked for; no broker is needed."""
    asked = []
    monkeypatch.setattr(tasks.walk, "apply_async", lambda args, **_: asked.append(args[0]))
    return asked
