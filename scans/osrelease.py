"""os-release: which distribution an image is of, and the name its advisories go by.

Source: os-release(5); the ecosystems' names are those of the OSV schema.
"""

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass

PATHS = ("etc/os-release", "usr/lib/os-release")  # the first one that exists counts

_MAX_ID = 60
_MAX_NAME = 200


@dataclass(frozen=True)
class Distro:
    """`ecosystem` is "" where no advisories are known to exist for exactly this release."""

    id: str
    version_id: str
    name: str
    ecosystem: str

    @property
    def package_type(self) -> str:
        """The type of the distribution's own packages: deb, apk, rpm, or "" if not known."""
        return _PACKAGE_TYPES.get(self.id, "")


def parse(body: bytes) -> Distro:
    """Read an os-release file; whatever cannot be read in it is "" in the answer."""
    values = _values(body)
    identifier = _printable(values.get("ID", ""), _MAX_ID).lower()
    version = _printable(values.get("VERSION_ID", ""), _MAX_ID)
    name = values.get("PRETTY_NAME") or f"{values.get('NAME', identifier)} {version}".strip()
    return Distro(identifier, version, _printable(name, _MAX_NAME), _ecosystem(identifier, version))


def _values(body: bytes) -> dict[str, str]:
    values = {}
    for line in body[:65536].decode("utf-8", "replace").split("\n"):
        key, separator, value = line.strip().partition("=")
        if separator and not key.startswith("#"):
            values[key] = _unquoted(value)
    return values


def _unquoted(value: str) -> str:
    try:
        return "".join(shlex.split(value[:1000]))
    except ValueError:  # an unbalanced quote
        return value.strip("\"'")


def _printable(value: str, limit: int) -> str:
    return "".join(filter(str.isprintable, value))[:limit]


def _ecosystem(identifier: str, version: str) -> str:
    release = _RELEASES.get(identifier)
    return release(version) if release else ""


def _named(name: str, pattern: str) -> Callable[[str], str]:
    """The name and the release, which is the first group of the pattern in the version."""
    expression = re.compile(pattern, re.ASCII)

    def release(version: str) -> str:
        match = expression.fullmatch(version)
        return f"{name}{match[1]}" if match else ""

    return release


def _ubuntu(version: str) -> str:
    """Long-term support is April of even years: the file does not always say it."""
    match = re.fullmatch(r"(\d\d)\.(\d\d)", version, re.ASCII)
    if not match:
        return ""
    long_term = int(match[1]) % 2 == 0 and match[2] == "04"
    return f"Ubuntu:{version}:LTS" if long_term else f"Ubuntu:{version}"


# Debian testing has no VERSION_ID and Alpine edge an "_alpha" in it: neither is a release that
# advisories speak of, so neither has an ecosystem.
_RELEASES: dict[str, Callable[[str], str]] = {
    "debian": _named("Debian:", r"(\d{1,4})(?:\.\d+)?"),
    "ubuntu": _ubuntu,
    "alpine": _named("Alpine:v", r"(\d{1,4}\.\d{1,4})(?:\.\d+)*"),
    "almalinux": _named("AlmaLinux:", r"(\d{1,4})(?:\.\d+)?"),
    "rocky": _named("Rocky Linux:", r"(\d{1,4})(?:\.\d+)?"),
    "mageia": _named("Mageia:", r"(\d{1,4})"),
    "photon": _named("Photon OS:", r"(\d{1,4}\.\d{1,4})"),
    "azurelinux": _named("Azure Linux:", r"(\d{1,4})(?:\.\d+)*"),
    "wolfi": lambda version: "Wolfi",
    "chainguard": lambda version: "Chainguard",
}

_PACKAGE_TYPES = {
    **dict.fromkeys(["debian", "ubuntu", "raspbian", "kali", "linuxmint", "devuan"], "deb"),
    **dict.fromkeys(["alpine", "wolfi", "chainguard", "postmarketos", "alpaquita"], "apk"),
    **dict.fromkeys(["almalinux", "rocky", "rhel", "centos", "fedora", "ol", "amzn"], "rpm"),
    **dict.fromkeys(["mageia", "photon", "azurelinux", "mariner", "openeuler"], "rpm"),
    **dict.fromkeys(["sles", "sled", "suse", "sle_hpc", "opensuse-leap"], "rpm"),
    **dict.fromkeys(["opensuse-tumbleweed", "opensuse"], "rpm"),
}
