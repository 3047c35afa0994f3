"""The lock files hold what pyproject.toml asks for; no network is needed to say so."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUNTIME = PROJECT["project"]["dependencies"]
DEVELOPMENT = PROJECT["dependency-groups"]["dev"]
LOCKS = {"requirements.lock": RUNTIME, "requirements-dev.lock": [*RUNTIME, *DEVELOPMENT]}


def locked(name: str) -> dict[str, str]:
    """Package → its block in the lock: version, hashes, and by whom it is wanted."""
    blocks = re.split(r"^(?=[A-Za-z0-9])", (ROOT / name).read_text(), flags=re.MULTILINE)
    return {canonicalize_name(block.partition("==")[0]): block for block in blocks if "==" in block}


def version(block: str) -> str:
    return block.partition("==")[2].split()[0]


@pytest.mark.parametrize("lock", LOCKS)
def test_what_the_project_asks_for_is_what_the_lock_was_made_for(lock: str) -> None:
    asked = {canonicalize_name(Requirement(line).name) for line in LOCKS[lock]}
    wanted = {name for name, block in locked(lock).items() if "vigie (pyproject.toml" in block}
    assert asked == wanted, "run `make lock`"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_version_is_one_the_project_accepts_and_has_a_hash(lock: str) -> None:
    blocks = locked(lock)
    for requirement in map(Requirement, LOCKS[lock]):
        block = blocks[canonicalize_name(requirement.name)]
        assert version(block) in requirement.specifier, f"{requirement}: run `make lock`"
    assert [name for name, block in blocks.items() if "--hash=sha256:" not in block] == []


def test_what_is_tested_is_what_runs() -> None:
    runtime, development = (locked(name) for name in LOCKS)
    assert {name: version(block) for name, block in runtime.items()}.items() <= {
        name: version(block) for name, block in development.items()
    }.items()


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_place_to_download_from(lock: str) -> None:
    assert "://" not in (ROOT / lock).read_text()
