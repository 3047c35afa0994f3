"""Vigie started for real and stopped in every way there is."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.config.vigie import (
    PARTS,
    SECONDS,
    Vigie,
    assert_stops,
    command,
    end,
    free_port,
    start,
    wait_for,
)


@pytest.fixture(scope="module")
def vigie(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vigie]:
    running = start(tmp_path_factory.mktemp("running"))
    yield running
    end(running)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_killed_is_started_again(vigie: Vigie, part: str) -> None:
    killed = wait_for(lambda: vigie.leaders(part), part)
    for pid in killed:
        os.kill(pid, signal.SIGKILL)

    wait_for(lambda: vigie.leaders(part) - killed, f"new {part}")
    wait_for(lambda: vigie.ask_database("SELECT count(*) FROM auth_user"), "database")
    wait_for(vigie.worker_answers, "answer from the worker")
    wait_for(vigie.answers, "answer from the web")
    assert f"{part:<8} | killed by SIGKILL; starting it again" in vigie.output


def test_a_second_vigie_on_the_same_folder_is_refused(vigie: Vigie) -> None:
    second = subprocess.run(
        **command(vigie.data_dir, vigie.port), capture_output=True, text=True, timeout=SECONDS
    )
    assert second.returncode == 1
    assert f"already runs on {vigie.data_dir} (process {vigie.process.pid})" in second.stderr
    assert vigie.answers()


def test_a_port_that_is_taken_is_said_in_one_sentence(vigie: Vigie, tmp_path: Path) -> None:
    second = subprocess.run(
        **command(tmp_path, vigie.port), capture_output=True, text=True, timeout=SECONDS
    )
    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert f"cannot listen on 127.0.0.1 port {vigie.port}" in second.stderr
    assert not (tmp_path / "postgres").exists()


def test_ctrl_c_stops_everything_and_a_second_start_finds_its_data(tmp_path: Path) -> None:
    first = start(tmp_path)
    wait_for(first.worker_answers, "answer from the worker")
    joined = first.ask_database("SELECT username, date_joined FROM auth_user")
    assert "log in as admin with the password " in first.output
    assert_stops(first, signal.SIGINT)

    second = start(tmp_path)
    assert second.ask_database("SELECT username, date_joined FROM auth_user") == joined
    assert "password" not in second.output
    assert_stops(second, signal.SIGTERM)


def test_killing_the_supervisor_leaves_nothing_running(tmp_path: Path) -> None:
    vigie = start(tmp_path)
    wait_for(vigie.worker_answers, "answer from the worker")
    assert len(vigie.pids()) > len(PARTS)
    end(vigie)

    wait_for(lambda: vigie.pids() == set(), "end of every process")
    assert vigie.lock_is_free()


def test_a_database_that_cannot_start_ends_the_start_with_what_it_said(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir(mode=0o700)
    (tmp_path / "postgres" / "PG_VERSION").write_text("9.6\n")
    refused = subprocess.run(
        **command(tmp_path, free_port()), capture_output=True, text=True, timeout=SECONDS
    )
    assert refused.returncode == 1
    assert "database | postgres: could not access" in refused.stdout
    assert refused.stderr == "The database does not start: its lines above say why.\n"
