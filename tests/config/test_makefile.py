"""`make env` on machines with too little, and again on one that has it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Stands in for Python: new enough, and its environment's own Python writes down what it is asked.
GOOD = """#!/bin/sh
if [ "$2" = venv ]; then mkdir -p .venv/bin; cp "$0" .venv/bin/python; touch .venv/pyvenv.cfg; fi
if [ "$2" = pip ]; then echo "$@" >> asked; fi
"""
OLD = """#!/bin/sh
if [ "$1" = --version ]; then echo Python 3.9.2; else exit 1; fi
"""
WITHOUT_VENV = """#!/bin/sh
case "$2" in *version_info*) exit 0;; *) exit 1;; esac
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "requirements.lock").write_text("one\n")
    return tmp_path


def make_env(folder: Path, python: str) -> subprocess.CompletedProcess:
    path = folder / "tools" / "python3"
    path.parent.mkdir(exist_ok=True)
    path.write_text(python)
    path.chmod(0o755)
    return subprocess.run(
        ["make", "env", "BASE=python3"],
        cwd=folder,
        env={"PATH": f"{path.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )


def test_an_old_python_is_refused_in_one_sentence(folder: Path) -> None:
    made = make_env(folder, OLD)
    assert made.returncode != 0
    assert "Vigie needs Python 3.11 or newer, and Python 3.9.2 is all there is" in made.stderr


def test_a_python_without_its_venv_module_is_told_what_to_install(folder: Path) -> None:
    made = make_env(folder, WITHOUT_VENV)
    assert made.returncode != 0
    assert "python3 cannot make environments: install its venv module" in made.stderr


def test_the_environment_comes_from_the_lock_with_hashes_required(folder: Path) -> None:
    assert make_env(folder, GOOD).returncode == 0
    asked = (folder / "asked").read_text()
    assert "--require-hashes -r requirements.lock" in asked


def test_making_it_again_does_nothing_until_the_lock_changes(folder: Path) -> None:
    make_env(folder, GOOD)
    (folder / "asked").unlink()

    assert make_env(folder, GOOD).returncode == 0
    assert not (folder / "asked").exists()

    stamp = (folder / ".venv" / "runtime").stat().st_mtime
    os.utime(folder / "requirements.lock", (stamp + 5, stamp + 5))
    assert make_env(folder, GOOD).returncode == 0
    assert (folder / "asked").exists()
