"""Which distribution an image is of, and the name its advisories go by: from os-release, or, where
there is none, from the older files that say it.

Source: os-release(5); the ecosystems' names are those of the OSV schema, but one for every release:
"SUSE:15.4" is "SUSE:Linux Enterprise Server 15 SP4", and "Red Hat:9" all its repositories.
"""

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_MAX_ID = 60
_MAX_NAME = 200
_MAX_BYTES = 65536


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


def parse(body: bytes, path: str = "etc/os-release") -> Distro:
    """Read one of FILES; whatever cannot be read in it is "" in the answer."""
    return FILES[path](body[:_MAX_BYTES].decode("utf-8", "replace"))


# --- files --------------------------------------------------------------------------------------


def _os_release(text: str) -> Distro:
    values = _values(text)
    version = values.get("VERSION_ID", "")
    name = values.get("PRETTY_NAME") or f"{values.get('NAME', values.get('ID', ''))} {version}"
    return _distro(values.get("ID", ""), version, name)


def _lsb_release(text: str) -> Distro:
    values = _values(text)
    identifier, version = values.get("DISTRIB_ID", ""), values.get("DISTRIB_RELEASE", "")
    name = values.get("DISTRIB_DESCRIPTION") or f"{identifier} {version}"
    return _distro(identifier, version, name)


def _alpine_release(text: str) -> Distro:
    """A version, and nothing else."""
    version = text.strip()
    return _distro("alpine", version, f"Alpine Linux {version}") if version else _distro("", "", "")


def _debian_version(text: str) -> Distro:
    """A version, or the name of the next one: "bookworm/sid" before it was 12."""
    version = text.strip()
    released = re.match(r"\d+(?=\.|$)", version, re.ASCII)
    name = f"Debian {version}" if version else ""
    return _distro("debian" if version else "", released[0] if released else "", name)


def _prose(text: str) -> Distro:
    """A line such as "CentOS release 6.10 (Final)"; SUSE's service pack is a line of its own."""
    name = text.strip().partition("\n")[0].strip()
    identifier = next((_NAMES[start] for start in _NAMES if name.startswith(start)), "")
    found = re.search(r"\d[\w.]*", name, re.ASCII)
    version = found[0] if found else ""
    if service_pack := re.search(r"^PATCHLEVEL = ([1-9])$", text, re.ASCII | re.MULTILINE):
        version += f".{service_pack[1]}"
    return _distro(identifier, version, name)


_NAMES = {
    "AlmaLinux": "almalinux",
    "Amazon Linux": "amzn",
    "CentOS": "centos",
    "Fedora": "fedora",
    "Mageia": "mageia",
    "Oracle Linux": "ol",
    "Red Hat Enterprise Linux": "rhel",
    "Rocky Linux": "rocky",
    "SUSE Linux Enterprise Desktop": "sled",
    "SUSE Linux Enterprise Server": "sles",
    "VMware Photon": "photon",
    "openEuler": "openeuler",
    "openSUSE": "opensuse",
}

# The first one that names a distribution counts. Those that others have as well, for the sake of
# programs that look for them, come last.
FILES: Mapping[str, Callable[[str], Distro]] = {
    "etc/os-release": _os_release,
    "usr/lib/os-release": _os_release,
    "etc/lsb-release": _lsb_release,
    "etc/alpine-release": _alpine_release,
    "etc/almalinux-release": _prose,
    "etc/fedora-release": _prose,
    "etc/mageia-release": _prose,
    "etc/openEuler-release": _prose,
    "etc/oracle-release": _prose,
    "etc/photon-release": _prose,
    "etc/rocky-release": _prose,
    "etc/SuSE-release": _prose,
    "etc/centos-release": _prose,
    "etc/system-release": _prose,
    "etc/redhat-release": _prose,
    "etc/debian_version": _debian_version,
}
PATHS = tuple(FILES)


def _values(text: str) -> dict[str, str]:
    values = {}
    for line in text.split("\n"):
        key, separator, value = line.strip().partition("=")
        if separator and not key.startswith("#"):
            values[key] = _unquoted(value)
    return values


def _unquoted(value: str) -> str:
    try:
        return "".join(shlex.split(value[:1000]))
    except ValueError:  # an unbalanced quote
        return value.strip("\"'")


# --- names --------------------------------------------------------------------------------------


def _distro(identifier: str, version: str, name: str) -> Distro:
    identifier = _printable(identifier, _MAX_ID).lower()
    version = _printable(version, _MAX_ID)
    name = _printable(name.strip(), _MAX_NAME)
    release = _RELEASES.get(identifier)
    return Distro(identifier, version, name, release(version, name) if release else "")


