"""The demo as a newcomer meets it, from an empty folder and then again."""

import re
import signal
from pathlib import Path

from tests.config.vigie import Vigie, assert_stops, start, wait_for

VERDICTS = {
    "base/debian:12": "unhealthy",
    "base/alpine:3.19": "unhealthy",
    "shop/api:1.4": "unhealthy",
    "shop/front:2.0": "unhealthy",
    "shop/web:latest": "healthy",
    "shop/web@sha256:": "unhealthy",
    "tools/backup:1.0": "healthy",
    "tools/agent:ltsc2022": "unverified",
    "tools/probe:1.0": "unverified",
}


def shown(vigie: Vigie) -> str:
    """What it has printed when it is ready."""
    wait_for(lambda: "ready at" in vigie.output or vigie.process.poll(), "end of the demo")
    assert vigie.process.poll() is None, vigie.output
    return vigie.output


def test_the_demo_shows_every_kind_of_verdict_and_may_be_run_twice(tmp_path: Path) -> None:
    first = start(tmp_path, "config.demo")
    output = shown(first)
    for image, verdict in VERDICTS.items():
        assert re.search(rf"{re.escape(image)}\S*\s+{verdict}\b", output), output
    images = first.ask_database("SELECT count(*) FROM registries_image")
    scans = first.ask_database("SELECT count(*) FROM scans_scan")
    assert_stops(first, signal.SIGINT)

    second = start(tmp_path, "config.demo")
    assert table(shown(second)) == table(output)
    assert second.ask_database("SELECT count(*) FROM registries_image") == images
    assert second.ask_database("SELECT count(*) FROM scans_scan") == scans
    assert_stops(second, signal.SIGINT)


def table(output: str) -> list[list[str]]:
    rows = (line.split() for line in output.splitlines() if ":" in line)
    return sorted(row for row in rows if set(VERDICTS.values()) & set(row))
