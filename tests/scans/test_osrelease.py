import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scans.osrelease import PATHS, Distro, parse


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
        ("chainguard", "20230214", "Chainguard"),
        ("minimos", "20241031", "MinimOS"),
        ("rhel", "8.10", "Red Hat:8"),
        ("rhel", "10.0", "Red Hat:10"),
        ("centos", "7", "Red Hat:7"),
        ("sles", "15.4", "SUSE:15.4"),
        ("sles", "15", "SUSE:15"),
        ("sled", "12.5", "SUSE:12.5"),
        ("sl-micro", "6.0", ""),
        ("opensuse-leap", "15.6", "openSUSE:15.6"),
        ("opensuse", "42.3", "openSUSE:42.3"),
        ("opensuse-tumbleweed", "20240801", "openSUSE:Tumbleweed"),
        ("photon", "4.0", "Photon OS:4.0"),
        ("azurelinux", "3.0", "Azure Linux:3"),
        ("mariner", "2.0", "Azure Linux:2"),
        ("mariner", "1.0", ""),
        ("mageia", "9", "Mageia:9"),
        ("amzn", "2023", ""),
        ("ol", "9.3", ""),
        ("fedora", "39", ""),
        ("raspbian", "12", ""),  # Debian's versions are not its own
        ("", "", ""),
    ],
)
def test_the_ecosystem_is_that_of_exactly_this_release(identifier, version, ecosystem):
    assert parse(f"ID={identifier}\nVERSION_ID='{version}'\n".encode()).ecosystem == ecosystem


@pytest.mark.parametrize(
    ("identifier", "version", "name", "ecosystem"),
    [
        ("centos", "8", "CentOS Linux 8", "Red Hat:8"),
        ("centos", "9", "CentOS Stream 9", ""),  # ahead of the releases advisories speak of
        ("openEuler", "24.03", "openEuler 24.03 (LTS)", "openEuler:24.03-LTS"),
        ("openEuler", "22.03", "openEuler 22.03 (LTS-SP3)", "openEuler:22.03-LTS-SP3"),
        ("openEuler", "22.03", "openEuler 22.03 LTS", "openEuler:22.03-LTS"),
        ("openEuler", "23.09", "openEuler 23.09", "openEuler:23.09"),
        ("openEuler", "x", "openEuler x (LTS)", ""),
    ],
)
def test_where_the_version_does_not_say_it_the_name_does(identifier, version, name, ecosystem):
    body = f'ID="{identifier}"\nVERSION_ID="{version}"\nPRETTY_NAME="{name}"\n'
    distro = parse(body.encode())
    assert (distro.ecosystem, distro.package_type) == (ecosystem, "rpm")


@pytest.mark.parametrize(
    ("path", "body", "distro"),
    [
        (
            "etc/lsb-release",
            'DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=22.04\nDISTRIB_DESCRIPTION="Ubuntu 22.04.3 LTS"\n',
            Distro("ubuntu", "22.04", "Ubuntu 22.04.3 LTS", "Ubuntu:22.04:LTS"),
        ),
        (
            "etc/alpine-release",
            "3.19.4\n",
            Distro("alpine", "3.19.4", "Alpine Linux 3.19.4", "Alpine:v3.19"),
        ),
        ("etc/debian_version", "12.4\n", Distro("debian", "12", "Debian 12.4", "Debian:12")),
        ("etc/debian_version", "trixie/sid\n", Distro("debian", "", "Debian trixie/sid", "")),
        (
            "etc/centos-release",
            "CentOS release 6.10 (Final)\n",
            Distro("centos", "6.10", "CentOS release 6.10 (Final)", "Red Hat:6"),
        ),
        (
            "etc/centos-release",
            "CentOS Linux release 7.9.2009 (Core)\n",
            Distro("centos", "7.9.2009", "CentOS Linux release 7.9.2009 (Core)", "Red Hat:7"),
        ),
        (
            "etc/redhat-release",
            "CentOS Stream release 8\n",
            Distro("centos", "8", "CentOS Stream release 8", ""),
        ),
        (
            "etc/redhat-release",
            "Red Hat Enterprise Linux Server release 7.9 (Maipo)\n",
            Distro(
                "rhel", "7.9", "Red Hat Enterprise Linux Server release 7.9 (Maipo)", "Red Hat:7"
            ),
        ),
        (
            "etc/rocky-release",
            "Rocky Linux release 9.2 (Blue Onyx)\n",
            Distro("rocky", "9.2", "Rocky Linux release 9.2 (Blue Onyx)", "Rocky Linux:9"),
        ),
        (
            "etc/oracle-release",
            "Oracle Linux Server release 8.8\n",
            Distro("ol", "8.8", "Oracle Linux Server release 8.8", ""),
        ),
        (
            "etc/system-release",
            "Amazon Linux AMI release 2018.03\n",
            Distro("amzn", "2018.03", "Amazon Linux AMI release 2018.03", ""),
        ),
        (
            "etc/SuSE-release",
            "SUSE Linux Enterprise Server 11 (x86_64)\nVERSION = 11\nPATCHLEVEL = 4\n",
            Distro("sles", "11.4", "SUSE Linux Enterprise Server 11 (x86_64)", "SUSE:11.4"),
        ),
        (
            "etc/SuSE-release",
            "openSUSE 13.1 (x86_64)\nVERSION = 13.1\n",
            Distro("opensuse", "13.1", "openSUSE 13.1 (x86_64)", "openSUSE:13.1"),
        ),
        (
            "etc/photon-release",
            "VMware Photon OS 3.0\nPHOTON_BUILD_NUMBER=a0f216d\n",
            Distro("photon", "3.0", "VMware Photon OS 3.0", "Photon OS:3.0"),
        ),
        ("etc/system-release", "Other 3\n", Distro("", "3", "Other 3", "")),
    ],
)
def test_older_files_say_it_in_their_own_ways(path, body, distro):
    assert parse(body.encode(), path) == distro


@pytest.mark.parametrize("path", PATHS)
def test_an_empty_file_names_no_distribution(path):
    assert parse(b"\n", path) == Distro("", "", "", "")


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


@given(st.sampled_from(PATHS), st.binary(max_size=300))
@settings(max_examples=300)
def test_any_bytes_are_read(path, body):
    for text in (body, b"ID=" + body + b"\nVERSION_ID=" + body):
        distro = parse(text, path)
        assert (distro.id + distro.version_id + distro.name).isprintable()
