"""Where packages and advisories meet, however their sources spell release, name and version."""

import pytest

from findings.keys import (
    ANY_STREAM,
    canonical_ecosystem,
    canonical_name,
    flavours,
    match_key,
    streams,
)
from findings.versions import encode

MODULAR = "1:18.12.1-2.module_el8.7.0+3370+40ccb2a8"


@pytest.mark.parametrize(
    ("published", "carried"),
    [
        ("Red Hat:enterprise_linux:9::baseos", "Red Hat:9"),
        ("Red Hat:enterprise_linux:9::appstream", "Red Hat:9"),
        ("Red Hat:enterprise_linux:7::server", "Red Hat:7"),
        ("Red Hat:enterprise_linux:10.1", "Red Hat:10"),
        ("Red Hat:9", "Red Hat:9"),
        ("SUSE:Linux Enterprise Server 15 SP4", "SUSE:15.4"),
        ("SUSE:Linux Enterprise Server 15", "SUSE:15"),
        ("SUSE:Linux Enterprise Server 16.0", "SUSE:16.0"),
        ("SUSE:Linux Enterprise Server 15 SP4-LTSS", "SUSE:15.4"),
        ("SUSE:Linux Enterprise Server LTSS Extended Security 12 SP5", "SUSE:12.5"),
        ("SUSE:Linux Enterprise Server for SAP Applications 15 SP3", "SUSE:15.3"),
        ("SUSE:Linux Enterprise High Performance Computing 15 SP4-ESPOS", "SUSE:15.4"),
        ("SUSE:Linux Enterprise Module for Basesystem 15 SP6", "SUSE:15.6"),
        ("SUSE:Linux Enterprise Module for Python 3 15 SP5", "SUSE:15.5"),
        ("openSUSE:Leap 15.6", "openSUSE:15.6"),
        ("Debian:12.5", "Debian:12"),
        ("AlmaLinux:9.3", "AlmaLinux:9"),
        ("Azure Linux:3.0", "Azure Linux:3"),
        ("Alpine:v3.19", "Alpine:v3.19"),
        ("Alpine:3.19.4", "Alpine:v3.19"),
        ("Maven:https://maven.google.com", "Maven"),
        ("Packagist:https://packages.drupal.org/8", "Packagist"),
    ],
)
def test_a_release_goes_by_the_name_that_packages_carry(published, carried):
    assert canonical_ecosystem(published) == carried


@pytest.mark.parametrize(
    "published",
    [
        "Red Hat:rhel_eus:9.2::appstream",
        "Red Hat:rhel_aus:8.4::baseos",
        "Red Hat:enterprise_linux_eus:10.0",
        "Red Hat:openshift:4.14::el9",
        "SUSE:Linux Enterprise Micro 5.3",
        "SUSE:Package Hub 15 SP5",
        "SUSE:Manager Server 4.3",
        "openSUSE:Tumbleweed",
        "openSUSE:Leap Micro 5.5",
        "Ubuntu:22.04:LTS",
        "Ubuntu:Pro:22.04:LTS",
        "Ubuntu:Pro:FIPS-updates:22.04:LTS",
        "Photon OS:4.0",
        "openEuler:24.03-LTS-SP1",
        "Wolfi",
        "Debian",
        "Alpine",
        "npm",
        "",
    ],
)
def test_what_is_another_release_or_none_keeps_its_name(published):
    assert canonical_ecosystem(published) == published


@pytest.mark.parametrize(
    ("ecosystem", "name", "canonical"),
    [
        ("PyPI", "Zope.Interface", "zope-interface"),
        ("NuGet", "Newtonsoft.Json", "newtonsoft.json"),
        ("Packagist", "Symfony/HTTP-Kernel", "symfony/http-kernel"),
        ("npm", "@Scope/JSONStream", "@Scope/JSONStream"),
        ("Maven", "org.Example:Art", "org.Example:Art"),
        ("Go", "github.com/BurntSushi/toml", "github.com/BurntSushi/toml"),
        ("Debian:12", "libX11", "libX11"),
    ],
)
def test_a_name_is_written_as_its_ecosystem_compares_it(ecosystem, name, canonical):
    assert canonical_name(ecosystem, name) == canonical


