"""`manage.py scan`: what it prints, and how it exits. No test here may touch a database."""

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from findings import standalone
from tests import pushing
from tests.findings.test_sarif import valid
from tests.registry_server import LOGIN
from tests.scans.programs import elf
from tests.scans.sbom.test_writing import valid_cyclonedx, valid_spdx

ROOT = Path(__file__).resolve().parents[3]
OS_RELEASE = 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian 12"\n'
DPKG = """Package: libtool1
Status: install ok installed
Version: 1.0-1+b1
Architecture: amd64
Source: tool (1.0-1)

Package: calm
Status: install ok installed
Version: 2.0-1
Architecture: all
"""
DEBIAN = {"etc/os-release": OS_RELEASE, "var/lib/dpkg/status": DPKG}
NODE = {"srv/app/node_modules/left/package.json": '{"name": "left", "version": "1.0.0"}'}
CRITICAL = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]


def advisory(name, ecosystem, package, fixed="", **fields):
    events = [{"introduced": "0"}, *([{"fixed": fixed}] if fixed else [])]
    affected = {
        "package": {"ecosystem": ecosystem, "name": package},
        "ranges": [{"type": "ECOSYSTEM", "events": events}],
    }
    return {"id": name, "modified": "2026-01-01T00:00:00Z", "affected": [affected], **fields}


TOOL = advisory("DEBIAN-CVE-2026-1001", "Debian:12", "tool", "1.1-1", upstream=["CVE-2026-1001"])
LEFT = advisory("GHSA-left", "npm", "left", "1.0.1", severity=CRITICAL)
ELSEWHERE = [
    advisory("DEBIAN-1", "Debian:12", "absent"),
    advisory("GHSA-1", "npm", "absent"),
]


@pytest.fixture(autouse=True)
def today(monkeypatch):
    """A day on which Debian 12 still gets security fixes."""
    monkeypatch.setattr(standalone, "today", lambda: date(2026, 11, 24))


@pytest.fixture
def advisories(tmp_path) -> Callable[..., str]:
    """Write advisories as dumps by ecosystem, in place of earlier ones; the folder."""

    def write(*records: dict) -> str:
        folder = tmp_path / "advisories"
        for record in records:
            family = record["affected"][0]["package"]["ecosystem"].partition(":")[0]
            (folder / family).mkdir(parents=True, exist_ok=True)
            with zipfile.ZipFile(folder / family / "all.zip", "a") as archive:
                archive.writestr(f"{record['id']}.json", json.dumps(record))
        return str(folder)

    return write


@pytest.fixture
def layout(tmp_path) -> Callable[..., str]:
    """Put an image into a layout; its reference."""

    def write(*layers, built=None, **options) -> str:
        folder = tmp_path / "layout"
        pushing.write_layout(folder, built or pushing.image(*layers, **options), "app")
        return f"oci:{folder}:app"

    return write


def scan(reference, advisories, *options):
    """Exit code, standard output and standard error."""
    out, err = io.StringIO(), io.StringIO()
    arguments = [reference, *options, *(["--advisories", advisories] if advisories else [])]
    try:
        call_command("scan", *arguments, stdout=out, stderr=err)
        code = 0
    except SystemExit as exit_:
        code = exit_.code
    except CommandError as error:
        code = error.returncode
        err.write(str(error))
    return code, out.getvalue(), err.getvalue()


def as_json(reference, advisories, *options):
    code, out, _ = scan(reference, advisories, "--format", "json", *options)
    return code, json.loads(out)


# --- what it says -------------------------------------------------------------------------------


def test_the_json_tells_all_that_is_known_of_the_image(layout, advisories):
    built = pushing.image(DEBIAN, NODE)
    code, found = as_json(layout(built=built), advisories(TOOL, LEFT))
    assert code == 0
    assert (found["digest"], found["platform"]) == (built.digest, "linux/amd64")
    assert found["distro"] == {"id": "debian", "version": "12", "name": "Debian 12"}
    assert (found["verdict"], found["reason"]) == ("unhealthy", "")
    assert [(p["type"], p["name"], p["version"], p["path"]) for p in found["packages"]] == [
        ("npm", "left", "1.0.0", "/srv/app/node_modules/left/package.json"),
        ("deb", "libtool1", "1.0-1+b1", "/var/lib/dpkg/status"),
        ("deb", "calm", "2.0-1", "/var/lib/dpkg/status"),
    ]
    layers = [layer["digest"] for layer in json.loads(built.body)["layers"]]
    assert [p["layer"] for p in found["packages"]] == [layers[1], layers[0], layers[0]]
    assert found["packages"][0]["purl"] == "pkg:npm/left@1.0.0"


