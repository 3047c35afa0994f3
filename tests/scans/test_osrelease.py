import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scans.osrelease import Distro, parse


def test_the_three_names_of_a_distribution_are_kept():
    body = b'# a comment\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"'
    distro = Distro("debian", "12", "Debian GNU/Linux 12 (bookworm)", "Debian:12")
    assert parse(body) == distro
    assert distro.package_type == "deb"


@pytest.mark.parametrize(
    ("identifier", "version", "ecosystem"),
    [
        ("debian", "12", "Debian:12"),
        ("debian", "", ""),  # testing and unstable
        ("alpine", "3.19.4", "Alpine:v3.19"),
        ("alpine", "3.10.9", "Alpine:v3.10"),
        ("alpine", "3.21.0_alpha20240923", ""),  # edge
        ("ubuntu", "22.04", "Ubuntu:22.04:LTS"),
        ("ubuntu", "23.10", "Ubuntu:23.10"),
        ("ubuntu", "23.04", "Ubuntu:23.04"),
        ("ubuntu", "22.10", "Ubuntu:22.10"),
        ("almalinux", "9.3", "AlmaLinux:9"),
        ("almalinux", "9", "AlmaLinux:9"),
        ("rocky", "8.9", "Rocky Linux:8"),
        ("wolfi", "20230201", "Wolfi"),
        ("raspbian", "12", ""),  # Debian's versions are not its own
        ("", "", ""),
    ],
)
def test_the_ecosystem_is_that_of_exactly_this_release(identifier, version, ecosystem):
    assert parse(f"ID={identifier}\nVERSION_ID='{version}'\n".encode()).ecosystem == ecosystem


def test_without_a_pretty_name_it_is_called_by_its_name():
    assert parse(b"NAME=Thing\nVERSION_ID=3\n").name == "Thing 3"
    assert parse(b"ID=thing\n").name == "thing"


def test_what_is_hostile_is_cut_and_cleaned():
    distro = parse(b'ID="de\x00bian\x1b"\nVERSION_ID=' + b"1" * 5000 + b"\nNAME='unbalanced\n")
    assert distro.id == "debian"
    assert len(distro.version_id) == 60
    assert distro.ecosystem == ""
    assert distro.name.startswith("unbalanced 111")
    assert len(distro.name) <= 200


@given(st.binary(max_size=300))
@settings(max_examples=200)
def test_any_bytes_are_read(body):
    distro = parse(b"ID=" + body + b"\nVERSION_ID=" + body)
    assert (distro.id + distro.version_id + distro.name).isprintable()
