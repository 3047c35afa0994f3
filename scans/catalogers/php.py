"""PHP: vendor/composer/installed.json, which Composer writes with every installation.

Source: Composer\\Repository\\FilesystemRepository; a list of packages before Composer 2, and below
"packages" since. What PEAR and PECL install is not read.
"""

from collections.abc import Iterator
from typing import BinaryIO

from scans.catalogers.component import UNKNOWN_VERSION, Cataloger, Component, Unreadable
from scans.catalogers.json_document import as_dict, as_text, load


def wants(path: str) -> bool:
    """Only "vendor" may be called otherwise."""
    return f"/{path}".endswith("/composer/installed.json")


def read(path: str, file: BinaryIO) -> Iterator[Component]:
    document = load(file)
    packages = document.get("packages") if isinstance(document, dict) else document
    if not isinstance(packages, list):
        raise Unreadable("It lists no packages, as Composer does.")
    for package in map(as_dict, packages):
        if name := as_text(package.get("name")):
            version = as_text(package.get("version")) or UNKNOWN_VERSION
            yield Component("composer", name, version)


CATALOGER = Cataloger(
    "php", wants, read, largest=4 * 1024 * 1024, names=frozenset({"installed.json"})
)