def test_a_finding_tells_its_names_its_proof_and_what_to_do(layout, advisories):
    _, found = as_json(layout(DEBIAN, NODE), advisories(TOOL, LEFT))
    left, tool = found["findings"]
    assert (tool["id"], tool["aliases"]) == ("CVE-2026-1001", ["DEBIAN-CVE-2026-1001"])
    assert (tool["package"], tool["version"]) == ("libtool1", "1.0-1+b1")
    assert (tool["fixed_version"], tool["severity"]) == ("1.1-1", "unknown")
    assert tool["remediation"].startswith("Upgrade libtool1 to a build of tool 1.1-1 or later.")
    assert (left["id"], left["severity"], left["cvss"]) == ("GHSA-left", "critical", 9.8)
    assert left["command"] == "cd /srv/app && npm install left@1.0.1"


def test_the_table_shows_the_worst_first(layout, advisories):
    code, out, err = scan(layout(DEBIAN, NODE), advisories(TOOL, LEFT))
    assert (code, err) == (0, "")
    assert out.index("GHSA-left") < out.index("CVE-2026-1001")
    assert "Debian 12, 3 packages" in out
    assert "Unhealthy. 1 critical, 1 unknown" in out


def test_a_distribution_past_its_end_of_life_is_never_healthy(layout, advisories):
    old = {"etc/os-release": 'ID=debian\nVERSION_ID="9"\nPRETTY_NAME="Debian 9"\n'}
    records = advisories(advisory("DEBIAN-1", "Debian:9", "absent"))
    code, found = as_json(layout(DEBIAN | old), records, "--fail-on", "high")
    assert code == 2
    assert (found["verdict"], found["reason"]) == ("unverified", "end-of-life")
    assert found["end_of_life"] == "2022-06-30"
    assert found["detail"].startswith("Security fixes for Debian 9 ended on 30 June 2022:")


def test_a_file_that_could_not_be_read_keeps_the_rest_from_being_healthy(layout, advisories):
    large = {"srv/app/node_modules/big/package.json": " " * (4 * 2**20 + 1)}
    reference, records = layout(DEBIAN, NODE | large), advisories(*ELSEWHERE)
    _, found = as_json(reference, records)
    (unread,) = found["unread_files"]
    assert unread["path"] == "/srv/app/node_modules/big/package.json"
    assert (found["verdict"], found["reason"]) == ("unverified", "partly-read")
    assert found["detail"].startswith("1 file that tells of packages could not be read, first /srv")
    _, out, err = scan(reference, records)
    assert "Unverified (partly-read): 1 file that tells" in out
    assert "/srv/app/node_modules/big/package.json could not be read: " in err


def test_an_unhealthy_image_says_what_else_is_wrong_with_it(layout, advisories):
    old = {"etc/os-release": 'ID=debian\nVERSION_ID="9"\nPRETTY_NAME="Debian 9"\n'}
    old_tool = advisory("CVE-2026-1001", "Debian:9", "tool", "1.1-1")
    code, found = as_json(layout(DEBIAN | old, NODE), advisories(old_tool), "--fail-on", "critical")
    assert (code, found["verdict"]) == (2, "unhealthy")
    not_judged, ended = found["detail"].splitlines()
    assert not_judged == "Read, but not judged: no advisory was loaded for npm."
    assert ended.startswith("Security fixes for Debian 9 ended")


APT = "\nPackage: apt\nStatus: install ok installed\nVersion: 2\n"
WITH_APT = DEBIAN | {"var/lib/dpkg/status": DPKG + APT}


@pytest.mark.parametrize(("files", "command"), [(WITH_APT, "apt-get update"), (DEBIAN, "")])
def test_a_command_is_given_only_where_the_image_has_what_runs_it(
    layout, advisories, files, command
):
    _, found = as_json(layout(files), advisories(TOOL))
    (finding,) = found["findings"]
    assert finding["command"].startswith(command)
    assert bool(finding["command"]) == bool(command)
    assert ("no package manager" in finding["remediation"]) == (not command)


