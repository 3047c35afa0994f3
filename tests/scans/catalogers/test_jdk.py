from io import BytesIO

import pytest

from scans.catalogers import Component, cataloger_for
from scans.catalogers.jdk import CATALOGER, java_version, read

RELEASE = b"""\
IMPLEMENTOR="Someone"
JAVA_RUNTIME_VERSION="17.0.9+9-LTS"
JAVA_VERSION="17.0.9"
OS_ARCH="x86_64"
"""


def test_the_release_of_a_jdk_is_found():
    found = list(read("opt/java/release", BytesIO(RELEASE)))
    assert found == [Component("binary", "java", "17.0.9")]
    assert cataloger_for("opt/java/release") is CATALOGER
    assert cataloger_for("etc/os-release") is None
    assert cataloger_for("release") is None


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff\0" * 1000,
        b'JAVA_VERSION="17.0.9"\n',
        b'# JAVA_VERSION="17.0.9"\nOS_ARCH="x86_64"\n',
        b'JAVA_VERSION="unknown"\nOS_ARCH="x86_64"\n',
        b"\n" * 100_000 + RELEASE,
    ],
)
def test_another_file_of_this_name_is_passed_over(text):
    assert list(read("opt/java/release", BytesIO(text))) == []


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("21", "21"),
        ("17.0.9", "17.0.9"),
        ("17.0.4.1", "17.0.4.1"),
        ("17.0.9+9-LTS", "17.0.9"),
        ("24-ea", "24"),
        ("1.8.0_372", "8.0.372"),
        ("1.8.0_372-b07", "8.0.372"),
        ("1.8.0", "8.0.0"),
    ],
)
def test_versions_have_one_spelling(text, version):
    assert java_version(text) == version
