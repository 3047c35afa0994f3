"""Read one layer; run by test_jars in a process of its own.

Prints as JSON {"seconds", "entries", "packages", "problems"}.
"""

import json
import sys
from pathlib import Path
from time import perf_counter

from scans.layers import read_layer

start = perf_counter()
with Path(sys.argv[1]).open("rb") as file:
    record = read_layer(iter(lambda: file.read(2**18), b""))
found = {
    "seconds": perf_counter() - start,
    "entries": record.entries,
    "packages": sum(len(content) for content in record.files.values()),
    "problems": [problem.sentence for problem in record.problems.values()],
}
sys.stdout.write(json.dumps(found))
