"""Which packages have which vulnerabilities, and by which proof."""

import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from findings import severity
from findings.feeds.osv import AffectedRange, parse
from findings.feeds.sources import open_source
from findings.keys import match_key
from findings.matching import (
    MAX_CLUSTER,
    Candidate,
    choose,
    cluster_ids,
    match,
    preferred_name,
)
from findings.versions import encode

CRITICAL = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"


@dataclass(frozen=True)
class Package:
    type: str
    ecosystem: str
    name: str
    version: str
    source_name: str = ""
    source_version: str = ""
    module: str = ""


def record(name, *affected, modified="2026-01-01T00:00:00Z", **fields):
    return parse(
        json.dumps({"id": name, "modified": modified, "affected": affected, **fields}).encode()
    )


def affects(ecosystem, name, *, fixed="", **fields):
    events = [{"introduced": "0"}, *([{"fixed": fixed}] if fixed else [])]
    package = {"ecosystem": ecosystem, "name": name}
    return {"package": package, "ranges": [{"type": "ECOSYSTEM", "events": events}], **fields}


LODASH = Package("npm", "npm", "lodash", "4.17.4")


# --- keys ---------------------------------------------------------------------------------------


def test_debian_and_alpine_packages_are_judged_by_their_source():
    key = match_key("deb", "Debian:12", "libssl3", "3.0.11-1+b1", "openssl", "3.0.11-1")
    assert (key.ecosystem, key.name) == ("Debian:12", "openssl")
    assert key.key == encode("Debian", "3.0.11-1")
    key = match_key("apk", "Alpine:v3.19", "libssl3", "3.1.7-r0", "openssl", "")
    assert (key.name, key.key) == ("openssl", encode("Alpine", "3.1.7-r0"))
    assert match_key("deb", "Debian:12", "bash", "5.2-2", "", "").name == "bash"


def test_rpm_packages_are_judged_by_their_own_name():
    key = match_key("rpm", "AlmaLinux:9", "openssl-libs", "1:3.0.7-2.el9", "openssl", "3.0.7-2.el9")
    assert (key.name, key.key) == ("openssl-libs", encode("AlmaLinux", "1:3.0.7-2.el9"))


def test_python_names_are_normalised_and_local_builds_judged_as_what_they_build():
    key = match_key("python", "PyPI", "Zope.Interface", "2.6.0+cu124", "", "")
    assert (key.name, key.key) == ("zope-interface", encode("PyPI", "2.6.0"))


def test_npm_names_are_kept_as_they_are():
    assert match_key("npm", "npm", "@Scope/JSONStream", "1.0.0", "", "").name == "@Scope/JSONStream"


@pytest.mark.parametrize(("named", "unknown"), [("x", (1,)), ("y", ())])
def test_an_unknown_version_counts_where_an_advisory_names_the_package(named, unknown):
    package = Package("npm", "npm", "x", "UNKNOWN")
    judgement = match([LODASH, package], [record("A", affects("npm", named))])
    assert judgement.unknown == unknown
    assert judgement.matches == ()


# --- names --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ids", "name"),
    [
        (["GHSA-a", "CVE-2024-10", "PYSEC-1"], "CVE-2024-10"),
        (["CVE-2024-10", "CVE-2024-9", "CVE-2023-99999"], "CVE-2023-99999"),
        (["PYSEC-1", "GHSA-b", "GHSA-a"], "GHSA-a"),
        (["RUSTSEC-2"], "RUSTSEC-2"),
        (["DEBIAN-CVE-2024-1", "CVE-2024-1"], "CVE-2024-1"),
    ],
)
def test_a_vulnerability_goes_by_its_cve_whatever_the_order(ids, name):
    for _ in range(3):
        random.shuffle(ids)
        assert preferred_name(ids) == name


def test_a_record_of_one_upstream_vulnerability_is_that_vulnerability():
    assert cluster_ids(record("DEBIAN-CVE-2024-1", upstream=["CVE-2024-1"])) == (
        "DEBIAN-CVE-2024-1",
        "CVE-2024-1",
    )


def test_an_erratum_of_several_vulnerabilities_stays_a_finding_of_its_own():
    erratum = record("DSA-1", upstream=["CVE-2024-1", "CVE-2024-2"], related=["CVE-2024-3"])
    assert cluster_ids(erratum) == ("DSA-1",)


