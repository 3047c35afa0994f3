"""The fewest upgrades that close the most findings."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from findings.upgrades import Counts, Flaw, Interval, closing_version, plan
from findings.versions import encode


def a_flaw(name: str = "libssl3", fixed: str = "3.0.2", **fields) -> Flaw:
    given = {
        "type": "deb", "ecosystem": "Debian:12", "version": "3.0.1", "severity": 3,
        "vulnerability": "CVE-2026-1", "paths": ("var/lib/dpkg/status",),
    }  # fmt: skip
    return Flaw(name=name, fixed=fixed, **given | fields)


# --- the version that closes a finding ---


def interval(low: int, high: int | None, fixed: bool = True) -> Interval:
    return Interval(bytes([low]), None if high is None else bytes([high]), f"v{high}" * fixed)


@pytest.mark.parametrize(
    ("ranges", "version"),
    [
        ([interval(0, 7)], "v7"),
        ([interval(0, 7), interval(0, 9)], "v9"),
        ([interval(0, 7), interval(7, 9)], "v9"),
        ([interval(0, 7), interval(8, 9)], "v7"),
        ([interval(0, 7), interval(6, None)], ""),
        ([interval(0, 7), interval(0, 8, fixed=False)], ""),
        ([interval(0, None)], ""),
        ([interval(0, 5)], ""),
        ([], ""),
    ],
)
def test_the_smallest_version_that_no_advisory_covers(ranges, version):
    assert closing_version(bytes([5]), ranges) == version


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(st.integers(0, 20), st.integers(0, 20)).map(sorted).map(lambda r: interval(*r)),
        max_size=6,
    )
)
def test_it_is_the_first_beyond_the_installed_that_is_outside_all(ranges):
    def covered(key: int) -> bool:
        return any(each.low <= bytes([key]) < (each.high or b"") for each in ranges)

    first = next(key for key in range(5, 22) if not covered(key))
    assert closing_version(bytes([5]), ranges) == (f"v{first}" if first > 5 else "")


# --- the plan ---


def test_packages_of_a_distribution_are_upgraded_by_one_command():
    flaws = [
        a_flaw("libssl3", "3.0.2", source_name="openssl", severity=4),
        a_flaw("openssl", "3.0.2", source_name="openssl"),
        a_flaw("bash", "5.3", severity=1),
    ]
    (upgrade,) = plan(flaws, {"apt"}).upgrades
    assert upgrade.command == (
        "apt-get update && apt-get install --only-upgrade --yes bash libssl3 openssl"
    )
    assert upgrade.dockerfile == f"RUN {upgrade.command} && rm -rf /var/lib/apt/lists/*"
    assert upgrade.closes == Counts(critical=1, high=1, low=1)
    assert [(target.name, target.packages) for target in upgrade.targets] == [
        ("openssl", ("libssl3", "openssl")), ("bash", ("bash",)),
    ]  # fmt: skip


def test_the_version_of_a_package_closes_all_its_findings():
    versions = ["3.0.10", "3.0.9", "1:0.1"]
    flaws = [a_flaw(fixed=version) for version in versions]
    (target,) = plan(flaws, {"apt"}).upgrades[0].targets
    assert target.version == max(versions, key=lambda v: encode("Debian:12", v)) == "1:0.1"


@pytest.mark.parametrize(
    ("type", "ecosystem", "present", "command"),
    [
        ("apk", "Alpine:v3.19", "apk-tools", "apk add --no-cache --upgrade 'libssl3>=3.0.2'"),
        ("rpm", "Red Hat", "dnf", "dnf upgrade --refresh --assumeyes libssl3"),
        ("rpm", "Red Hat", "microdnf", "microdnf update --assumeyes libssl3"),
        ("rpm", "Red Hat", "yum", "yum update --assumeyes libssl3"),
        ("rpm", "Photon OS:5.0", "tdnf", "tdnf update --refresh --assumeyes libssl3"),
        ("rpm", "SUSE", "zypper", "zypper --non-interactive update libssl3"),
    ],
)
def test_each_image_has_the_command_of_its_own_package_manager(type, ecosystem, present, command):
    flaw = a_flaw(type=type, ecosystem=ecosystem)
    assert plan([flaw], {present, "bash"}).upgrades[0].command == command


@pytest.mark.parametrize("type", ["deb", "apk", "rpm"])
def test_without_a_package_manager_only_a_newer_base_helps(type):
    (upgrade,) = plan([a_flaw(type=type)], {"busybox"}).upgrades
    assert (upgrade.command, upgrade.dockerfile) == ("", "")
    assert "newer base" in upgrade.sentence


def test_each_application_is_upgraded_by_itself():
    npm = {"type": "npm", "ecosystem": "npm"}
    flaws = [
        a_flaw("a", "1.2.0", paths=("srv/one/node_modules/a/package.json",), **npm),
        a_flaw("a", "1.3.0", paths=("srv/one/node_modules/a/package.json",), **npm),
        a_flaw("b", "2.0.0", paths=("srv/one/node_modules/b/package.json",), **npm),
        a_flaw("c", "3.0.0", paths=("srv/one/node_modules/b/node_modules/c/package.json",), **npm),
        a_flaw("a", "1.2.0", paths=("srv/two/node_modules/a/package.json",), **npm),
    ]
    one, two = plan(flaws, ()).upgrades
    assert (one.place, one.closes.total) == ("/srv/one", 4)
    assert one.command == (
        "cd /srv/one && npm install a@1.3.0 b@2.0.0 && cd /srv/one && npm update c"
    )
    assert two.command == "cd /srv/two && npm install a@1.2.0"


@pytest.mark.parametrize(
    ("type", "ecosystem", "name", "path", "place", "command"),
    [
        ("python", "PyPI", "jinja2", "opt/venv/lib/python3.11/site-packages/j.dist-info/METADATA",
         "/opt/venv/lib/python3.11", "/opt/venv/bin/python -m pip install 'jinja2>=3.0.2'"),
        ("maven", "Maven", "a:b", "app/app.jar!/BOOT-INF/lib/b.jar", "/app/app.jar", ""),
        ("gem", "RubyGems", "rack", "srv/vendor/bundle/ruby/3.2.0/specifications/rack.gemspec",
         "/srv/vendor/bundle/ruby/3.2.0", "bundle update --conservative rack"),
        ("gem", "RubyGems", "rack", "usr/lib/ruby/specifications/rack-1.gemspec", "/usr/lib/ruby",
         "gem install --no-document rack:3.0.2 && gem cleanup"),
        ("gem", "RubyGems", "uri", "usr/lib/ruby/specifications/default/uri-1.gemspec",
         "/usr/lib/ruby", ""),
        ("composer", "Packagist", "a/b", "srv/app/vendor/composer/installed.json", "/srv/app",
         "cd /srv/app && composer update --with-dependencies a/b"),
        ("dotnet", "NuGet", "Newtonsoft.Json", "app/app.deps.json", "/app/app.deps.json",
         "dotnet add package --version 3.0.2 Newtonsoft.Json"),
        ("cargo", "crates.io", "rustls", "usr/bin/app", "/usr/bin/app",
         "cargo update --precise 3.0.2 --package rustls"),
        ("go-module", "Go", "example.org/m", "usr/bin/app", "/usr/bin/app",
         "go get example.org/m@v3.0.2 && go mod tidy"),
        ("go-module", "Go", "stdlib", "usr/bin/app", "/usr/bin/app", ""),
        ("binary", "", "nginx", "usr/sbin/nginx", "/usr/sbin/nginx", ""),
    ],
)  # fmt: skip
def test_each_language_has_an_honest_command_or_none(type, ecosystem, name, path, place, command):
    (upgrade,) = plan([a_flaw(name, type=type, ecosystem=ecosystem, paths=(path,))], ()).upgrades
    assert (upgrade.place, upgrade.command) == (place, command)
    assert upgrade.sentence


def test_what_closes_most_comes_first():
    language = {"type": "python", "ecosystem": "PyPI", "paths": ("a/site-packages/x/METADATA",)}
    flaws = [a_flaw("x", **language), a_flaw("y", **language), a_flaw(severity=4)]
    assert [upgrade.type for upgrade in plan(flaws, {"apt"}).upgrades] == ["python", "deb"]


def test_what_has_no_fix_is_counted_and_nothing_is_pretended():
    flaws = [
        a_flaw(fixed="", severity=4, base=True),
        a_flaw(fixed="", fix_state="wont-fix", severity=1),
    ]
    made = plan(flaws, {"apt"})
    assert made.upgrades == ()
    assert (made.waiting, made.wont_fix) == (Counts(critical=1), Counts(low=1))
    assert (made.base, made.own) == (Counts(critical=1), Counts(low=1))


@given(name=st.text(max_size=20), fixed=st.text(min_size=1, max_size=20), path=st.text(max_size=60))
@pytest.mark.parametrize("type", ["deb", "npm", "gem", "composer", "cargo", "dotnet"])
def test_a_command_never_holds_more_than_its_words(type, name, fixed, path):
    flaw = a_flaw(name, fixed, type=type, paths=(path,))
    for upgrade in plan([flaw], {"apt"}).upgrades:
        assert "\n" not in upgrade.dockerfile
        for part in upgrade.command.split(" && "):
            assert not set(';|&`$<>\n"') & set(part.replace(">=", ""))
