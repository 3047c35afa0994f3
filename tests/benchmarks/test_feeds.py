"""The import of a large feed: time and peak memory, the first time and when little has changed.

Ratios are against reading the same feed and doing nothing else: unzip, parse, compute keys.
"""

import json
import sys
from pathlib import Path
from time import perf_counter

import pytest

from findings.feeds import osv
from findings.feeds.sources import open_source
from findings.models import Advisory, Feed
from tests.benchmarks import estate, launched
from tests.benchmarks.figures import Figures
from tests.benchmarks.launched import database_environment

RECORDS, CHANGED = 200_000, 500


@pytest.mark.bench
@pytest.mark.django_db(transaction=True)
def test_import_of_a_large_feed(tmp_path, figures: Figures):
    estate.write_feed(tmp_path, RECORDS)
    feed = Feed.objects.create(name="bench", location=str(tmp_path))
    reading = _read(tmp_path)
    figures.say(f"{RECORDS:,} records; reading them alone {reading:.1f} s")
    _import("the first time", feed, reading, figures)
    estate.write_feed(tmp_path, RECORDS, revision=2, changed=CHANGED)
    _import(f"{CHANGED} records changed", feed, reading, figures)
    assert Advisory.objects.count() == RECORDS


def _read(folder: Path) -> float:
    start = perf_counter()
    with open_source(str(folder)) as source:
        for _, raw in source:
            osv.parse(raw)
    return perf_counter() - start


def _import(what: str, feed: Feed, reading: float, figures: Figures) -> None:
    script = [sys.executable, "-m", "tests.benchmarks.one_import", str(feed.pk)]
    took = launched.run(script, database_environment())
    imported = json.loads(took.output)
    assert not imported["problem"]
    figures.say(
        f"{what}: {imported['seconds']:.1f} s, {imported['seconds'] / reading:.2f} of reading "
        f"({imported['changed']:,} records), peak memory {took.peak / 1e6:.0f} MB"
    )
