"""Ids that mean the same: joined while a current record says so, and parted when none does."""

import json

import pytest

from findings import advisories, evaluation
from findings.models import Advisory, Feed, Finding, StalePackage, Vulnerability, VulnerabilityAlias
from tests.findings.estate import (
    a_feed,
    a_package,
    a_repository,
    an_advisory,
    an_image,
    write_records,
)

pytestmark = pytest.mark.django_db

OTHERS = [an_advisory(f"CVE-2020-{n}", f"other{n}", "1") for n in range(1000, 1010)]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "feed"


def imported(folder, *records: dict, name: str = "Debian") -> Feed:
    feed = a_feed(folder, *records, *OTHERS, name=name)
    advisories.update(feed)
    assert feed.problem == ""
    return feed


def clusters() -> set[frozenset[str]]:
    """The ids of each vulnerability, the others' left out."""
    found: dict[int, set[str]] = {}
    for pk, name in VulnerabilityAlias.objects.values_list("vulnerability", "name"):
        if "-2020-" not in name:
            found.setdefault(pk, set()).add(name)
    return {frozenset(ids) for ids in found.values()}


def together(*groups: str) -> set[frozenset[str]]:
    return {frozenset(group.split()) for group in groups}


def name_of(advisory: str) -> str:
    return Advisory.objects.get(name=advisory).vulnerability.name


def findings() -> set[tuple[str, str]]:
    rows = Finding.objects.values_list("vulnerability__name", "closed_cause")
    return {(name, cause or "open") for name, cause in rows}


def ghsa(*aliases: str, **fields) -> dict:
    return an_advisory("GHSA-1", "a", "2", aliases=list(aliases), **fields)


CVE_1 = an_advisory("CVE-2026-1", "b", "2")
CVE_2 = an_advisory("CVE-2026-2", "c", "2")


def test_a_record_that_no_longer_claims_another_parts_from_it(folder):
    imported(folder, CVE_1, ghsa("CVE-2026-1"))
    row = Vulnerability.objects.get(name="CVE-2026-1")
    assert clusters() == together("CVE-2026-1 GHSA-1")
    imported(folder, CVE_1, ghsa())
    assert clusters() == together("CVE-2026-1", "GHSA-1")
    assert Advisory.objects.get(name="CVE-2026-1").vulnerability == row
    assert name_of("GHSA-1") == "GHSA-1"


def test_a_record_that_claims_another_instead_goes_there_and_each_keeps_its_row(folder):
    imported(folder, CVE_1, CVE_2, ghsa("CVE-2026-1"))
    rows = dict(Vulnerability.objects.values_list("name", "pk"))
    imported(folder, CVE_1, CVE_2, ghsa("CVE-2026-2"))
    assert clusters() == together("CVE-2026-1", "CVE-2026-2 GHSA-1")
    for name in ("CVE-2026-1", "CVE-2026-2"):
        assert Advisory.objects.get(name=name).vulnerability_id == rows[name]


def test_what_a_third_record_still_claims_stays_together(folder):
    third = an_advisory("PYSEC-1", "a", "2", aliases=["CVE-2026-1", "GHSA-1"])
    imported(folder, CVE_1, ghsa("CVE-2026-1"), third)
    imported(folder, CVE_1, ghsa(), third)
    assert clusters() == together("CVE-2026-1 GHSA-1 PYSEC-1")


def test_what_another_feed_still_claims_stays_together(folder, tmp_path):
    imported(folder, CVE_1, ghsa("CVE-2026-1"))
    imported(tmp_path / "other", ghsa("CVE-2026-1"), name="Other")
    imported(folder, CVE_1, ghsa())
    assert clusters() == together("CVE-2026-1 GHSA-1")
    imported(tmp_path / "other", ghsa(), name="Other")
    assert clusters() == together("CVE-2026-1", "GHSA-1")
    assert Advisory.objects.filter(name="GHSA-1", vulnerability__name="GHSA-1").count() == 2


@pytest.mark.parametrize("how", ["gone", "withdrawn"])
def test_a_record_that_is_no_more_holds_nothing_together(folder, how):
    hub = ghsa("CVE-2026-1", "CVE-2026-2")
    imported(folder, CVE_1, CVE_2, hub)
    assert clusters() == together("CVE-2026-1 CVE-2026-2 GHSA-1")
    rest = [] if how == "gone" else [hub | {"withdrawn": "2026-02-01T00:00:00Z"}]
    imported(folder, CVE_1, CVE_2, *rest)
    assert clusters() == together("CVE-2026-1", "CVE-2026-2", "GHSA-1")
    assert name_of("GHSA-1") == "GHSA-1"
    imported(folder, CVE_1, CVE_2, hub)
    assert clusters() == together("CVE-2026-1 CVE-2026-2 GHSA-1")
    assert name_of("GHSA-1") == "CVE-2026-1"


def test_an_id_nobody_speaks_of_any_more_is_forgotten(folder):
    imported(folder, CVE_1, ghsa("CVE-2026-1", "CVE-2026-7"))
    imported(folder, CVE_1, ghsa("CVE-2026-1"))
    assert clusters() == together("CVE-2026-1 GHSA-1")