@pytest.mark.parametrize(
    ("installed", "means"),
    [
        ("go1.17.2", "1.17.2"),
        ("go1.21", "1.21.0"),
        ("go1.21rc2", "1.21.0-rc.2"),
        ("go1.20.10 (Red Hat 1.20.10-1.el9)", "1.20.10"),
        ("go1.20.5 X:boringcrypto", "1.20.5"),
        ("v1.2.3", "1.2.3"),
        ("v2.0.0+incompatible", "2.0.0"),
        ("v0.0.0-20170330155735-e4e2799dd7aa", "0.0.0-20170330155735-e4e2799dd7aa"),
    ],
)
def test_go_spells_versions_in_its_own_ways(installed, means):
    assert match_key("go-module", "Go", "stdlib", installed, "", "").key == encode("Go", means)


@pytest.mark.parametrize("installed", ["(devel)", "devel go1.22-4f3a1c2", "UNKNOWN", ""])
def test_a_go_module_built_from_nobody_knows_what_is_unknown(installed):
    assert match_key("go-module", "Go", "example.com/x", installed, "", "").key is None


def test_a_release_of_go_comes_after_its_candidates():
    keys = [
        match_key("go-module", "Go", "stdlib", version, "", "").key
        for version in ("go1.20.14", "go1.21beta1", "go1.21rc2", "go1.21", "go1.21.1")
    ]
    assert keys == sorted(keys)
    assert None not in keys


@pytest.mark.parametrize(
    ("ecosystem", "name", "version"),
    [
        ("AlmaLinux:9", "openssl-libs", "1:3.0.7-2"),
        ("Red Hat:9", "openssl-libs", "1:3.0.7-2"),
        ("SUSE:15.4", "openssl", "1:3.0.7-2"),
        ("openSUSE:15.6", "openssl", "1:3.0.7-2"),
        ("Azure Linux:3", "openssl", "1:3.0.7-2"),
    ],
)
def test_an_rpm_is_judged_by_the_name_its_distributions_advisories_use(ecosystem, name, version):
    """And keeps its epoch, which the name of its source package does not tell."""
    key = match_key("rpm", ecosystem, "openssl-libs", "1:3.0.7-2", "openssl", "3.0.7-2")
    assert (key.name, key.key) == (name, encode(ecosystem, version))


def test_an_rpm_of_another_version_than_its_source_is_judged_by_the_sources():
    key = match_key("rpm", "SUSE:15.4", "perl-base-extra", "0.9-1", "perl", "5.26.1-2")
    assert key.key == encode("SUSE", "5.26.1-2")


# --- flavours -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "named"),
    [
        ("Important: nodejs:18 security update", ("nodejs:18",)),
        ("new module: php:7.4", ("php:7.4",)),
        ("Moderate: virt:rhel and virt-devel:rhel security", ("virt:rhel", "virt-devel:rhel")),
        ("mod_auth_openidc:2.3  bug fix update", ("mod_auth_openidc:2.3",)),
        ("Moderate: container-tools:rhel8, again", ("container-tools:rhel8",)),
        ("Moderate: ruby security update", ()),
        ("Important: see https://example.org/x", ()),
        ("", ()),
    ],
)
def test_streams_are_read_from_the_title(title, named):
    assert streams(title) == named


def test_an_advisory_is_about_the_flavour_of_the_version_it_gives():
    assert flavours("AlmaLinux:8", MODULAR, ("nodejs:18",)) == ("nodejs:18",)
    assert flavours("Rocky Linux:8", "1-1.module+el8.9.0+1", ("a:1", "b:1")) == ("a:1", "b:1")
    assert flavours("AlmaLinux:8", MODULAR, ()) == (ANY_STREAM,)
    assert flavours("AlmaLinux:8", "1:18.12.1-2.el8", ("nodejs:18",)) == ("",)
    assert flavours("Oracle Linux:9", "2:2.34-60.0.2.ksplice1.el9", ()) == ("ksplice",)
    assert flavours("Oracle Linux:8", "10:3.6.16-4.0.1.el8_fips", ()) == ("fips",)
    assert flavours("npm", "1.0.0-module_el8", ()) == ("",)


def test_a_package_is_of_the_flavour_of_its_module_or_build():
    key = match_key("rpm", "AlmaLinux:8", "nodejs", MODULAR, "", "", "nodejs:18")
    assert (key.flavour, key.key) == ("nodejs:18", encode("AlmaLinux", MODULAR))
    assert match_key("rpm", "AlmaLinux:8", "bash", "5-1.el8", "", "").flavour == ""
    assert match_key("rpm", "Oracle Linux:8", "x", "1-1.el8_fips", "", "").flavour == "fips"


def test_a_modular_package_of_no_known_stream_is_of_unknown_version():
    """Any stream may be its own, and their versions cannot be compared with each other."""
    assert match_key("rpm", "AlmaLinux:8", "nodejs", MODULAR, "", "").key is None
