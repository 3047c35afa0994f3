"""Which images can be read, and why the others cannot: the reasons of the verdict *unverified*."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from registries.oci.manifest import Descriptor, ImageConfig, Manifest, kind_of
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


class Stacked(Protocol):
    """What a `scans.coalesce.Stack` tells of itself."""

    @property
    def distro(self) -> Distro | None: ...
    @property
    def packages(self) -> Sequence[_Package]: ...


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
    # Its language packages alone would pass for the whole image, and look healthy.
    if distro and distro.package_type == "rpm" and not _holds(stack, "rpm"):
        raise Unsupported(
            Reason.EMPTY,
            f"The packages of {distro.name} stand in an rpm database, which cannot be read yet; "
            "its language packages alone would not tell the whole truth.",
        )
    if not stack.packages:
        raise Unsupported(Reason.EMPTY, _nothing_found(distro))


def _holds(stack: Stacked, package_type: str) -> bool:
    return any(package.type == package_type for package in stack.packages)


def _nothing_found(distro: Distro | None) -> str:
    found = f"{distro.name} was recognised, but no" if distro else "No distribution and no"
    return (
        f"{found} package database or language package that can be read was found in the image. "
        "Build it from a base with a package database, or keep the package metadata in it."
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
