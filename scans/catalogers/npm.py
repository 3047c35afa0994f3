"""npm: every package.json that names a package, wherever it stands.

Installed packages lie in node_modules, but not only: applications, workspaces and vendored copies
have theirs elsewhere, and are published under the same names.
"""

from collections.abc import Iterator
from typing import BinaryIO

import orjson

from scans.catalogers.component import UNKNOWN_VERSION, Cataloger, Component


def wants(path: str) -> bool:
    return path.endswith("package.json") and path[-13:-12] in ("/", "")


def read(path: str, file: BinaryIO) -> Iterator[Component]:
    """No name is common (it only marks a folder as ES modules) and is nothing to report."""
    try:
        document = orjson.loads(file.read())  # refuses what is nested too deeply
    except orjson.JSONDecodeError:
        return
    if not isinstance(document, dict):
        return
    name, version = document.get("name"), document.get("version")
    if not isinstance(version, str) or not version:
        version = UNKNOWN_VERSION
    if isinstance(name, str):
        yield Component("npm", name, version)


# A decoded document is some thirty times its text when it is hostile.
CATALOGER = Cataloger(
    "npm", wants, read, largest=4 * 1024 * 1024, names=frozenset({"package.json"})
)
