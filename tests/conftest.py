"""What every test stands on: a private PostgreSQL of the tests' own unless DATABASE_URL names one."""

import os
import signal
import tempfile
from pathlib import Path

import pytest

pytest_plugins = ["tests.registry_server"]

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_xdist_suffix):
    """Start a private PostgreSQL for this run, when the first test asks for the database.

    Settings were read before any fixture, so the connection is pointed to it here.
    """
    if "DATABASE_URL" in os.environ:
        yield
        return
    from django.db import connections

    from config import embedded

    with tempfile.TemporaryDirectory(prefix="vigie-tests-", ignore_cleanup_errors=True) as folder:
        data_dir = Path(folder)
        server = embedded.start_postgres(data_dir)
        connections.settings["default"]["HOST"] = str(embedded.socket_dir(data_dir))
        yield
        embedded.stop(server, signal.SIGINT)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """The ledger refuses TRUNCATE, which is how a transactional test is cleared away. The tests'
    own database does without that one trigger; a test of the ledger turns it on for itself."""
    from django.db import connection

    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE billing_charge DISABLE TRIGGER append_only_whole")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real images and advisories, where this machine has them beside the checkout."""
    folder = Path(os.environ.get("VIGIE_SHARED_DATA", SHARED))
    if not (folder / "data").is_dir():
        pytest.skip(f"no real images and advisories in {folder} (VIGIE_SHARED_DATA names another)")
    return folder
