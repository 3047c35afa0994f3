"""Haskell's order, as in Data.Version: numbers between dots, less before more."""

import re

from findings.versions.parts import numbers

_VERSION = re.compile(r"[0-9]+(?:\.[0-9]+)*")


def key(version: str) -> bytes | None:
    return numbers(version.split(".")) if _VERSION.fullmatch(version) else None
