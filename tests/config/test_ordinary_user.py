"""The private PostgreSQL as root, on machines with and without user namespaces."""

import os
import pwd
import signal
from pathlib import Path

import psycopg
import pytest

from config import embedded, ordinary_user

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root needs to become someone else")


@as_root
@pytest.mark.parametrize("allowed", [True, False])
def test_root_starts_postgres_again_and_again_in_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: bool
) -> None:
    if allowed and not ordinary_user._namespaces_are_allowed():
        pytest.skip("this machine allows no user namespace")
    monkeypatch.setattr(ordinary_user, "_namespaces_are_allowed", lambda: allowed)
    for made in ("first", "second"):
        server = embedded.start_postgres(tmp_path)
        try:
            sockets = str(embedded.socket_dir(tmp_path))
            with psycopg.connect(host=sockets, user="postgres", dbname="vigie") as connection:
                connection.execute(f"CREATE TABLE {made} ()")
        finally:
            embedded.stop(server, signal.SIGINT)
        assert server.returncode == 0
    owner = 0 if allowed else ordinary_user.NOBODY
    assert (tmp_path / "postgres").stat().st_uid == owner


def test_an_ordinary_user_stays_who_he_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: pwd.getpwnam("daemon").pw_uid)
    ordinary_user.take_over(tmp_path)
    ordinary_user.become(tmp_path)()
    assert tmp_path.stat().st_uid == os.getuid()
