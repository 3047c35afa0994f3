"""CISA's catalogue: what is read of it, and that nothing in it can do harm."""

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from findings.feeds import NotAdvisories
from findings.feeds.kev import MAX_ACTION, Exploited, parse

ENTRY = {
    "cveID": "CVE-2026-12345",
    "dateAdded": "2026-02-03",
    "dueDate": "2026-02-24",
    "knownRansomwareCampaignUse": "Known",
    "requiredAction": "Apply the update.",
}


def a_catalogue(*entries) -> bytes:
    document = {"dateReleased": "2026-02-03T17:04:19.9796Z", "vulnerabilities": entries}
    return json.dumps(document).encode()


def test_an_entry_says_since_when_until_when_and_what_to_do():
    catalogue = parse(a_catalogue(ENTRY))
    assert catalogue.entries == (
        Exploited("CVE-2026-12345", date(2026, 2, 3), date(2026, 2, 24), True, "Apply the update."),
    )
    assert catalogue.released.isoformat() == "2026-02-03T17:04:19.979600+00:00"
    assert catalogue.unreadable == 0


@pytest.mark.parametrize("word", ["Unknown", "", None, True])
def test_use_by_ransomware_is_known_or_not_known(word):
    (entry,) = parse(a_catalogue(ENTRY | {"knownRansomwareCampaignUse": word})).entries
    assert not entry.ransomware


@pytest.mark.parametrize(
    "wrong",
    [
        {"cveID": "GHSA-1234"},
        {"cveID": None},
        {"cveID": "CVE-2026-12345\n"},
        {"cveID": "CVE-2026-" + "1" * 30},
        {"dateAdded": "yesterday"},
        {"dateAdded": None},
    ],
)
def test_an_entry_without_a_cve_or_a_day_is_counted_and_left_out(wrong):
    catalogue = parse(a_catalogue(ENTRY | wrong, "no entry", ENTRY))
    assert (len(catalogue.entries), catalogue.unreadable) == (1, 2)


def test_what_is_less_important_may_be_missing():
    (entry,) = parse(a_catalogue({"cveID": "CVE-2026-1234", "dateAdded": "2026-02-03"})).entries
    assert (entry.due, entry.ransomware, entry.action) == (None, False, "")


def test_prose_is_bounded_and_fits_a_database():
    (entry,) = parse(a_catalogue(ENTRY | {"requiredAction": "a\0" * 100_000})).entries
    assert entry.action == "a" * MAX_ACTION


@pytest.mark.parametrize("raw", [b"", b"<html>", b"[]", b"{}", b'{"vulnerabilities": 3}', b"[" * 9])
def test_anything_else_is_no_catalogue(raw):
    with pytest.raises(NotAdvisories):
        parse(raw)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*ENTRY, "other"]), inner),
    max_leaves=20,
)


@given(st.lists(ANYTHING))
def test_whatever_stands_in_the_list_is_read_or_counted(entries):
    catalogue = parse(a_catalogue(*entries))
    assert catalogue.unreadable <= len(entries)
    assert all(isinstance(entry, Exploited) for entry in catalogue.entries)


def test_the_real_catalogue_is_read_whole(shared):
    raw = (shared / "data/advisories/KEV/known_exploited_vulnerabilities.json").read_bytes()
    catalogue = parse(raw)
    assert (len(catalogue.entries), catalogue.unreadable) == (json.loads(raw)["count"], 0)