def test_an_id_may_be_forgotten_and_come_back_and_be_joined_again(folder):
    for _ in range(2):
        imported(folder, CVE_1, ghsa("CVE-2026-1", "CVE-2026-7"))
        imported(folder, CVE_1, ghsa())
        imported(folder, CVE_1, ghsa("CVE-2026-1"), an_advisory("CVE-2026-7", "d", "2"))
        assert clusters() == together("CVE-2026-1 GHSA-1", "CVE-2026-7")


def test_an_old_claim_of_a_withdrawn_record_binds_no_new_one(folder, tmp_path):
    imported(folder, ghsa("CVE-2026-1"))
    imported(folder)
    imported(tmp_path / "other", ghsa("CVE-2026-2"), name="Other")
    assert clusters() == together("CVE-2026-1", "CVE-2026-2 GHSA-1")


def test_a_record_of_before_claims_were_kept_parts_nothing(folder):
    imported(folder, CVE_1, ghsa("CVE-2026-1"), an_advisory("PYSEC-1", "a", aliases=["GHSA-1"]))
    Advisory.objects.update(claims=[])
    imported(folder, CVE_1, ghsa(), an_advisory("PYSEC-1", "a", aliases=["GHSA-1"]))
    assert clusters() == together("CVE-2026-1 GHSA-1 PYSEC-1")


def test_a_finding_is_closed_and_opened_under_the_right_name(folder):
    an_image(a_repository(), [a_package("a", "1"), a_package("b", "1")])
    imported(folder, CVE_1, ghsa("CVE-2026-1"))
    evaluation.evaluate()
    assert findings() == {("CVE-2026-1", "open")}
    imported(folder, CVE_1, ghsa())
    evaluation.evaluate()
    package = dict(Finding.objects.open().values_list("package__name", "vulnerability__name"))
    assert package == {"a": "GHSA-1", "b": "CVE-2026-1"}
    closed = Finding.objects.closed().values_list("package__name", "closed_cause")
    assert list(closed) == [("a", "advisory-changed")]


def test_what_a_finding_was_closed_for_is_still_told_under_its_name(folder):
    an_image(a_repository(), [a_package("a", "1")])
    imported(folder, ghsa("CVE-2026-1"))
    evaluation.evaluate()
    imported(folder)
    evaluation.evaluate()
    assert findings() == {("CVE-2026-1", "advisory-withdrawn")}
    assert name_of("GHSA-1") == "CVE-2026-1"


def test_a_record_that_corrects_its_only_alias_closes_the_one_and_opens_the_other(folder):
    an_image(a_repository(), [a_package("a", "1")])
    imported(folder, ghsa("CVE-2026-1"))
    evaluation.evaluate()
    imported(folder, ghsa("CVE-2026-2"))
    evaluation.evaluate()
    assert findings() == {("CVE-2026-1", "advisory-withdrawn"), ("CVE-2026-2", "open")}


def test_what_an_import_does_not_touch_is_left_alone(folder):
    an_image(a_repository(), [a_package("other1000", "0")])
    imported(folder, CVE_1, ghsa("CVE-2026-1"))
    evaluation.evaluate()
    before = set(Vulnerability.objects.filter(name__contains="-2020-").values_list("pk", "name"))
    imported(folder, CVE_1, ghsa())
    assert not StalePackage.objects.exists()
    assert before < set(Vulnerability.objects.values_list("pk", "name"))


def two_of_one_id(folder, older: str, newer: str) -> None:
    write_records(folder, *OTHERS)
    for file, package, modified in (("x", older, "2026-01-01"), ("y", newer, "2026-01-02")):
        record = an_advisory("CVE-2026-1", package, "2") | {"modified": f"{modified}T00:00:00Z"}
        (folder / f"{file}.json").write_text(json.dumps(record))


def affected(name: str) -> list[str]:
    return list(Advisory.objects.get(name=name).affected.values_list("name", flat=True))


def test_of_two_records_of_one_id_the_newest_stands_at_every_import(folder):
    feed = imported(folder)
    two_of_one_id(folder, "old", "new")
    assert advisories.update(feed) == 1
    assert affected("CVE-2026-1") == ["new"]
    for _ in range(2):
        assert advisories.update(feed) == 0
        assert affected("CVE-2026-1") == ["new"]
    two_of_one_id(folder, "changed", "new")
    assert (advisories.update(feed), affected("CVE-2026-1")) == (0, ["new"])
    two_of_one_id(folder, "changed", "newer")
    assert (advisories.update(feed), affected("CVE-2026-1")) == (1, ["newer"])


def test_when_the_newest_of_two_records_of_one_id_goes_the_other_stands(folder):
    feed = imported(folder)
    two_of_one_id(folder, "old", "new")
    advisories.update(feed)
    (folder / "y.json").unlink()
    assert (advisories.update(feed), affected("CVE-2026-1")) == (1, ["old"])


def test_two_records_of_one_id_and_one_date_do_not_take_turns(folder):
    feed = imported(folder)
    for file in ("x", "y"):
        (folder / f"{file}.json").write_text(json.dumps(an_advisory("CVE-2026-1", file, "2")))
    assert advisories.update(feed) == 1
    standing = affected("CVE-2026-1")
    assert len(standing) == 1
    assert advisories.update(feed) == 0
    assert affected("CVE-2026-1") == standing