def _printable(value: str, limit: int) -> str:
    return "".join(filter(str.isprintable, value))[:limit]


_Release = Callable[[str, str], str]  # from version and name to the ecosystem


def _named(name: str, pattern: str) -> _Release:
    """The name and the release, which is the first group of the pattern in the version."""
    expression = re.compile(pattern, re.ASCII)

    def release(version: str, _: str) -> str:
        match = expression.fullmatch(version)
        return f"{name}{match[1]}" if match else ""

    return release


def _always(name: str) -> _Release:
    return lambda version, _: name


def _ubuntu(version: str, _: str) -> str:
    """Long-term support is April of even years: the file does not always say it."""
    match = re.fullmatch(r"(\d\d)\.(\d\d)", version, re.ASCII)
    if not match:
        return ""
    long_term = int(match[1]) % 2 == 0 and match[2] == "04"
    return f"Ubuntu:{version}:LTS" if long_term else f"Ubuntu:{version}"


def _centos(version: str, name: str) -> str:
    """CentOS Linux is Red Hat's releases built again; Stream runs ahead of them."""
    return "" if "stream" in name.lower() else _red_hat(version, name)


def _openeuler(version: str, name: str) -> str:
    """Only the name says which are for the long term, and their service pack."""
    match = re.fullmatch(r"(\d\d\.\d\d)", version, re.ASCII)
    long_term = re.search(r"\b(LTS(?:-SP\d+)?)\b", name, re.ASCII)
    if not match:
        return ""
    return f"openEuler:{version}-{long_term[1]}" if long_term else f"openEuler:{version}"


_MAJOR = r"(\d{1,4})(?:\.\d+)*"
_red_hat = _named("Red Hat:", _MAJOR)
_suse = _named("SUSE:", r"(\d{1,2}(?:\.\d)?)")

# Debian testing has no VERSION_ID and Alpine edge an "_alpha" in it: neither is a release that
# advisories speak of, so neither has an ecosystem. Amazon, Fedora and Oracle have none at all.
_RELEASES: dict[str, _Release] = {
    "debian": _named("Debian:", r"(\d{1,4})(?:\.\d+)?"),
    "ubuntu": _ubuntu,
    "alpine": _named("Alpine:v", r"(\d{1,4}\.\d{1,4})(?:\.\d+)*"),
    "wolfi": _always("Wolfi"),
    "chainguard": _always("Chainguard"),
    "minimos": _always("MinimOS"),
    "rhel": _red_hat,
    "centos": _centos,
    "almalinux": _named("AlmaLinux:", _MAJOR),
    "rocky": _named("Rocky Linux:", _MAJOR),
    **dict.fromkeys(["sles", "sled", "sles_sap", "sle_hpc"], _suse),
    "opensuse-leap": _named("openSUSE:", r"(\d{1,2}\.\d)"),
    "opensuse": _named("openSUSE:", r"(\d{1,2}\.\d)"),
    "opensuse-tumbleweed": _always("openSUSE:Tumbleweed"),
    "mageia": _named("Mageia:", r"(\d{1,4})"),
    "photon": _named("Photon OS:", r"(\d{1,4}\.\d{1,4})"),
    "azurelinux": _named("Azure Linux:", _MAJOR),
    "mariner": _named("Azure Linux:", r"(2)\.0"),  # the name it had; 1.0 has no advisories
    "openeuler": _openeuler,
}

_PACKAGE_TYPES = {
    **dict.fromkeys(["debian", "ubuntu", "raspbian", "kali", "linuxmint", "devuan"], "deb"),
    **dict.fromkeys(["alpine", "wolfi", "chainguard", "minimos", "postmarketos"], "apk"),
    **dict.fromkeys(["alpaquita"], "apk"),
    **dict.fromkeys(["rhel", "centos", "almalinux", "rocky", "ol", "fedora", "amzn"], "rpm"),
    **dict.fromkeys(["scientific", "virtuozzo", "cloudlinux", "eurolinux", "miraclelinux"], "rpm"),
    **dict.fromkeys(
        ["sles", "sled", "sles_sap", "sle_hpc", "suse", "sle-micro", "sl-micro"], "rpm"
    ),
    **dict.fromkeys(["opensuse-leap", "opensuse-tumbleweed", "opensuse"], "rpm"),
    **dict.fromkeys(["mageia", "photon", "azurelinux", "mariner", "openeuler", "anolis"], "rpm"),
}
