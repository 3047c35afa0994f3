import zipfile
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scans.catalogers import Component, Unreadable, cataloger_for, python

METADATA = b"""\
Metadata-Version: 2.1
Name: Zope.Interface
Version: 5.4.0
Requires-Dist: name-of-another

Name: in-the-description
Version: 9
"""


def test_the_head_names_the_package_and_its_name_is_normalised():
    assert list(python.read("", BytesIO(METADATA))) == [
        Component("python", "zope-interface", "5.4.0")
    ]


@pytest.mark.parametrize("body", [b"", b"Version: 1\n", b"Name:\nVersion: 1\n", b"\nName: late\n"])
def test_without_a_name_there_is_no_package(body):
    assert list(python.read("", BytesIO(body))) == []


def test_without_a_version_it_is_unknown():
    assert list(python.read("", BytesIO(b"name: x\r\n"))) == [Component("python", "x", "UNKNOWN")]


def test_wants_wheels_and_eggs_in_all_their_shapes():
    site = "usr/lib/python3/dist-packages/"
    assert python.wants(site + "x-1.dist-info/METADATA")
    assert python.wants(site + "x-1.egg-info/PKG-INFO")
    assert python.wants(site + "x-1.egg-info")
    assert python.wants(site + "x-1-py3.11.egg/EGG-INFO/PKG-INFO")
    assert python.wants(site + "X-1.DIST-INFO/METADATA")
    assert not python.wants(site + "x-1.dist-info/RECORD")
    assert not python.wants(site + "METADATA")


@given(st.binary(max_size=500))
@settings(max_examples=100)
def test_any_bytes_are_read(body):
    list(python.read("", BytesIO(b"Name:" + body + b"\nVersion:" + body)))


def test_a_project_without_a_name_is_no_package():
    assert list(python.read("", BytesIO(b"Name: UNKNOWN\nVersion: 0.0.0\n"))) == []


def archive(files: dict[str, bytes]) -> bytes:
    body = BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return body.getvalue()


def test_a_wheel_that_lies_there_is_read_with_what_it_carries():
    wheel = archive(
        {
            "bleach/__init__.py": b"",
            "bleach/_vendor/html5lib-1.0.1.dist-info/METADATA": b"Name: html5lib\nVersion: 1.0.1\n",
            "bleach-3.1.0.dist-info/METADATA": b"Name: bleach\nVersion: 3.1.0\n\n" + b"x" * 10**6,
            "bleach-3.1.0.dist-info/RECORD": b"Name: no\n",
        }
    )
    path = "wheels/bleach-3.1.0-py2.py3-none-any.whl"
    assert cataloger_for(path) is python.ARCHIVES
    vendored = "bleach/_vendor/html5lib-1.0.1.dist-info/METADATA"
    assert list(python.read_archive(path, BytesIO(wheel))) == [
        Component("python", "html5lib", "1.0.1", inside=vendored),
        Component("python", "bleach", "3.1.0", inside="bleach-3.1.0.dist-info/METADATA"),
    ]


def test_an_egg_that_is_one_file_is_read():
    egg = archive({"EGG-INFO/PKG-INFO": METADATA})
    path = "usr/lib/python3/site-packages/zope.interface-5.4.0-py3.11.egg"
    assert cataloger_for(path) is python.ARCHIVES
    assert list(python.read_archive(path, BytesIO(egg))) == [
        Component("python", "zope-interface", "5.4.0", inside="EGG-INFO/PKG-INFO")
    ]


def test_a_damaged_wheel_says_so():
    wheel = archive({"x-1.dist-info/METADATA": METADATA})
    for body in (wheel[: len(wheel) // 2], wheel.replace(b"PK\1\2", b"PK\1\1")):
        with pytest.raises(Unreadable):
            list(python.read_archive("x.whl", BytesIO(body)))


def test_of_a_bomb_only_the_head_is_unpacked():
    bomb = archive({"x-1.dist-info/METADATA": b"Name: x\nVersion: 1\nX:" + b"0" * 50_000_000})
    assert [c.name for c in python.read_archive("x.whl", BytesIO(bomb))] == ["x"]


@given(st.binary(max_size=300), st.integers(0, 300))
@settings(max_examples=100)
def test_any_archive_is_read_or_refused(junk, at):
    body = bytearray(archive({"x-1.dist-info/METADATA": METADATA, "EGG-INFO/PKG-INFO": b""}))
    body[at : at + len(junk)] = junk
    with suppress(Unreadable):
        list(python.read_archive("x.whl", BytesIO(bytes(body))))
