"""Claim one scan, read the image, judge it; run by test_scan in a process of its own.

Prints {"claim", "index", "evaluate"} in seconds, and how many queries indexing took, as JSON.
"""

import json
import sys
from time import perf_counter

import django

django.setup()

from django.db import connection  # noqa: E402

from findings import evaluation  # noqa: E402
from scans import indexing, queue  # noqa: E402


def main() -> None:
    queries = 0

    def count(execute, sql, params, many, context):
        nonlocal queries
        queries += 1
        return execute(sql, params, many, context)

    connection.ensure_connection()
    moments = [perf_counter()]
    scan = queue.claim()
    moments.append(perf_counter())
    with connection.execute_wrapper(count):
        indexing.index(scan)
    moments.append(perf_counter())
    evaluation.evaluate()
    moments.append(perf_counter())
    steps = [after - before for before, after in zip(moments, moments[1:], strict=False)]
    names = ("claim", "index", "evaluate")
    sys.stdout.write(json.dumps({**dict(zip(names, steps, strict=True)), "queries": queries}))


main()
