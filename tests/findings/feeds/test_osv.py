"""OSV records: what they affect, and what they cannot do to their reader."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from findings import severity
from findings.feeds import MalformedRecord, osv, ranges, values
from findings.feeds.osv import parse
from findings.keys import canonical_name
from findings.versions import encode

V3 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"


def record(**fields):
    return parse(json.dumps({"id": "X-1", "modified": "2026-01-02T03:04:05Z", **fields}).encode())


def affected(ecosystem="Debian:12", name="tool", events=None, **fields):
    ranges = [{"type": "ECOSYSTEM", "events": events}] if events is not None else []
    return {
        "package": {"ecosystem": ecosystem, "name": name},
        "ranges": ranges,
        **fields,
    }


def is_affected(found, version):
    key = encode(found.affected[0].ecosystem, version) if found.affected else None
    return any(r.low <= key and (r.high is None or key < r.high) for r in found.affected)


VERSIONS = ["0.1", "1.0", "1.5", "2.0", "2.5", "3.0", "4.0"]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([{"introduced": "0"}], VERSIONS),
        ([{"introduced": "0"}, {"fixed": "2.0"}], ["0.1", "1.0", "1.5"]),
        ([{"introduced": "1.0"}, {"last_affected": "2.0"}], ["1.0", "1.5", "2.0"]),
        ([{"fixed": "2.0"}, {"introduced": "1.5"}], ["1.5"]),
        (
            [{"fixed": "3.0"}, {"introduced": "2.5"}, {"fixed": "1.0"}, {"introduced": "0"}],
            ["0.1", "2.5"],
        ),
        ([{"introduced": "1.0"}, {"introduced": "2.0"}, {"fixed": "2.5"}], ["1.0", "1.5", "2.0"]),
        ([{"introduced": "0"}, {"fixed": "1.0"}, {"fixed": "3.0"}], ["0.1"]),
        ([{"introduced": "0"}, {"limit": "2.0"}], ["0.1", "1.0", "1.5"]),
        (
            [{"introduced": "0"}, {"fixed": "3.0"}, {"limit": "1.0"}, {"limit": "1.5"}],
            ["0.1", "1.0"],
        ),
        ([{"introduced": "0"}, {"fixed": "2.0"}, {"limit": "*"}], ["0.1", "1.0", "1.5"]),
        ([{"introduced": "1.5"}, {"fixed": "1.5"}], []),
        ([{"introduced": "1.5"}, {"last_affected": "1.5"}], ["1.5"]),
        (
            [{"introduced": "0"}, {"fixed": "1.5"}, {"introduced": "1.5"}, {"fixed": "2.5"}],
            ["0.1", "1.0", "1.5", "2.0"],
        ),
        ([{"introduced": "0", "fixed": "1.0"}], ["0.1"]),
    ],
)
def test_events_in_any_order_become_intervals(events, expected):
    found = record(affected=[affected(events=events)])
    assert [version for version in VERSIONS if is_affected(found, version)] == expected


def test_an_interval_tells_its_proof():
    found = record(affected=[affected(events=[{"introduced": "1.0"}, {"fixed": "2.0"}])])
    (interval,) = found.affected
    assert (interval.ecosystem, interval.name) == ("Debian:12", "tool")
    assert (interval.low, interval.high) == (encode("Debian", "1.0"), encode("Debian", "2.0"))
    assert (interval.introduced, interval.fixed, interval.last_affected) == ("1.0", "2.0", "")
    (interval,) = record(
        affected=[affected(events=[{"introduced": "0"}, {"last_affected": "2.0"}])]
    ).affected
    assert (interval.low, interval.high) == (b"", encode("Debian", "2.0") + b"\0")
    assert (interval.introduced, interval.fixed, interval.last_affected) == ("0", "", "2.0")


@pytest.mark.parametrize(
    ("events", "version", "affects"),
    [
        ([{"introduced": "0"}, {"last_affected": "1.2"}], "1.2-9.el9", True),
        ([{"introduced": "0"}, {"last_affected": "1.2"}], "1.2.1-1.el9", False),
        ([{"introduced": "0"}, {"last_affected": "1.2-3.el9"}], "1.2-3.el9", True),
        ([{"introduced": "0"}, {"last_affected": "1.2-3.el9"}], "1.2-4.el9", False),
        ([{"introduced": "0"}, {"fixed": "1.2"}], "1.2-1.el9", False),
        ([{"introduced": "0"}, {"fixed": "1:1.2-1.el9"}], "9.9-1.el9", True),
        ([{"introduced": "0"}, {"fixed": "1.2-1.el9"}], "1:0.1-1.el9", False),
    ],
)
def test_an_rpm_version_without_a_release_means_all_its_releases(events, version, affects):
    found = record(affected=[affected("AlmaLinux:9", events=events)])
    assert is_affected(found, version) == affects


def test_a_listed_rpm_version_without_a_release_means_all_its_releases():
    found = record(affected=[affected("AlmaLinux:9", versions=["1.2"])])
    assert is_affected(found, "1.2-7.el9")
    assert not is_affected(found, "1.3-1.el9")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("<= 1.5", ["0.1", "1.0", "1.5"]),
        ("< 1.5", ["0.1", "1.0"]),
        ("all of them", VERSIONS),
        ("<= ???", VERSIONS),
        (None, VERSIONS),
    ],
)
def test_what_github_knows_to_be_affected_ends_a_range_without_end(said, expected):
    entry = affected(
        "npm",
        events=[{"introduced": "0"}],
        database_specific={"last_known_affected_version_range": said},
    )
    found = record(affected=[entry])
    assert [version for version in VERSIONS if is_affected(found, version)] == expected
    assert found.unreadable == 0


def test_what_github_knows_does_not_end_a_range_that_ends():
    entry = affected(
        events=[{"introduced": "0"}, {"fixed": "3.0"}],
        database_specific={"last_known_affected_version_range": "<= 1.0"},
    )
    assert is_affected(record(affected=[entry]), "2.0")


# --- flavours and states of fixes -----------------------------------------------------------------


def modular(*releases, name="nodejs"):
    return [
        affected("AlmaLinux:8", name, [{"introduced": "0"}, {"fixed": f"1:18.1-2.{release}"}])
        for release in releases
    ]


def test_a_module_is_judged_by_the_stream_in_the_title():
    found = record(summary="Important: nodejs:18 security update", affected=modular("module_el8.7"))
    assert [(a.flavour, a.unreadable) for a in found.affected] == [("nodejs:18", False)]


def test_an_erratum_of_two_modules_is_about_both():
    title = "Moderate: virt:rhel and virt-devel:rhel security update"
    found = record(summary=title, affected=modular("module_el8.7"))
    assert [a.flavour for a in found.affected] == ["virt:rhel", "virt-devel:rhel"]


def test_a_modular_erratum_that_names_no_stream_is_uncertain_of_all():
    found = record(summary="Important: ruby security update", affected=modular("module_el8.7"))
    assert [(a.flavour, a.unreadable, a.fixed) for a in found.affected] == [
        ("*", True, "1:18.1-2.module_el8.7")
    ]


def test_builds_of_a_module_for_several_releases_are_one_version_mended_in_the_lowest():
    title = "Important: nodejs:18 security update"
    releases = ("module_el8.7.0+2", "module_el8.5.0+1", "module_el8.9.0+3")
    found = record(summary=title, affected=[*modular(*releases), *modular(releases[0], name="npm")])
    assert [(a.name, a.fixed) for a in found.affected] == [
        ("nodejs", "1:18.1-2.module_el8.5.0+1"),
        ("npm", "1:18.1-2.module_el8.7.0+2"),
    ]


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "not-yet"),
        ({"ecosystem_specific": {"urgency": "unimportant"}}, "wont-fix"),
        ({"ecosystem_specific": {"urgency": "end-of-life"}}, "wont-fix"),
        ({"ecosystem_specific": {"urgency": "not yet assigned"}}, "not-yet"),
        ({"ecosystem_specific": {"status": "ignored"}}, "wont-fix"),
        ({"database_specific": {"fix_state": "Will not fix"}}, "wont-fix"),
        ({"database_specific": {"state": "Out of support scope"}}, "wont-fix"),
        (
            {"ecosystem_specific": {"components": [{"latest_event_status": "fix_not_planned"}]}},
            "wont-fix",
        ),
        ({"ecosystem_specific": {"components": [{"latest_event_status": "fixed"}]}}, "not-yet"),
        ({"ecosystem_specific": {"components": "none", "status": 7}}, "not-yet"),
    ],
)
def test_a_source_says_whether_a_fix_will_come(fields, state):
    (open_,) = record(affected=[affected(events=[{"introduced": "0"}], **fields)]).affected
    assert open_.fix_state == state
    mended = affected(events=[{"introduced": "0"}, {"fixed": "1.0"}], **fields)
    assert record(affected=[mended]).affected[0].fix_state == "fixed"


@pytest.mark.parametrize(
    ("informational", "counts"),
    [("unmaintained", 0), ("notice", 0), ("unsound", 1), (None, 1)],
)
def test_a_notice_about_a_crate_is_no_flaw(informational, counts):
    entry = affected(
        "crates.io",
        events=[{"introduced": "0"}],
        database_specific={"informational": informational},
    )
    found = record(affected=[entry])
    assert (len(found.affected), found.unreadable) == (counts, 0)


def test_a_malicious_package_is_critical_in_all_its_versions():
    entry = affected("npm", "evil", [{"introduced": "0"}])
    found = record(id="MAL-2026-1", affected=[entry])
    assert found.database_severity == severity.CRITICAL
    assert all(is_affected(found, version) for version in VERSIONS)


def test_a_release_goes_by_the_name_that_packages_carry():
    """However many products and repositories of it a record lists."""
    products = ("Module for Basesystem 15 SP4", "High Performance Computing 15 SP4-ESPOS")
    events = [{"introduced": "0"}, {"fixed": "1-2"}]
    entries = [affected(f"SUSE:Linux Enterprise {p}", events=events) for p in products]
    assert [a.ecosystem for a in record(affected=entries).affected] == ["SUSE:15.4"]


def test_the_end_of_a_limit_is_no_fix():
    (interval,) = record(
        affected=[affected(events=[{"introduced": "0"}, {"fixed": "3.0"}, {"limit": "2.0"}])]
    ).affected
    assert (interval.high, interval.fixed) == (encode("Debian", "2.0"), "")


def test_listed_versions_that_no_range_covers_count_too():
    events = [{"introduced": "2.0"}, {"fixed": "3.0"}]
    found = record(affected=[affected(events=events, versions=["1.0", "2.5", "4.0"])])
    assert [v for v in VERSIONS if is_affected(found, v)] == ["1.0", "2.0", "2.5", "4.0"]
    assert len(found.affected) == 3
    only_listed = record(affected=[affected(versions=["1.5"])])
    assert [v for v in VERSIONS if is_affected(only_listed, v)] == ["1.5"]


def test_several_entries_and_ranges_of_one_package_add_up():
    first = affected(events=[{"introduced": "0"}, {"fixed": "1.0"}])
    second = affected(events=[{"introduced": "2.0"}, {"fixed": "2.5"}])
    second["ranges"].append({"type": "SEMVER", "events": [{"introduced": "4.0"}]})
    found = record(affected=[first, second, first])
    assert [v for v in VERSIONS if is_affected(found, v)] == ["0.1", "2.0", "4.0"]
    assert len(found.affected) == 3


@pytest.mark.parametrize(
    "entry",
    [
        affected(events=[{"introduced": "0"}, {"fixed": "not a version"}]),
        affected(events=[{"introduced": "garbage!?: "}]),
        affected(events=[{"fixed": "1.0"}]),
        affected(events=[{"introduced": "0"}, {"appeared": "1.0"}]),
        affected(events=[{"introduced": 0}]),
        affected(events=[]),
        affected(ecosystem="Nobody's", events=[{"introduced": "0"}, {"fixed": "1.0"}]),
        affected(name="n" * 301, events=[{"introduced": "0"}]),
        affected(ecosystem="e" * 61, events=[{"introduced": "0"}]),
        affected(versions=["not a version"]),
        affected(),
        {"package": {"ecosystem": "Debian:12", "name": "t"}, "ranges": [{"type": "GIT"}]},
        {"ranges": [{"type": "GIT", "repo": "https://example.org/x", "events": []}]},
        {},
        None,
        "text",
    ],
)
def test_what_no_interval_can_be_made_of_is_counted(entry):
    found = record(affected=[entry])
    assert all(interval.unreadable for interval in found.affected)
    assert found.unreadable == 1


def test_a_package_named_in_a_range_nobody_can_read_is_still_named():
    entry = affected(events=[{"introduced": "0"}, {"fixed": "not a version"}])
    (interval,) = record(affected=[entry]).affected
    assert (interval.ecosystem, interval.name, interval.unreadable) == ("Debian:12", "tool", True)
    assert (interval.low, interval.high) == (b"", None)


@pytest.mark.parametrize(
    "events",
    [[{"introduced": "1.5"}, {"fixed": "1.5"}], [{"introduced": "2.0"}, {"limit": "1.0"}]],
)
def test_a_range_that_holds_no_version_is_read_all_the_same(events):
    found = record(affected=[affected(events=events)])
    assert (found.affected, found.unreadable) == ((), 0)


def test_one_unreadable_range_does_not_take_the_others_with_it():
    entry = affected(events=[{"introduced": "0"}, {"fixed": "1.0"}])
    entry["ranges"].append({"type": "ECOSYSTEM", "events": [{"introduced": "x y"}]})
    found = record(affected=[entry])
    assert [interval.unreadable for interval in found.affected] == [False, True]
    assert found.unreadable == 1


def test_commits_beside_versions_are_passed_over():
    entry = affected(events=[{"introduced": "0"}, {"fixed": "1.0"}])
    entry["ranges"].append({"type": "GIT", "events": [{"introduced": "0"}, {"fixed": "abc"}]})
    found = record(affected=[entry])
    assert (len(found.affected), found.unreadable) == (1, 0)


def test_a_withdrawn_record_keeps_its_date_and_misses_nothing():
    found = record(withdrawn="2026-03-01T00:00:00Z", affected=[affected()])
    assert found.withdrawn == datetime(2026, 3, 1, tzinfo=UTC)
    assert found.unreadable == 0


def test_names_of_python_packages_are_normalised_and_others_kept():
    assert canonical_name("PyPI", "Zope.Interface") == "zope-interface"
    assert canonical_name("npm", "@Scope/Kit.js") == "@Scope/Kit.js"
    entry = affected("PyPI", "Ruamel_Yaml", events=[{"introduced": "0"}])
    assert record(affected=[entry]).affected[0].name == "ruamel-yaml"


def test_the_fields_of_a_record_are_kept():
    found = record(
        published="2025-12-31T00:00:00.123Z",
        aliases=["CVE-2026-1", "CVE-2026-1", 7, "", "x" * 101],
        upstream=["CVE-2026-1"],
        related=["CVE-2026-2"],
        summary="Short",
        details="Long\0er",
        severity=[{"type": "CVSS_V3", "score": V3}, {"type": "CVSS_V4", "score": "broken"}],
        references=[
            {"type": "FIX", "url": "https://example.org/fix"},
            {"type": "WEB", "url": "javascript:alert(1)"},
        ],
    )
    assert found.id == "X-1"
    assert found.modified == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert found.published.year == 2025
    assert (found.aliases, found.upstream, found.related) == (
        ("CVE-2026-1",),
        ("CVE-2026-1",),
        ("CVE-2026-2",),
    )
    assert (found.summary, found.details) == ("Short", "Longer")
    assert found.cvss == (V3, "broken")
    assert [(r.type, r.url) for r in found.references] == [("FIX", "https://example.org/fix")]


def test_a_date_of_the_year_one_means_unknown():
    assert record(published="0001-01-01T00:00:00Z").published is None


@pytest.mark.parametrize(
    ("fields", "of_record"),
    [
        ({"id": "ALSA-2026:1", "summary": "Important: tool security update"}, severity.HIGH),
        ({"id": "RLSA-2026:1", "summary": "Moderate: tool security update"}, severity.MEDIUM),
        ({"id": "ALBA-2026:1", "summary": "Critical: not a rating"}, severity.UNKNOWN),
        ({"summary": "Low: hanging fruit"}, severity.UNKNOWN),
        ({"severity": [{"type": "Ubuntu", "score": "medium"}]}, severity.MEDIUM),
    ],
)
def test_a_distribution_rates_in_its_own_way(fields, of_record):
    assert record(**fields).distribution_severity == of_record


@pytest.mark.parametrize(
    ("fields", "of_package"),
    [
        ({"ecosystem_specific": {"urgency": "low**"}}, severity.LOW),
        ({"ecosystem_specific": {"urgency": "not yet assigned"}}, None),
        ({"ecosystem_specific": {"ubuntu_priority": "negligible"}}, severity.LOW),
        ({"ecosystem_specific": {"severity": "Important"}}, severity.HIGH),
        ({"database_specific": {"severity": "MODERATE"}}, severity.MEDIUM),
        ({"severity": [{"type": "CVSS_V3", "score": V3}]}, severity.CRITICAL),
        ({"severity": [{"type": "Ubuntu", "score": "high"}]}, severity.HIGH),
        ({}, None),
    ],
)
def test_a_package_may_have_a_rating_of_its_own(fields, of_package):
    entry = affected(events=[{"introduced": "0"}], **fields)
    assert record(affected=[entry]).affected[0].severity == of_package


def test_the_database_may_rate_the_whole_record():
    found = record(database_specific={"severity": "MODERATE"})
    assert (found.distribution_severity, found.database_severity) == (0, severity.MEDIUM)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b'{"id": "X-1"}',
        b'{"modified": "2026-01-01T00:00:00Z"}',
        b'{"id": "", "modified": "2026-01-01T00:00:00Z"}',
        b'{"id": "X", "modified": "yesterday"}',
        json.dumps({"id": "x" * 101, "modified": "2026-01-01T00:00:00Z"}).encode(),
        b'{"id":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b" " * (osv.MAX_BYTES + 1),
        b"\xff\xfe",
    ],
)
def test_what_is_no_record_is_refused_in_a_sentence(raw):
    with pytest.raises(MalformedRecord, match=r"^An advisory .*\.$"):
        parse(raw)


def test_a_hostile_record_is_cut_to_size_and_counted():
    found = record(
        summary="s" * 10_000,
        details="d" * 10_000_000,
        aliases=[f"A-{n}" for n in range(5_000)],
        references=[{"type": "WEB", "url": f"https://example.org/{n}"} for n in range(5_000)],
        affected=[affected(versions=[f"1.{n}" for n in range(25_000)])],
    )
    assert (len(found.summary), len(found.details)) == (osv.MAX_SUMMARY, osv.MAX_DETAILS)
    assert (len(found.aliases), len(found.references)) == (values.MAX_LIST, values.MAX_LIST)
    assert len(found.affected) == ranges.MAX_VERSIONS + 1  # and one for those that were cut off
    assert found.unreadable == 5_000


def test_a_range_of_too_many_events_is_not_half_read():
    events = [{"introduced": "0"}, *({"fixed": f"{n}"} for n in range(1, ranges.MAX_EVENTS + 1))]
    found = record(affected=[affected(events=events)])
    assert [interval.unreadable for interval in found.affected] == [True]
    assert found.unreadable == 1


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
FIELDS = ["affected", "aliases", "severity", "references", "upstream", "withdrawn", "summary"]


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(FIELDS), anything))
def test_values_of_any_shape_are_survived(fields):
    assert record(**fields).id == "X-1"


event = st.builds(
    lambda kind, number: {kind: str(number)},
    st.sampled_from(["introduced", "fixed", "last_affected"]),
    st.integers(1, 9),
)


def reference(events, version):
    """One version at a time: what every version up to this one does to it, in order."""
    inside = False
    for number in range(1, version + 1):
        here = {kind for e in events for kind, v in e.items() if int(v) == number}
        if "introduced" in here and "fixed" not in here:
            inside = True
        elif "fixed" in here:  # fixed and introduced at once changes nothing
            inside = inside and "introduced" in here
        if "last_affected" in here and version > number:
            inside = False
    return inside


@settings(max_examples=200)
@given(st.lists(event, min_size=1, max_size=6))
def test_intervals_say_of_every_version_what_the_events_say(events):
    events = [{"introduced": "1"}, *events]
    found = record(affected=[affected("npm", events=events)])
    for version in range(1, 11):
        key = encode("npm", str(version))
        inside = any(r.low <= key and (r.high is None or key < r.high) for r in found.affected)
        assert inside == reference(events, version), version
