"""What every test stands on: a private PostgreSQL, unless DATABASE_URL names another."""

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from django.conf import settings
from django.db import connection, connections

from config import embedded

pytest_plugins = ["tests.registry_server"]

if "CI" not in os.environ:  # where it is set, hypothesis has no deadline either
    hypothesis.settings.register_profile("busy machine", deadline=None)
    hypothesis.settings.load_profile("busy machine")

SHARED = Path(__file__).resolve().parents[2] / "shared"


class PrivatePostgres:
    """The tests' own PostgreSQL; a test of crashes may restart it."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.start()

    def start(self) -> None:
        self._server = embedded.start_postgres(self.data_dir)

    def stop(self, how: int = signal.SIGINT) -> None:
        embedded.stop(self._server, how)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PrivatePostgres | None]:
    """None where DATABASE_URL names a server that is not ours to stop."""
    if "DATABASE_URL" in os.environ:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="vigie-tests-", ignore_cleanup_errors=True) as folder:
        server = PrivatePostgres(Path(folder))
        yield server
        server.stop()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_xdist_suffix, postgres):
    """Point the connection to the server of this run: settings were read before any fixture."""
    if postgres:
        sockets = embedded.socket_dir(postgres.data_dir)
        connections.settings["default"]["HOST"] = str(sockets)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """The ledger refuses TRUNCATE, which is how a transactional test is cleared away. The tests'
    own database does without that one trigger; a test of the ledger turns it on for itself."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE billing_charge DISABLE TRIGGER append_only_whole")


@pytest.fixture(autouse=True, scope="session")
def layouts_anywhere():
    """Registries of kind layout may lie anywhere: tests make them in temporary folders."""
    settings.LAYOUT_ROOTS = [Path("/")]


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real images and advisories, where this machine has them beside the checkout."""
    folder = Path(os.environ.get("VIGIE_SHARED_DATA", SHARED))
    if not (folder / "data").is_dir():
        pytest.skip(f"no real images and advisories in {folder} (VIGIE_SHARED_DATA names another)")
    return folder
