from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scans.catalogers import Component, python

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
    assert not python.wants(site + "x-1.dist-info/RECORD")
    assert not python.wants(site + "METADATA")


@given(st.binary(max_size=500))
@settings(max_examples=100)
def test_any_bytes_are_read(body):
    list(python.read("", BytesIO(b"Name:" + body + b"\nVersion:" + body)))
