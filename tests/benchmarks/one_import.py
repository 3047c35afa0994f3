"""Import the feed whose id is given; run by test_feeds in a process of its own.

Prints {"seconds", "changed", "problem"} as JSON.
"""

import json
import sys
from time import perf_counter

import django

django.setup()

from findings import advisories  # noqa: E402
from findings.models import Feed  # noqa: E402

feed = Feed.objects.get(pk=int(sys.argv[1]))
start = perf_counter()
changed = advisories.update(feed)
sys.stdout.write(
    json.dumps({"seconds": perf_counter() - start, "changed": changed, "problem": feed.problem})
)
