from io import BytesIO

from hypothesis import given, settings
from hypothesis import strategies as st

from scans.catalogers import Component, Owns, apk

INSTALLED = b"""\
C:Q1abc=
P:libcrypto3
V:3.1.7-r0
A:x86_64
o:openssl
p:so:libcrypto.so.3=3
F:lib
M:0:0:755
R:libcrypto.so.3
a:0:0:555
Z:Q1def=

P:.build-deps
V:20240101.000000
A:noarch
D:gcc
"""


def test_every_stanza_is_a_package_with_its_origin():
    assert [each for each in read(INSTALLED) if isinstance(each, Component)] == [
        Component("apk", "libcrypto3", "3.1.7-r0", "x86_64", "openssl"),
        Component("apk", ".build-deps", "20240101.000000", "noarch"),
    ]


def test_files_belong_to_the_package_whose_stanza_names_them():
    body = b"P:a\nF:\nR:top\nF:usr/bin\nR:one\nR:two\nF:usr/share\n\nP:b\nR:three\n\nF:x\nR:y\n"
    assert [each for each in read(body) if isinstance(each, Owns)] == [
        Owns("a", ["top", "usr/bin/one", "usr/bin/two"]),
        Owns("b", ["three"]),
    ]
    assert Owns("libcrypto3", ["lib/libcrypto.so.3"]) in read(INSTALLED)


def read(body):
    return list(apk.read("lib/apk/db/installed", BytesIO(body)))


def test_wants_the_database_in_both_places():
    assert apk.wants("lib/apk/db/installed")
    assert apk.wants("usr/lib/apk/db/installed")
    assert not apk.wants("lib/apk/db/scripts.tar")


@given(st.binary(max_size=500))
@settings(max_examples=100)
def test_any_bytes_are_read(body):
    list(apk.read("lib/apk/db/installed", BytesIO(body + b"\nP:x\n" + body)))
