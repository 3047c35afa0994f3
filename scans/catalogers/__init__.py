"""One file per package database. To add one: copy a neighbour and its test, add a line to
CATALOGERS, and raise VERSION, which makes every layer due to be read again."""

from scans.catalogers import apk, dpkg, npm, python
from scans.catalogers.component import UNKNOWN_VERSION, Cataloger, Component, storable

VERSION = 1

CATALOGERS = (dpkg.CATALOGER, apk.CATALOGER, python.CATALOGER, npm.CATALOGER)

# Types whose packages stand together in a database that every layer rewrites as a whole.
DISTRIBUTION_TYPES = frozenset({"deb", "apk", "rpm"})

__all__ = [
    "CATALOGERS",
    "DISTRIBUTION_TYPES",
    "UNKNOWN_VERSION",
    "VERSION",
    "Cataloger",
    "Component",
    "storable",
]