def test_a_record_that_claims_every_name_is_not_believed():
    greedy = record("X", aliases=[f"CVE-2024-{n}" for n in range(MAX_CLUSTER)])
    assert cluster_ids(greedy) == ("X",)


# --- matching -----------------------------------------------------------------------------------


def test_a_match_carries_its_proof():
    advisory = record(
        "GHSA-x",
        affects("npm", "lodash", fixed="4.17.5"),
        aliases=["CVE-2018-1"],
        severity=[{"type": "CVSS_V3", "score": CRITICAL}],
        summary="Pollution",
    )
    (found,) = match([LODASH], [advisory]).matches
    assert (found.package, found.vulnerability, found.aliases) == (0, "CVE-2018-1", ("GHSA-x",))
    assert (found.advisory, found.summary) == ("GHSA-x", "Pollution")
    assert (found.severity, found.cvss) == (severity.CRITICAL, Decimal("9.8"))
    assert (found.introduced, found.fixed_version, found.last_affected) == ("0", "4.17.5", "")


def test_only_the_same_ecosystem_release_and_name_match():
    records = [
        record("A", affects("Debian:11", "bash")),
        record("B", affects("PyPI", "bash")),
        record("C", affects("Debian:12", "bash-completion")),
        record("D", affects("Debian:12", "bash", fixed="5.2-1")),
    ]
    assert match([Package("deb", "Debian:12", "bash", "5.2-2")], records).matches == ()


def test_a_withdrawn_advisory_matches_nothing():
    withdrawn = record("A", affects("npm", "lodash"), withdrawn="2026-01-01T00:00:00Z")
    assert match([LODASH], [withdrawn]).matches == ()


def test_many_names_are_one_finding_even_through_a_record_that_does_not_match():
    records = [
        record("PYSEC-1", affects("PyPI", "tool"), aliases=["GHSA-1"]),
        record("CVE-2024-7", affects("PyPI", "tool")),
        record("GHSA-1", affects("npm", "other"), aliases=["CVE-2024-7"]),
    ]
    (found,) = match([Package("python", "PyPI", "tool", "1.0")], records).matches
    assert (found.vulnerability, found.aliases) == ("CVE-2024-7", ("GHSA-1", "PYSEC-1"))


def test_every_package_of_a_source_has_the_finding():
    packages = [
        Package("deb", "Debian:12", name, "3.0-1", "openssl", "3.0-1")
        for name in ("libssl3", "openssl")
    ]
    advisory = record("DEBIAN-CVE-2024-1", affects("Debian:12", "openssl"), upstream=["CVE-2024-1"])
    assert [(m.package, m.vulnerability) for m in match(packages, [advisory]).matches] == [
        (0, "CVE-2024-1"),
        (1, "CVE-2024-1"),
    ]


def test_a_proof_without_a_severity_takes_the_worst_of_the_same_vulnerability():
    records = [
        record("ALPINE-CVE-2024-1", affects("Alpine:v3.19", "zlib"), upstream=["CVE-2024-1"]),
        record("CVE-2024-1", severity=[{"type": "CVSS_V3", "score": CRITICAL}]),
    ]
    (found,) = match([Package("apk", "Alpine:v3.19", "zlib", "1.3-r0")], records).matches
    assert (found.advisory, found.severity, found.cvss) == (
        "ALPINE-CVE-2024-1",
        severity.CRITICAL,
        Decimal("9.8"),
    )


def test_the_severity_a_package_was_given_beats_that_of_the_record():
    advisory = record(
        "DEBIAN-CVE-2024-1",
        affects("Debian:12", "zlib", ecosystem_specific={"urgency": "unimportant"}),
        severity=[{"type": "CVSS_V3", "score": CRITICAL}],
    )
    (found,) = match([Package("deb", "Debian:12", "zlib", "1.3-1")], [advisory]).matches
    assert found.severity == severity.LOW


# --- choosing -----------------------------------------------------------------------------------


def candidate(name="A", *, fixed="", low=b"", high=None, day=1, own=False, rated=0):
    interval = AffectedRange("npm", "x", low, high, "0", fixed, "", None)
    return Candidate(name, datetime(2026, 1, day, tzinfo=UTC), own, rated, None, interval)