def test_after_the_table_it_says_what_to_do(layout, advisories):
    _, output, _ = scan(layout(WITH_APT, NODE), advisories(TOOL, LEFT, *ELSEWHERE))
    before, _, after = output.partition("What to do")
    assert "libtool1" in before
    assert "* deb packages: closes 1 (1 unknown)" in after
    assert "apt-get update && apt-get install --only-upgrade --yes libtool1" in after
    assert "* npm packages of /srv/app: closes 1 (1 critical)" in after
    assert "cd /srv/app && npm install left@1.0.1" in after


def test_without_a_package_manager_and_without_a_fix_it_says_so(layout, advisories):
    calm = advisory("DEBIAN-CVE-2026-1002", "Debian:12", "calm")
    _, output, _ = scan(layout(DEBIAN), advisories(TOOL, calm, *ELSEWHERE))
    assert "no package manager to upgrade these with: build it again on a newer base" in output
    assert "* Nothing available yet for 1." in output


@pytest.mark.parametrize(
    ("format", "check"), [("cyclonedx", valid_cyclonedx), ("spdx", valid_spdx), ("sarif", valid)]
)
def test_other_programs_are_served_in_their_own_formats(layout, advisories, format, check):
    code, output, _ = scan(layout(DEBIAN, NODE), advisories(TOOL, LEFT), "--format", format)
    assert code == 0
    check(output.encode())
    assert "libtool1" in output
    assert "left" in output


def test_a_package_in_two_places_is_one_line_of_the_table(layout, advisories):
    twice = {**NODE, "opt/node_modules/left/package.json": '{"name":"left","version":"1.0.0"}'}
    reference = layout(DEBIAN, twice)
    _, out, _ = scan(reference, advisories(TOOL, LEFT))
    assert out.count("GHSA-left") == 1
    _, found = as_json(reference, advisories())
    assert len([f for f in found["findings"] if f["id"] == "GHSA-left"]) == 2


def test_an_image_without_findings_is_healthy(layout, advisories):
    code, out, err = scan(layout(DEBIAN, NODE), advisories(*ELSEWHERE), "--fail-on", "low")
    assert (code, err) == (0, "")
    assert "Healthy." in out


def test_what_an_image_calls_itself_does_not_steer_the_terminal(layout, advisories):
    name = "lib\x1b]0;owned\x07\x1b[31m"
    record = advisory("GHSA-2", "npm", name, summary="\x1b[2J")
    hostile = {"node_modules/x/package.json": json.dumps({"name": name, "version": "1.0.0"})}
    reference, folder = layout(DEBIAN, hostile), advisories(record, TOOL)
    for options in ([], ["--format", "json"]):
        _, out, err = scan(reference, folder, *options)
        assert not {"\x1b", "\x07"} & set(out + err)


# --- what could not be judged -------------------------------------------------------------------


def test_an_ecosystem_without_advisories_leaves_the_image_unverified(layout, advisories):
    reference, folder = layout(DEBIAN, NODE), advisories(ELSEWHERE[0])
    code, found = as_json(reference, folder)
    assert (code, found["verdict"], found["reason"]) == (0, "unverified", "not-judged")
    assert found["not_judged"] == ["npm"]
    assert "no advisories are loaded for npm" in scan(reference, folder)[2]


def test_advisories_of_which_none_can_be_read_judge_nothing(layout, advisories):
    odd = advisory("GHSA-odd", "npm", "absent", "no version")
    _, found = as_json(layout(DEBIAN, NODE), advisories(ELSEWHERE[0], odd))
    assert (found["verdict"], found["not_judged"]) == ("unverified", ["npm"])


def test_a_program_that_no_package_brought_and_no_advisory_knows_is_named_as_what_it_is(
    layout, advisories
):
    busybox = {"bin/busybox": elf({".rodata": b"BusyBox v1.36.1 "})}
    code, found = as_json(layout(DEBIAN, busybox), advisories(*ELSEWHERE), "--fail-on", "high")
    assert (code, found["verdict"], found["reason"]) == (2, "unverified", "not-judged")
    assert (found["not_judged"], found["programs_not_judged"]) == ([], ["busybox"])
    assert "programs that no package brought (busybox)" in found["detail"]


