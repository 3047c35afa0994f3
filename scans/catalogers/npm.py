"""npm: every package.json that names a package, wherever it stands.

Installed packages lie in node_modules, but not only: applications, workspaces and vendored copies
have theirs elsewhere, and are published under the same names.
"""

from collections.abc import Iterator
from typing import BinaryIO

from scans.catalogers.component import UNKNOWN_VERSION, Cataloger, Component, Unreadable
from scans.catalogers.json_document import as_dict, as_text, load


def wants(path: str) -> bool:
    return path.endswith("package.json") and path[-13:-12] in ("/", "")


def read(path: str, file: BinaryIO) -> Iterator[Component]:
    """No name is common (it only marks a folder as ES modules) and is nothing to report; nor is
    what Node cannot read either (packages are tested with such files, and ship their tests)."""
    try:
        document = as_dict(load(file))
    except Unreadable:
        return
    if name := as_text(document.get("name")):
        yield Component("npm", name, as_text(document.get("version")) or UNKNOWN_VERSION)


# A decoded document is some thirty times its text when it is hostile.
CATALOGER = Cataloger(
    "npm", wants, read, largest=4 * 1024 * 1024, names=frozenset({"package.json"})
)
