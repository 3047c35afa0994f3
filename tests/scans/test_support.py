from dataclasses import replace

import pytest

from registries.oci.manifest import Descriptor, ImageConfig, Manifest, Platform
from scans.coalesce import stack
from scans.layers import read_layer
from scans.support import Reason, Unsupported, after_stacking, before_reading
from tests.scans.rpms import ndb, package
from tests.scans.tars import file, npm, tar

CONFIG = Descriptor("application/vnd.oci.image.config.v1+json", "sha256:" + "c" * 64, 100)
LAYER = Descriptor("application/vnd.oci.image.layer.v1.tar+gzip", "sha256:" + "a" * 64, 100)
IMAGE = Manifest("sha256:" + "b" * 64, "", CONFIG, (LAYER,), "", None, 100)
LINUX = ImageConfig(Platform("linux", "amd64"), "", (), ())
WINDOWS = ImageConfig(Platform("windows", "amd64", os_version="10.0.20348.1"), "", (), ())


@pytest.mark.parametrize(
    "media_type",
    [
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
    ],
)
def test_an_image_of_tars_is_read(media_type):
    before_reading(_with_layer(media_type), LINUX)


@pytest.mark.parametrize(
    ("manifest", "config", "reason", "words"),
    [
        (IMAGE, WINDOWS, "windows", "10.0.20348.1"),
        (replace(IMAGE, layers=()), LINUX, "empty", "no layers"),
        (replace(IMAGE, layers=(LAYER,) * 501), LINUX, "too-large", "501 layers"),
        (replace(IMAGE, artifact_type="application/x-chart"), LINUX, "artifact", "x-chart"),
    ],
)
def test_what_cannot_be_read_is_told_before_reading(manifest, config, reason, words):
    _assert_refused(manifest, config, reason, words)


@pytest.mark.parametrize(
    ("media_type", "reason", "words"),
    [
        (
            "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
            "no-access",
            "outside the registry",
        ),
        (
            "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
            "no-access",
            "outside the registry",
        ),
        ("application/vnd.oci.image.layer.v1.tar+gzip+encrypted", "no-access", "is encrypted"),
        ("application/vnd.oci.image.layer.v1.tar+brotli", "artifact", "unknown type"),
        ("", "artifact", "unknown type (none)"),
    ],
)
def test_a_layer_that_cannot_be_read_is_named(media_type, reason, words):
    manifest = replace(IMAGE, layers=(LAYER, replace(LAYER, media_type=media_type)))
    _assert_refused(manifest, LINUX, reason, words)
    _assert_refused(manifest, LINUX, reason, "Layer 2 (sha256:aaaa")


def test_an_image_with_packages_can_be_judged():
    after_stacking(_stack(npm("app", "one")))


def test_nothing_found_is_empty_and_never_healthy():
    _assert_empty(_stack(file("bin/tool", b"\x7fELF")), "No distribution and no package database")


@pytest.mark.parametrize(
    ("release", "words"),
    [
        (
            b"ID=debian\nVERSION_ID=12\nNAME=Debian\n",
            "Debian 12 was recognised, .* its dpkg database",
        ),
        (b"ID=alpine\nVERSION_ID=3.19\nNAME=Alpine\n", "Alpine 3.19 was .* its apk database"),
        (b"ID=almalinux\nVERSION_ID=9.3\nNAME=AlmaLinux\n", "AlmaLinux 9.3 .* its rpm database"),
    ],
)
def test_language_packages_do_not_speak_for_a_database_that_is_missing(release, words):
    _assert_empty(_stack(file("etc/os-release", release)), words)
    _assert_empty(_stack(file("etc/os-release", release), npm("app", "one")), words)


def test_a_distribution_of_packages_unknown_here_is_empty():
    release = file("etc/os-release", b"ID=arch\nNAME=Arch\n")
    _assert_empty(_stack(release), "Arch was recognised, but no package database")
    after_stacking(_stack(release, npm("app", "one")))


def test_a_database_that_cannot_be_read_says_why():
    release = file("etc/os-release", b"ID=sles\nVERSION_ID=15.4\nNAME=SLES\n")
    stacked = _stack(release, file("var/lib/rpm/Packages.db", b"RpmP"), npm("app", "one"))
    _assert_refused_after(
        stacked,
        Reason.DAMAGED,
        r"SLES 15.4 stand in /var/lib/rpm/Packages.db, which cannot be read: .* cut off",
    )


def test_what_could_be_read_of_a_damaged_database_is_judged():
    release = file("etc/os-release", b"ID=sles\nVERSION_ID=15.4\nNAME=SLES\n")
    database = ndb([package("bash"), b"damaged"])
    stacked = _stack(release, file("usr/lib/sysimage/rpm/Packages.db", database))
    after_stacking(stacked)
    assert [one.name for one in stacked.packages] == ["bash"]
    assert [one.path for one in stacked.unread] == ["usr/lib/sysimage/rpm/Packages.db"]


def _with_layer(media_type: str) -> Manifest:
    return replace(IMAGE, layers=(replace(LAYER, media_type=media_type), LAYER))


def _stack(*entries):
    return stack([read_layer([tar(*entries)])])


def _assert_refused(manifest, config, reason, words):
    with pytest.raises(Unsupported) as caught:
        before_reading(manifest, config)
    assert caught.value.reason == reason
    assert words in str(caught.value)


def _assert_empty(stacked, words):
    _assert_refused_after(stacked, Reason.EMPTY, words)


def _assert_refused_after(stacked, reason, words):
    with pytest.raises(Unsupported, match=words) as caught:
        after_stacking(stacked)
    assert caught.value.reason is reason
