"""A feed changes: how long until every image that holds the packages is judged anew.

Ratios are against importing and judging the whole estate for the first time in the same run.
"""

from time import perf_counter

import pytest

from findings import advisories, evaluation
from findings.models import Feed, Finding, ImageVerdict
from tests.benchmarks import estate
from tests.benchmarks.figures import Figures

IMAGES, RECORDS, CHANGED = 10_000, 20_000, 500


@pytest.mark.bench
@pytest.mark.django_db(transaction=True)
def test_reevaluation_after_a_feed_change(tmp_path, figures: Figures):
    estate.build(IMAGES)
    feed = Feed.objects.create(name="bench", location=str(tmp_path))
    whole = _import_and_judge("everything", feed, tmp_path, 1, figures)
    part = _import_and_judge(f"{CHANGED} records changed", feed, tmp_path, 2, figures)
    same = _import_and_judge("nothing changed", feed, tmp_path, 2, figures)
    figures.say(f"ratio of a change to everything: {part / whole:.3f}")
    figures.say(f"ratio of no change to everything: {same / whole:.3f}")
    figures.say(f"images: {ImageVerdict.objects.count():,}")
    figures.say(f"finding rows: {Finding.objects.count():,}, bytes pulled: 0")


def _import_and_judge(what: str, feed: Feed, folder, revision: int, figures: Figures) -> float:
    estate.write_feed(folder, RECORDS, revision, CHANGED)
    start = perf_counter()
    changed = advisories.update(feed)
    imported = perf_counter()
    judged = evaluation.evaluate()
    end = perf_counter()
    figures.say(
        f"{what}: import {imported - start:.1f} s ({changed:,} records), "
        f"evaluation {end - imported:.1f} s ({judged:,} sets and images)"
    )
    assert not feed.problem
    return end - start
