"""Remediation a person can paste, whatever an image or an advisory calls itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from findings.remediation import remediate

NPM_TREE = "usr/local/lib/node_modules"


@pytest.mark.parametrize(
    ("type", "name", "path", "command"),
    [
        ("deb", "libssl3", "", "apt-get update && apt-get install --only-upgrade --yes libssl3"),
        ("apk", "libssl3", "", "apk add --no-cache --upgrade 'libssl3>=1.2.3'"),
        ("rpm", "openssl-libs", "", "dnf upgrade --refresh --assumeyes openssl-libs"),
        ("python", "jinja2", "", "pip install 'jinja2>=1.2.3'"),
        (
            "python",
            "jinja2",
            "opt/venv/lib/python3.11/site-packages/jinja2-1.dist-info/METADATA",
            "/opt/venv/bin/python -m pip install 'jinja2>=1.2.3'",
        ),
        ("npm", "lodash", "", "npm install lodash@1.2.3"),
        (
            "npm",
            "@scope/kit",
            "srv/app/node_modules/@scope/kit/package.json",
            "cd /srv/app && npm install @scope/kit@1.2.3",
        ),
        (
            "npm",
            "tar",
            "srv/app/node_modules/gyp/node_modules/tar/package.json",
            "cd /srv/app && npm update tar",
        ),
        ("npm", "npm", f"{NPM_TREE}/npm/package.json", "npm install --global npm@1.2.3"),
        (
            "npm",
            "tar",
            f"{NPM_TREE}/npm/node_modules/tar/package.json",
            "npm install --global npm@latest",
        ),
        ("go-module", "example.org/m/v2", "", "go get example.org/m/v2@v1.2.3 && go mod tidy"),
        ("binary", "busybox", "", ""),
    ],
)
def test_each_type_has_its_own_command(type, name, path, command):
    assert remediate(type, name, "", "1.2.3", path).command == command


@pytest.mark.parametrize(
    ("type", "line"),
    [
        (
            "deb",
            "RUN apt-get update && apt-get install --only-upgrade --yes name"
            " && rm -rf /var/lib/apt/lists/*",
        ),
        ("apk", "RUN apk add --no-cache --upgrade 'name>=1.2.3'"),
        ("rpm", "RUN dnf upgrade --refresh --assumeyes name && dnf clean all"),
        ("python", "RUN pip install --no-cache-dir 'name>=1.2.3'"),
        ("npm", "RUN npm install name@1.2.3 && npm cache clean --force"),
        ("go-module", ""),
        ("binary", ""),
    ],
)
def test_a_dockerfile_has_a_line_that_leaves_nothing_behind(type, line):
    assert remediate(type, "name", "", "1.2.3").dockerfile == line


def test_a_debian_package_is_fixed_by_the_version_of_its_source():
    advice = remediate("deb", "libssl3", "openssl", "3.0.15-1~deb12u1")
    assert advice.sentence == "Upgrade libssl3 to a build of openssl 3.0.15-1~deb12u1 or later."
    assert "--pull" in advice.rebuild


def test_a_nested_dependency_names_what_brought_it():
    path = "app/node_modules/@a/b/node_modules/c/package.json"
    assert "a dependency of @a/b" in remediate("npm", "c", "", "2.0.0", path).sentence


@pytest.mark.parametrize("type", ["deb", "apk", "rpm", "python", "npm", "go-module"])
def test_without_a_fix_nothing_is_pretended(type):
    advice = remediate(type, "name", "name", "")
    assert advice.sentence.startswith("No fixed version is published yet")
    assert (advice.command, advice.dockerfile, advice.rebuild) == ("", "", "")


@pytest.mark.parametrize(
    ("type", "name", "fixed"),
    [
        ("npm", "left", "npm:right@1.0.0"),
        ("npm", "owner/repository", "1.0.0"),
        ("npm", "left", "https://example.org/x.tgz"),
        ("python", "-r", "1.0"),
        ("python", "left @ https://example.org/x.whl", "1.0"),
        ("deb", "--reinstall", "1.0"),
        ("deb", "a; reboot", "1.0"),
        ("apk", "a\nreboot", "1.0"),
        ("apk", "a", "1.0 b"),
        ("go-module", "a", "v1.0.0;reboot"),
    ],
)
def test_what_is_no_plain_name_or_version_gets_no_command(type, name, fixed):
    advice = remediate(type, name, "", fixed)
    assert (advice.command, advice.dockerfile) == ("", "")


@pytest.mark.parametrize("type", ["deb", "apk", "rpm", "python", "npm", "go-module"])
@given(name=st.text(max_size=20), fixed=st.text(min_size=1, max_size=20), path=st.text(max_size=60))
def test_a_command_never_holds_more_than_its_words(type, name, fixed, path):
    advice = remediate(type, name, "", fixed, path)
    command = advice.command
    assert "\n" not in advice.dockerfile
    for part in command.split(" && "):
        assert not set(';|&`$<>\n"') & set(part.replace(">=", ""))
