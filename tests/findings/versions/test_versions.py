"""What holds for every ordering: its keys, its limits, and the tables of native comparisons."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from findings.versions import ENCODERS, MAX_LENGTH, encode, family

ECOSYSTEMS = [
    "Debian:12", "Alpine:v3.19", "AlmaLinux:9", "PyPI", "npm", "Pub",
    "RubyGems", "NuGet", "Packagist", "CRAN", "Hackage",
]  # fmt: skip

# Table → its ecosystem, and how many of its lines name a version that is unknown, and why.
TABLES = {
    "debian-versions.txt": ("Debian", 0),
    "debian-versions-generated.txt": ("Debian", 0),
    # Versions apk calls invalid, though it still answers: ".1", "0..8", "1.2_blah", "1-ruff1".
    "alpine-versions.txt": ("Alpine", 32),
    "alpine-versions-generated.txt": ("Alpine", 0),
    "redhat-versions.txt": ("Red Hat", 0),
    # From before PEP 440, which refuses them: "0.9-ivysaur", "2013-09-11T19-27-10", "0.8.4p2".
    "pypi-versions.txt": ("PyPI", 11),
    "pypi-versions-generated.txt": ("PyPI", 69),
    # Five numbers in a semantic version.
    "semver-versions.txt": ("npm", 1),
    "pub-versions.txt": ("Pub", 1),
    # "1beta" and "1gamma", which Gem::Version refuses.
    "rubygems-versions.txt": ("RubyGems", 2),
    "rubygems-versions-generated.txt": ("RubyGems", 0),
    "nuget-versions.txt": ("NuGet", 0),
    # Two of a branch, which Composer compares with nothing; six with "#", which it refuses.
    "packagist-versions.txt": ("Packagist", 8),
    # 15 with words that Composer refuses ("post1", "test1"); two with "-stable", which it drops
    # and PHP's own comparison puts before every other pre-release.
    "packagist-versions-generated.txt": ("Packagist", 17),
    "cran-versions.txt": ("CRAN", 0),
    "cran-versions-generated.txt": ("CRAN", 0),
    "hackage-versions.txt": ("Hackage", 0),
}


def disagreements(ecosystem, lines):
    """The lines whose order the keys contradict, and those with an unknown version."""
    wrong, unknown = [], []
    for line in lines:
        a, order, b = re.fullmatch(r"(.*?)\s*([<=>])\s*(.*)", line).groups()
        key_a, key_b = encode(ecosystem, a), encode(ecosystem, b)
        if key_a is None or key_b is None:
            unknown.append(line)
        elif order != ("<" if key_a < key_b else ">" if key_a > key_b else "="):
            wrong.append(line)
    return wrong, unknown


@pytest.mark.parametrize("table", TABLES)
def test_every_line_of_the_native_tables_holds(shared, table):
    ecosystem, refused = TABLES[table]
    text = (shared / "data" / "versions" / table).read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith(("#", "//"))]
    wrong, unknown = disagreements(ecosystem, lines)
    assert wrong == []
    assert len(unknown) == refused


def test_every_answer_of_apk_itself_holds(shared):
    text = (shared / "data" / "versions" / "apk-real-comparisons.tsv").read_text()
    assert disagreements("Alpine", text.splitlines()[1:]) == ([], [])


@pytest.mark.parametrize("ecosystem", ECOSYSTEMS)
def test_a_version_longer_than_any_in_use_is_unknown(ecosystem):
    assert encode(ecosystem, "1" * MAX_LENGTH) is not None
    assert encode(ecosystem, "1" * (MAX_LENGTH + 1)) is None
    assert encode(ecosystem, "1." * 500_000) is None


@pytest.mark.parametrize("ecosystem", ["", "npm ", "debian", "Debian GNU:12"])
def test_an_ecosystem_without_an_ordering_knows_no_version(ecosystem):
    assert encode(ecosystem, "1.0") is None


def test_a_release_does_not_change_the_ordering():
    assert family("Ubuntu:22.04:LTS") == "Ubuntu"
    assert encode("Debian:12", "1.0~rc1") == encode("Debian", "1.0~rc1")


@pytest.mark.parametrize("encoder", sorted(set(ENCODERS.values()), key=lambda e: e.__module__))
@given(text=st.text(max_size=40))
def test_whatever_the_text_there_is_a_key_or_none(encoder, text):
    key = encoder(text)
    assert key is None or len(key) > 0


@pytest.mark.parametrize("ecosystem", ECOSYSTEMS)
@given(digits=st.lists(st.text("0123456789", min_size=1, max_size=140), min_size=2, max_size=2))
def test_numbers_of_any_length_sort_by_value(ecosystem, digits):
    a, b = digits
    key_a, key_b = encode(ecosystem, a), encode(ecosystem, b)
    assert (key_a < key_b, key_a == key_b) == (int(a) < int(b), int(a) == int(b))


@pytest.mark.parametrize("ecosystem", ECOSYSTEMS)
@given(version=st.text("01a.", min_size=1, max_size=6), rest=st.text("01a.-+~_", max_size=6))
@settings(max_examples=200)
def test_no_key_begins_another(ecosystem, version, rest):
    """Keys may then be followed by anything, and last_affected ends right after its own key."""
    before, after = encode(ecosystem, "1" + version), encode(ecosystem, "1" + version + rest)
    if before and after and before != after:
        assert not after.startswith(before)


def test_a_java_of_four_numbers_stands_between_two_of_three():
    keys = [encode("Bitnami", version) for version in ("17.0.4", "17.0.4.1", "17.0.5", "17.0.10")]
    assert keys == sorted(keys)
    assert encode("Bitnami", "21") == encode("Bitnami", "21.0.0")
