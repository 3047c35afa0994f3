"""Versions as bytes: one key per version, and the order of the keys is the order of the versions.

Equal versions have equal keys, so "is this version affected" is two comparisons of bytes, in Python
or in an index of the database. No key is kept for what the ecosystem itself could not order: that
version is *unknown*, which is never "not affected".
"""

from collections.abc import Callable
from functools import lru_cache

from findings.versions import (
    apk,
    composer,
    cran,
    deb,
    gem,
    hackage,
    maven,
    nuget,
    pep440,
    pub,
    rpm,
    semver,
)

# Raise it when an ordering is added or changed: keys are made anew.
VERSION = 1

# Longer than any version in use, short enough that no version can cost anything.
MAX_LENGTH = 300

# The ecosystem as OSV spells it, without its release → its ordering. Ecosystems that are not here
# have none: their versions are unknown.
ENCODERS: dict[str, Callable[[str], bytes | None]] = {
    "Debian": deb.key,
    "Ubuntu": deb.key,
    "Echo": deb.key,
    "Alpine": apk.key,
    "Wolfi": apk.key,
    "Chainguard": apk.key,
    "MinimOS": apk.key,
    "AlmaLinux": rpm.key,
    "Rocky Linux": rpm.key,
    "Red Hat": rpm.key,
    "SUSE": rpm.key,
    "openSUSE": rpm.key,
    "Mageia": rpm.key,
    "openEuler": rpm.key,
    "Photon OS": rpm.key,
    "Azure Linux": rpm.key,
    "PyPI": pep440.key,
    "npm": semver.key,
    "crates.io": semver.key,
    "Go": semver.key,
    "Bitnami": nuget.key,  # semantic versions, and those of Java, which may have four numbers
    "Hex": semver.key,
    "SwiftURL": semver.key,
    "Pub": pub.key,
    "Maven": maven.key,
    "RubyGems": gem.key,
    "NuGet": nuget.key,
    "Packagist": composer.key,
    "CRAN": cran.key,
    "Hackage": hackage.key,
}


def encode(ecosystem: str, version: str) -> bytes | None:
    """The sortable key of a version, or None where it is unknown.

    `ecosystem` is OSV's name and may carry a release: "Debian:12", "Alpine:v3.19", "PyPI".
    """
    storable = len(version) <= MAX_LENGTH and "\0" not in version  # which no database column takes
    return _encode(family(ecosystem), version) if storable else None


# A package's versions are listed by each of its advisories: PyPI is read in a third of the time.
@lru_cache(maxsize=32_768)
def _encode(family: str, version: str) -> bytes | None:
    encoder = ENCODERS.get(family)
    return encoder(version) if encoder else None


def end(ecosystem: str, version: str) -> bytes | None:
    """The least key above all that a version names: of an rpm's without a release, all releases."""
    key = encode(ecosystem, version)
    if key is not None and ENCODERS[family(ecosystem)] is rpm.key:
        return rpm.end(key)
    return None if key is None else key + b"\0"


def family(ecosystem: str) -> str:
    """An ecosystem without its release: "Ubuntu:22.04:LTS" is of the family "Ubuntu"."""
    return ecosystem.partition(":")[0]