def test_findings_show_even_where_an_ecosystem_was_not_judged(layout, advisories):
    code, found = as_json(layout(DEBIAN, NODE), advisories(TOOL), "--fail-on", "high")
    assert (found["verdict"], found["not_judged"]) == ("unhealthy", ["npm"])
    assert code == 2


def test_an_unknown_version_of_what_an_advisory_names_leaves_the_image_unverified(
    layout, advisories
):
    odd = {"node_modules/x/package.json": '{"name": "x", "version": "what"}'}
    named = advisory("GHSA-x", "npm", "x", "1.0.1")
    code, found = as_json(layout(DEBIAN, odd), advisories(*ELSEWHERE, named), "--fail-on", "low")
    assert (found["verdict"], found["reason"]) == ("unverified", "unknown-version")
    assert [package["name"] for package in found["unknown_versions"]] == ["x"]
    assert code == 2


@pytest.mark.parametrize(
    ("layer", "options", "reason"),
    [({"bin/tool": "#!"}, {}, "empty"), (DEBIAN, {"os": "windows"}, "windows")],
)
def test_an_image_that_cannot_be_read_is_unverified_and_passes_no_gate(
    layout, advisories, layer, options, reason
):
    reference, folder = layout(layer, **options), advisories(TOOL)
    code, found = as_json(reference, folder)
    assert (code, found["verdict"], found["reason"]) == (0, "unverified", reason)
    assert found["detail"].endswith(".")
    assert scan(reference, folder, "--fail-on", "critical")[0] == 2


# --- the gate -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("threshold", "code"), [("low", 1), ("medium", 1), ("high", 1), ("critical", 0)]
)
def test_the_exit_code_says_whether_the_threshold_was_reached(layout, advisories, threshold, code):
    high = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}]
    record = advisory("GHSA-3", "npm", "left", severity=high)
    folder = advisories(record, ELSEWHERE[0])
    assert scan(layout(DEBIAN, NODE), folder, "--fail-on", threshold)[0] == code


def test_a_finding_of_unknown_severity_counts_as_low_and_says_so(layout, advisories):
    reference, folder = layout(DEBIAN), advisories(TOOL)
    assert scan(reference, folder, "--fail-on", "low")[0] == 1
    code, _, err = scan(reference, folder, "--fail-on", "high")
    assert code == 0
    assert "1 findings have no severity" in err


# --- which image --------------------------------------------------------------------------------


def test_of_an_index_the_platform_asked_for_is_scanned(layout, advisories):
    amd, arm = (pushing.image(DEBIAN, architecture=name) for name in ("amd64", "arm64"))
    reference = layout(built=pushing.index(arm, pushing.attestation(arm), amd))
    folder = advisories(TOOL)
    assert as_json(reference, folder)[1]["digest"] == amd.digest
    assert as_json(reference, folder, "--platform", "linux/arm64")[1]["digest"] == arm.digest
    code, _, err = scan(reference, folder, "--platform", "linux/s390x")
    assert code == 2
    assert "linux/arm64, linux/amd64" in err


def test_of_an_index_without_the_usual_platform_the_first_is_scanned(layout, advisories):
    arm, ppc = (pushing.image(DEBIAN, architecture=name) for name in ("arm64", "ppc64le"))
    _, found = as_json(layout(built=pushing.index(arm, ppc)), advisories(TOOL))
    assert (found["digest"], found["platform"]) == (arm.digest, "linux/arm64")


def test_an_archive_of_docker_save_is_scanned(tmp_path, advisories):
    layer = pushing.tar_of(DEBIAN)
    config = {
        "os": "linux",
        "architecture": "amd64",
        "rootfs": {"type": "layers", "diff_ids": [pushing.digest_of(layer)]},
    }
    listing = [{"Config": "config.json", "RepoTags": ["app:1"], "Layers": ["layer.tar"]}]
    parts = {
        "manifest.json": json.dumps(listing),
        "config.json": json.dumps(config),
        "layer.tar": layer,
    }
    (tmp_path / "app.tar").write_bytes(pushing.tar_of(parts))
    _, found = as_json(f"docker-archive:{tmp_path / 'app.tar'}", advisories(TOOL))
    assert [finding["id"] for finding in found["findings"]] == ["CVE-2026-1001"]


