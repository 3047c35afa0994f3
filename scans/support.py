"""Which images can be read, and why the others cannot: the reasons of the verdict *unverified*."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Protocol

from registries.oci.manifest import Descriptor, ImageConfig, Manifest, kind_of
from scans.catalogers import cataloger_for
from scans.osrelease import Distro


class Reason(StrEnum):
    WINDOWS = "windows"
    EMPTY = "empty"
    NO_ACCESS = "no-access"
    TOO_LARGE = "too-large"
    DAMAGED = "damaged"
    TOO_SLOW = "too-slow"
    FAILED = "failed"
    ARTIFACT = "artifact"


class Unsupported(Exception):
    """The image stays unverified. `reason` is for programs, the sentence (`str`) for people."""

    def __init__(self, reason: Reason, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence


class _Package(Protocol):
    @property
    def type(self) -> str: ...


class _Unread(Protocol):
    @property
    def path(self) -> str: ...
    @property
    def reason(self) -> Reason: ...
    @property
    def sentence(self) -> str: ...


class Stacked(Protocol):
    """What a `scans.coalesce.Stack` tells of itself."""

    @property
    def distro(self) -> Distro | None: ...
    @property
    def packages(self) -> Sequence[_Package]: ...
    @property
    def unread(self) -> Sequence[_Unread]: ...


_TAR_TYPES = frozenset(
    {
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "application/vnd.docker.image.rootfs.diff.tar.zstd",
    }
)
_MAX_LAYERS = 500  # of overlayfs; Docker's own limit is 127
# The catalogers of the packages that distributions are made of.
_DATABASES = {"deb": "dpkg", "apk": "apk", "rpm": "rpm"}
_WHAT_TO_DO = "Build it from a base with a package database, or keep the package metadata in it."
_ELSEWHERE = (".nondistributable.", ".foreign.")


def before_reading(manifest: Manifest, config: ImageConfig) -> None:
    """Raise Unsupported where manifest and configuration already say that no layer can be read."""
    if kind_of(manifest) == "artifact":
        kind = manifest.artifact_type or manifest.config.media_type
        raise Unsupported(
            Reason.ARTIFACT,
            f"This is an artifact of type {kind}, not a container image; there is nothing to scan.",
        )
    if config.platform.os.lower() == "windows":
        version = f" ({config.platform.os_version})" if config.platform.os_version else ""
        raise Unsupported(
            Reason.WINDOWS,
            f"Windows images{version} are not supported; only Linux images are scanned.",
        )
    if not manifest.layers:
        raise Unsupported(
            Reason.EMPTY, "The image has no layers, so there is nothing to read in it."
        )
    if len(manifest.layers) > _MAX_LAYERS:
        raise Unsupported(
            Reason.TOO_LARGE,
            f"The image has {len(manifest.layers)} layers, more than the {_MAX_LAYERS} that "
            "container runtimes can mount; build it with fewer.",
        )
    for number, layer in enumerate(manifest.layers, 1):
        _check_layer(number, layer)


def after_stacking(stack: Stacked) -> None:
    """Raise Unsupported where the layers were read and nothing in them can be judged."""
    distro = stack.distro
    # What else is in the image would pass for the whole of it, and look healthy.
    if distro and distro.package_type and not _holds(stack, distro.package_type):
        raise _without_own_packages(distro, stack.unread)
    if not stack.packages:
        found = f"{distro.name} was recognised, but no" if distro else "No distribution and no"
        raise Unsupported(
            Reason.EMPTY,
            f"{found} package database or language package that can be read was found in the "
            f"image. {_WHAT_TO_DO}",
        )


def _holds(stack: Stacked, package_type: str) -> bool:
    return any(package.type == package_type for package in stack.packages)


def _without_own_packages(distro: Distro, unread: Iterable[_Unread]) -> Unsupported:
    database = _DATABASES[distro.package_type]
    for file in unread:
        cataloger = cataloger_for(file.path)
        if cataloger and cataloger.name == database:
            return Unsupported(
                file.reason,
                f"The packages of {distro.name} stand in /{file.path}, which cannot be read: "
                f"{file.sentence}",
            )
    return Unsupported(
        Reason.EMPTY,
        f"{distro.name} was recognised, but no package of its own: its {database} database is "
        f"missing, or empty. What else is in the image would not tell the whole truth. "
        f"{_WHAT_TO_DO}",
    )


def _check_layer(number: int, layer: Descriptor) -> None:
    media_type = layer.media_type
    if media_type in _TAR_TYPES:
        return
    if any(part in media_type for part in _ELSEWHERE):
        raise Unsupported(
            Reason.NO_ACCESS,
            f"Layer {number} ({layer.digest}) is kept outside the registry and may not be "
            "distributed by it; push the image with its non-distributable layers included.",
        )
    if media_type.endswith("+encrypted"):
        raise Unsupported(
            Reason.NO_ACCESS,
            f"Layer {number} ({layer.digest}) is encrypted and its key is not known here; "
            "scan the image before it is encrypted.",
        )
    raise Unsupported(
        Reason.ARTIFACT,
        f"Layer {number} ({layer.digest}) is of the unknown type {media_type or '(none)'}; "
        "only tar layers, plain or compressed by gzip or zstd, are read.",
    )
