"""R's order, as in package_version(): numbers between dots and dashes, less before more."""

import re

from findings.versions.parts import numbers

_VERSION = re.compile(r"[0-9]+(?:[.-][0-9]+)*")


def key(version: str) -> bytes | None:
    return numbers(re.split("[.-]", version)) if _VERSION.fullmatch(version) else None
