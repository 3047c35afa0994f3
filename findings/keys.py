"""Where packages and advisories meet: ecosystem, name, flavour and the key of a version.

Sources spell the same release in many ways; on import they are brought to the name that packages of
that release carry (`scans.osrelease`). What nobody's packages carry, such as an extended support
stream, keeps its own name: it matches nothing, and is not taken for the ordinary release.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from packaging.utils import canonicalize_name

from findings.kernels import is_kernel
from findings.versions import encode, family

# Raise it when a name, a flavour or a version comes out otherwise: packages' keys are made anew.
VERSION = 1

# The flavour of a modular advisory that does not say of which stream: any modular package of that
# name may be meant, so it is uncertain of all of them.
ANY_STREAM = "*"

# rpm distributions whose advisories name source packages; those of the others name binary ones.
_BY_SOURCE = frozenset({"SUSE", "openSUSE", "Mageia", "openEuler", "Azure Linux", "Photon OS"})
_RPM = _BY_SOURCE | {"Red Hat", "AlmaLinux", "Rocky Linux", "Oracle Linux", "Amazon Linux"}

_MODULAR = re.compile(r"\.module[+_](el|fc)")
_STREAM = re.compile(r"(?<![\w:.+-])([A-Za-z0-9][\w.+-]*:[\w.+-]*\w)(?![\w:])")
_GO_RELEASE = re.compile(r"go(\d+)\.(\d+)(?:\.(\d+))?(?:(alpha|beta|rc)(\d+))?(?: .*)?", re.DOTALL)


# --- ecosystems -------------------------------------------------------------------------------


def _rewritten(pattern: str, name: str) -> tuple[re.Pattern[str], str]:
    return re.compile(pattern, re.ASCII), name


_ECOSYSTEMS = [
    # Red Hat names products as CPE does; repositories of one release are one release. From 10 on
    # the main stream carries the minor release it appeared in.
    _rewritten(r"Red Hat:enterprise_linux:(\d+)(?:\.\d+)?(?:::.*)?", r"Red Hat:\1"),
    # The service packs of SUSE's server are built from one set of sources, whatever the product or
    # module that ships them; what is mended only for long-term support is no less vulnerable.
    _rewritten(
        r"SUSE:Linux Enterprise (?:Server|Desktop|High Performance Computing|Module for"
        r"|High Availability Extension|Workstation Extension|Software Development Kit)\b"
        r".*? (\d+(?:\.\d+)?)(?: SP(\d+))?(?:-(?:LTSS|ESPOS|BCL))?",
        r"SUSE:\1.\2",
    ),
    _rewritten(r"openSUSE:Leap (\d+\.\d+)", r"openSUSE:\1"),
    _rewritten(r"(Debian|AlmaLinux|Rocky Linux|Azure Linux|Mageia):(\d+)(?:\.\d+)*", r"\1:\2"),
    _rewritten(r"Alpine:v?(\d+\.\d+)(?:\.\d+)*", r"Alpine:v\1"),
    # The address of a repository: its artifacts are no others.
    _rewritten(r"(Maven|Packagist):https?://.*", r"\1"),
]


@lru_cache(maxsize=4096)
def canonical_ecosystem(ecosystem: str) -> str:
    """The name that packages carry: "SUSE:Linux Enterprise Server 15 SP4" is "SUSE:15.4"."""
    for pattern, name in _ECOSYSTEMS:
        if match := pattern.fullmatch(ecosystem):
            return match.expand(name).rstrip(".")
    return ecosystem


# --- names and versions -----------------------------------------------------------------------

_NAMES: dict[str, Callable[[str], str]] = {
    "PyPI": canonicalize_name,
    "NuGet": str.lower,
    "Packagist": str.lower,
}


def canonical_name(ecosystem: str, name: str) -> str:
    """The name under which advisories and packages of an ecosystem meet."""
    canonical = _NAMES.get(ecosystem)
    return canonical(name) if canonical else name


def _python(version: str) -> str:
    """ "2.6.0+cu124" is a build of 2.6.0, and advisories only know 2.6.0."""
    return version.partition("+")[0]


def _go(version: str) -> str:
    """The toolchain's own spelling as a semantic version: "go1.21rc2" is 1.21.0-rc.2."""
    if not (match := _GO_RELEASE.fullmatch(version)):
        return version
    major, minor, patch, stage, number = match.groups()
    return f"{major}.{minor}.{patch or 0}" + (f"-{stage}.{number}" if stage else "")


_VERSIONS: dict[str, Callable[[str], str]] = {"PyPI": _python, "Go": _go}


# --- flavours ---------------------------------------------------------------------------------


def streams(title: str) -> tuple[str, ...]:
    """The modules and streams an erratum is titled with: "Important: nodejs:18 security update"."""
    return tuple(dict.fromkeys(_STREAM.findall(title)))


def flavours(ecosystem: str, version: str, streams: tuple[str, ...]) -> tuple[str, ...]:
    """The flavours of a package that a version given by an advisory is about."""
    if not _is_rpm(ecosystem):
        return ("",)
    if _MODULAR.search(version):
        return streams or (ANY_STREAM,)
    return (_build(version),)


@lru_cache(maxsize=4096)
def _is_rpm(ecosystem: str) -> bool:
    return family(ecosystem) in _RPM


def _build(version: str) -> str:
    """Oracle's rebuilds, whose releases are mended on their own."""
    if ".ksplice" in version:
        return "ksplice"
    return "fips" if "_fips" in version else ""


# --- packages ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class MatchKey:
    """`key` is None where the version is unknown: such a package is shown, never cleared. `kernel`
    is whether the package is one's."""

    ecosystem: str
    name: str
    key: bytes | None
    flavour: str = ""
    kernel: bool = False


def match_key(
    type: str,
    ecosystem: str,
    name: str,
    version: str,
    source_name: str,
    source_version: str,
    module: str = "",
) -> MatchKey:
    """deb and apk by source package and its version where given, rpm as its distribution's
    advisories do, the rest by their own name.

    An rpm built in a module is judged by the advisories of its stream alone; if its stream is not
    known, no advisory can be said to be about it or not, as if its version were unknown.
    """
    kernel = is_kernel(type, name, source_name)
    flavour = ""
    untold = False
    if type == "rpm":
        flavour = module or _build(version)
        untold = not module and _MODULAR.search(version) is not None
    if type in ("deb", "apk"):
        name, version = source_name or name, source_version or version
    elif family(ecosystem) in _BY_SOURCE and source_name:
        name, version = source_name, _of_source(version, source_version)
    if respelled := _VERSIONS.get(ecosystem):
        version = respelled(version)
    key = None if untold else encode(ecosystem, version)
    return MatchKey(ecosystem, canonical_name(ecosystem, name), key, flavour, kernel)


def _of_source(version: str, source_version: str) -> str:
    """An rpm names its source without the epoch, which its own version may tell."""
    own = version.partition(":")[2] or version
    return version if own == source_version else source_version or version
