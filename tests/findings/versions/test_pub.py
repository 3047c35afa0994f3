"""Dart's order: semantic versioning, then the build."""

import pytest

from findings.versions import pub

ORDERED = [
    "1.0.0-pre",
    "1.0.0-pre+1",
    "1.0.0-pre+a",
    "1.0.0",
    "1.0.0+1",
    "1.0.0+1.1",
    "1.0.0+2",
    "1.0.0+10",
    "1.0.0+a",
    "1.0.0+a.1",
    "1.0.0+b",
    "1.0.1-a",
    "1.0.1",
]


def test_versions_sort_as_pub_sorts_them():
    assert sorted(reversed(ORDERED), key=pub.key) == ORDERED
    assert len({pub.key(version) for version in ORDERED}) == len(ORDERED)


@pytest.mark.parametrize("version", ["", "any", "1.2.3.4", "^1.0.0", "1.0.0+é"])
def test_what_is_no_version_is_unknown(version):
    assert pub.key(version) is None