def test_a_registry_is_asked_by_tag_and_by_digest_with_a_login(
    docker_registry, advisories, monkeypatch
):
    server = docker_registry(auth="htpasswd")
    digest = pushing.push(server.url, "team/app", pushing.image(DEBIAN), "1.0", LOGIN)
    login = ["--username", LOGIN[0], "--password-stdin", "--insecure"]
    folder = advisories(TOOL)
    for reference in (f"{server.address}/team/app:1.0", f"{server.address}/team/app@{digest}"):
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{LOGIN[1]}\n"))
        assert as_json(reference, folder, *login)[1]["digest"] == digest
    code, out, err = scan(f"{server.address}/team/app:1.0", folder)
    assert (code, out) == (2, "")
    assert "login" in err


# --- errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "options", "sentence"),
    [
        ("no-registry", [], "names no registry"),
        ("oci:/nowhere:app", [], "/nowhere"),
        ("docker-archive:/nowhere.tar", [], "/nowhere.tar"),
        ("example.org/app", ["--username", "me"], "go together"),
        ("example.org/app", ["--platform", "linux"], "not a platform"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(advisories, reference, options, sentence):
    code, out, err = scan(reference, advisories(TOOL), *options)
    assert (code, out) == (2, "")
    assert sentence in err


def test_without_advisories_nothing_is_judged(layout, settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"
    code, _, err = scan(layout(DEBIAN), None)
    assert code == 2
    assert "--advisories" in err


def test_the_advisories_of_the_data_folder_are_the_default(layout, settings, tmp_path, advisories):
    advisories(TOOL)
    settings.DATA_DIR = tmp_path
    _, found = as_json(layout(DEBIAN), None)
    assert [finding["id"] for finding in found["findings"]] == ["CVE-2026-1001"]


def test_advisories_none_of_which_can_be_read_judge_nothing(layout, tmp_path):
    (tmp_path / "broken.json").write_text("{}")
    code, _, err = scan(layout(DEBIAN), str(tmp_path / "broken.json"))
    assert code == 2
    assert "no OSV record" in err


def test_from_the_shell_it_needs_no_database(layout, advisories, tmp_path):
    environment = {
        **os.environ,
        "VIGIE_DATA_DIR": str(tmp_path / "data"),
        "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
        "CELERY_BROKER_URL": "redis://127.0.0.1:1/0",
    }
    command = [sys.executable, "manage.py", "scan", layout(DEBIAN), "--fail-on", "low"]
    done = subprocess.run(
        [*command, "--advisories", advisories(TOOL)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert "CVE-2026-1001" in done.stdout


# --- real images --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tag",
    [
        "debian12-minbase",
        "distroless-amd64",
        "alpine-3.10.9-amd64",
        "alpine-3.15.11-amd64",
        "alpine-3.19.4-amd64",
    ],
)
def test_real_images_have_the_findings_of_their_distributions_own_comparers(shared, tag):
    data = shared / "data"
    truth = json.loads((data / "findings" / f"{tag}.json").read_text())["findings"]
    _, found = as_json(f"oci:{data / 'images'}:{tag}", str(data / "advisories"))
    assert {(f["package"], f["version"], f["id"]) for f in found["findings"]} == {
        (row["package"], row["version"], row.get("id") or row["cve"]) for row in truth
    }
    assert found["not_judged"] == []


def test_a_real_image_of_many_kinds_of_packages_has_the_findings_of_each(shared):
    data = shared / "data"
    name = "debian12-python-node"
    _, found = as_json(f"oci:{data / 'images'}:{name}", str(data / "advisories"))
    for kind, type_ in (("pypi", "python"), ("npm", "npm")):
        truth = json.loads((data / "findings" / f"{name}-{kind}.json").read_text())["findings"]
        wanted = {(row["package"], row["version"], row["id"]) for row in truth}
        rows = [row for row in found["findings"] if row["type"] == type_]
        proofs = {(row["package"], row["version"], row["advisory"]) for row in rows}
        names = {
            (row["package"], row["version"], known)
            for row in rows
            for known in (row["id"], *row["aliases"])
        }
        # Several advisories may be one finding: one of them is its proof, all are its names.
        assert proofs <= wanted <= names
