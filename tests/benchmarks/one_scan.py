"""Claim one scan, read the image, judge it; run by test_scan in a process of its own.

Prints as JSON, in seconds, {"claim", "index", "store", "match"}, where storing is a part of
indexing, and the number of queries indexing took.
"""

import json
import sys
from collections import Counter
from time import perf_counter

import django

django.setup()

from django.db import connection  # noqa: E402

from findings import evaluation  # noqa: E402
from scans import indexing, queue  # noqa: E402

took: Counter[str] = Counter()


def timed(name, step):
    def run(*arguments):
        start = perf_counter()
        try:
            return step(*arguments)
        finally:
            took[name] += perf_counter() - start

    return run


def count(execute, *arguments):
    took["queries"] += 1
    return execute(*arguments)


connection.ensure_connection()
indexing._keep = timed("store", indexing._keep)
indexing.store = timed("store", indexing.store)
scan = timed("claim", queue.claim)()
with connection.execute_wrapper(count):
    timed("index", indexing.index)(scan)
timed("match", evaluation.evaluate)()
sys.stdout.write(json.dumps(took))
