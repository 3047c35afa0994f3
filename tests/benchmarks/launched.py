"""Run a program in a process of its own and say what it took: seconds, processor and peak memory.

As a script it is the launcher in between. A child inherits the peak of the process it was forked
from, so what launches the measured program has to be small itself.
"""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from urllib.parse import quote


@dataclass(frozen=True)
class Took:
    """`peak` in bytes: the largest process among the program and its children."""

    seconds: float
    processor: float
    peak: int
    output: str


def run(argv: Sequence[str], environment: Mapping[str, str] | None = None) -> Took:
    """Raises CalledProcessError, with the program's own words, where it fails."""
    done = subprocess.run(
        [sys.executable, __file__, *argv],
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Took(**json.loads(done.stdout))


def database_environment() -> dict[str, str]:
    """What makes a program stand on this run's own database."""
    from django.db import connection  # here, to keep the launcher small

    database = connection.settings_dict
    login, host = quote(database["USER"]), quote(str(database["HOST"]), safe="")
    if database["PASSWORD"]:
        login += ":" + quote(database["PASSWORD"], safe="")
    if database["PORT"]:
        host += f":{database['PORT']}"
    return {
        "DATABASE_URL": f"postgres://{login}@{host}/{database['NAME']}",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }


def _launch(argv: Sequence[str]) -> Took:
    start = perf_counter()
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True)
    seconds = perf_counter() - start
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Took(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, done.stdout)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(vars(_launch(sys.argv[1:]))))
