"""What every test stands on: a private PostgreSQL of the tests' own unless DATABASE_URL names one."""

import os
import signal
import tempfile
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


def pytest_configure(config: pytest.Config) -> None:
    """Settings are read after this: point them at a folder of this run's own."""
    if "VIGIE_DATA_DIR" not in os.environ:
        folder = tempfile.TemporaryDirectory(prefix="vigie-tests-", ignore_cleanup_errors=True)
        config.add_cleanup(folder.cleanup)
        os.environ["VIGIE_DATA_DIR"] = folder.name


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_xdist_suffix):
    """Start the private PostgreSQL only when a test asks for the database."""
    if "DATABASE_URL" in os.environ:
        yield
        return
    from config import embedded

    server = embedded.start_postgres(Path(os.environ["VIGIE_DATA_DIR"]))
    yield
    embedded.stop(server, signal.SIGINT)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real images and advisories, where this machine has them beside the checkout."""
    folder = Path(os.environ.get("VIGIE_SHARED_DATA", SHARED))
    if not (folder / "data").is_dir():
        pytest.skip(f"no real images and advisories in {folder} (VIGIE_SHARED_DATA names another)")
    return folder
