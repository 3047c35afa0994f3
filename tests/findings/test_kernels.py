"""What a kernel is, and what only sounds like one."""

import pytest

from findings.kernels import is_kernel


@pytest.mark.parametrize(
    ("type_", "name", "source"),
    [
        ("deb", "linux-libc-dev", "linux"),
        ("deb", "linux-image-6.1.0-18-amd64", "linux-signed-amd64"),
        ("deb", "linux-headers-6.1", "linux-6.1"),
        ("deb", "linux-image-amd64", "linux-latest"),
        ("deb", "linux-headers-generic", "linux-meta"),
        ("deb", "linux-headers-6.5.0-1023-aws", "linux-aws-6.5"),
        ("deb", "linux-image-x", "linux-signed-hwe-6.5"),
        ("deb", "linux-modules-nvidia", "linux-restricted-modules"),
        ("rpm", "kernel", "kernel"),
        ("rpm", "kernel-headers", "kernel"),
        ("rpm", "kernel-core", ""),
        ("rpm", "kernel-uek", "kernel-uek"),
        ("rpm", "bpftool", "kernel"),
        ("rpm", "kernel-default-base", "kernel-default-base"),
        ("rpm", "linux-glibc-devel", "linux-glibc-devel"),
        ("rpm", "linux-api-headers", "linux"),
        ("apk", "linux-lts", "linux-lts"),
        ("apk", "linux-virt", "linux-lts"),
        ("apk", "linux-headers", "linux-headers"),
        ("apk", "linux-azure-generic-headers", ""),
    ],
)
def test_kernels_their_parts_and_their_headers_are_known(type_, name, source):
    assert is_kernel(type_, name, source)


@pytest.mark.parametrize(
    ("type_", "name", "source"),
    [
        ("deb", "linux-base", "linux-base"),
        ("deb", "util-linux", "util-linux"),
        ("deb", "linux-firmware", "linux-firmware"),
        ("deb", "libc6-dev", "glibc"),
        ("deb", "linuxlogo", "linuxlogo"),
        ("deb", "linux-user-chroot", "linux-user-chroot"),
        ("rpm", "util-linux", "util-linux"),
        ("rpm", "kernel-srpm-macros", "kernel-srpm-macros"),
        ("rpm", "linux-firmware", "linux-firmware"),
        ("apk", "linux-pam", "linux-pam"),
        ("apk", "linux-firmware", "linux-firmware"),
        ("apk", "busybox", "busybox"),
        ("npm", "linux", ""),
        ("go-module", "kernel", ""),
    ],
)
def test_what_only_sounds_like_one_is_none(type_, name, source):
    assert not is_kernel(type_, name, source)
