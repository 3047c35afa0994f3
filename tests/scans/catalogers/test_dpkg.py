from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scans.catalogers import Component, Owns, cataloger_for, dpkg

STATUS = b"""\
Package: bash
Essential: yes
Status: install ok installed
Maintainer: Someone <someone@example.org>
Architecture: amd64
Source: bash (5.2.15-2)
Version: 5.2.15-2+b13
Description: GNU Bourne Again SHell
 Package: this line goes on with the description
 .
 Version: 9

Package: libstdc++6
Status: hold ok installed
Source: gcc-12
Version: 12.2.0-14+deb12u1
Architecture: amd64
Multi-Arch: same

Package: removed
Status: deinstall ok config-files
Version: 1
Architecture: all

Package: never
Status: unknown ok not-installed

Package: halfway
Status: install reinstreq half-installed
Version: 2
Architecture: all
"""


def test_what_has_files_is_installed_and_names_its_source():
    assert list(dpkg.read("var/lib/dpkg/status", BytesIO(STATUS))) == [
        Component("deb", "bash", "5.2.15-2+b13", "amd64", "bash", "5.2.15-2"),
        Component("deb", "libstdc++6", "12.2.0-14+deb12u1", "amd64", "gcc-12"),
        Component("deb", "halfway", "2", "all"),
    ]


def test_a_status_file_of_an_image_without_dpkg_has_no_states():
    body = b"Package: libc6\nSource: glibc\nVersion: 2.36-9\nArchitecture: arm64\n"
    assert list(dpkg.read("var/lib/dpkg/status.d/libc6", BytesIO(body))) == [
        Component("deb", "libc6", "2.36-9", "arm64", "glibc")
    ]


def test_a_package_without_a_version_is_of_unknown_version():
    assert [
        c.version for c in dpkg.read("", BytesIO(b"Package: x\nStatus: install ok installed\n"))
    ] == ["UNKNOWN"]


def test_the_case_of_fields_does_not_matter():
    body = b"package: x\nSTATUS: install ok installed\nversion: 1\nsource: y (2)\n"
    assert list(dpkg.read("var/lib/dpkg/status", BytesIO(body))) == [
        Component("deb", "x", "1", "", "y", "2")
    ]


@pytest.mark.parametrize(
    ("path", "body", "owned"),
    [
        (
            "var/lib/dpkg/info/bash.list",
            b"/.\n/bin\n/bin/bash\n/usr/share/doc/a b\n",
            Owns("bash", [".", "bin", "bin/bash", "usr/share/doc/a b"]),
        ),
        ("var/lib/dpkg/info/libc6:amd64.list", b"/lib/x", Owns("libc6", ["lib/x"])),
        (
            "var/lib/dpkg/status.d/libssl3.md5sums",
            b"d41d8cd98f00b204e9800998ecf8427e  usr/lib/libssl.so.3\n",
            Owns("libssl3", ["usr/lib/libssl.so.3"]),
        ),
        ("var/lib/dpkg/info/libstdc++6:i386.list", b"", Owns("libstdc++6", [])),
    ],
)
def test_lists_say_which_files_a_package_brought(path, body, owned):
    assert cataloger_for(path) is dpkg.LISTS
    assert list(dpkg.read_list(path, BytesIO(body))) == [owned]


@pytest.mark.parametrize(
    "path",
    [
        "var/lib/dpkg/info/bash.md5sums",  # says what the list says
        "var/lib/dpkg/info/bash.postinst",
        "var/lib/dpkg/status.d/bash.list/x",
        "srv/var/lib/dpkg/info/bash.list",
    ],
)
def test_other_files_are_no_lists(path):
    assert cataloger_for(path) is None


def test_wants_the_database_and_the_files_of_status_d_but_not_their_checksums():
    assert dpkg.wants("var/lib/dpkg/status")
    assert dpkg.wants("var/lib/dpkg/status.d/libc6")
    assert not dpkg.wants("var/lib/dpkg/status-old")
    assert not dpkg.wants("var/lib/dpkg/status.d/libc6.md5sums")
    assert not dpkg.wants("var/lib/dpkg/status.d/a/b")
    assert not dpkg.wants("srv/var/lib/dpkg/status")


@given(st.binary(max_size=500))
@settings(max_examples=100)
def test_any_bytes_are_read(body):
    list(dpkg.read("var/lib/dpkg/status", BytesIO(body + b"\nPackage: x\n" + body)))