RANKED = [
    candidate("D", fixed="2.0", high=b"2", day=1, own=True),
    candidate("G", fixed="2.0", high=b"2", day=1, rated=severity.LOW),
    candidate("C", fixed="2.0", high=b"2", day=9),
    candidate("A", fixed="3.0", high=b"3", day=3),
    candidate("A", fixed="2.0", high=b"2", low=b"", day=3),
    candidate("A", fixed="2.0", high=b"2", low=b"1", day=3),
    candidate("B", fixed="2.0", high=b"2", day=3),
    candidate("E", day=4, own=True),
    candidate("F", day=5),
    candidate("F", day=5, high=b"9"),
]


@given(st.lists(st.sampled_from(range(len(RANKED))), min_size=1), st.randoms())
def test_the_best_proof_is_chosen_whatever_the_order(ranks, shuffler):
    candidates = [RANKED[rank] for rank in ranks]
    shuffler.shuffle(candidates)
    assert choose(candidates) == RANKED[min(ranks)]


# --- real packages, real advisories, the answers of the distributions' own comparers --------------


def expected(shared, name):
    return json.loads((shared / "data" / "findings" / f"{name}.json").read_text())


def advisories(shared, ecosystem):
    with open_source(str(shared / "data" / "advisories" / ecosystem)) as source:
        yield from (parse(raw) for _, raw in source)


def found_in(packages, records):
    matches = match(packages, records).matches
    return {(packages[m.package].name, packages[m.package].version, m.advisory) for m in matches}


def test_python_findings_are_those_of_the_records_own_lists(shared):
    truth = expected(shared, "debian12-python-node-pypi")
    packages = [Package("python", "PyPI", name, version) for name, version, _ in truth["inventory"]]
    assert found_in(packages, advisories(shared, "PyPI")) == {
        (row["package"], row["version"], row["id"]) for row in truth["findings"]
    }


def test_npm_findings_are_those_of_semver(shared):
    truth = expected(shared, "debian12-python-node-npm")
    packages = [Package("npm", "npm", name, version) for name, version in truth["inventory"]]
    assert found_in(packages, advisories(shared, "npm")) == {
        (row["package"], row["version"], row["id"]) for row in truth["findings"]
    }


def test_rpm_findings_are_those_of_rpm(shared):
    packages, truth = [], set()
    for name in ("almalinux-8-micro-s390x-a", "almalinux-9-micro-aarch64-a"):
        table = (shared / "data" / "inventories" / f"{name}.tsv").read_text().splitlines()[1:]
        for row in (line.split("\t") for line in table):
            packages.append(Package("rpm", f"AlmaLinux:{name[10]}", row[0], row[1]))
        rows = expected(shared, name)["findings"]
        truth |= {(row["package"], row["version"], row["advisory"]) for row in rows}
    for name, row in expected(shared, "alma9-rpmdb").items():
        packages.append(Package("rpm", "AlmaLinux:9", name, row["installed"]))
        truth |= {(name, row["installed"], advisory) for advisory in row["vulnerable_to"]}
    records = list(advisories(shared, "AlmaLinux"))
    modular = {
        (affected.name, record.id)
        for record in records
        for affected in record.affected
        if affected.ecosystem == "AlmaLinux:9" and ".module_el9" in affected.fixed
    }
    # rpm compares versions only: it takes nodejs 16 for what an erratum of the stream 18 is about.
    truth = {row for row in truth if (row[0], row[2]) not in modular}
    assert found_in(packages, records) == truth


@pytest.mark.parametrize(
    ("name", "version", "found", "uncertain"),
    [
        ("org.example:tool", "1.5", 1, 0),
        ("org.other:tool", "1.5", 0, 0),
        ("tool", "1.5", 0, 1),
        ("tool", "2.0", 0, 0),
    ],
)
def test_an_archive_that_does_not_tell_its_group_may_be_the_one(name, version, found, uncertain):
    events = [{"introduced": "0"}, {"fixed": "2.0"}]
    record = {
        "id": "CVE-2026-1",
        "modified": "2026-01-01T00:00:00Z",
        "affected": [
            {
                "package": {"ecosystem": "Maven", "name": "org.example:tool"},
                "ranges": [{"type": "ECOSYSTEM", "events": events}],
            }
        ],
    }
    judged = match([Package("maven", "Maven", name, version)], [parse(json.dumps(record).encode())])
    assert (len(judged.matches), len(judged.uncertain)) == (found, uncertain)
