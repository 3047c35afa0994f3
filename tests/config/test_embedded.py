"""What the private database and broker refuse, and the secrets kept beside them."""

import stat
from pathlib import Path

import pytest

from config import embedded


@pytest.fixture
def sockets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return embedded.socket_dir(tmp_path / "data")


def test_a_socket_folder_others_can_reach_is_refused(tmp_path: Path, sockets: Path) -> None:
    sockets.mkdir(mode=0o755)
    with pytest.raises(embedded.EmbeddedError, match="not a folder that belongs to you alone"):
        embedded.launch_broker(tmp_path / "data")


def test_a_socket_folder_that_is_a_link_is_refused(tmp_path: Path, sockets: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    sockets.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(embedded.EmbeddedError, match="not a folder that belongs to you alone"):
        embedded.launch_postgres(tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_a_secret_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "secret-key"
    first = embedded.kept_secret(path, length=50)
    assert len(first) > 50
    assert embedded.kept_secret(path, length=50) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]
