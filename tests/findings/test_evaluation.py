"""From inventories and advisories to findings opened and closed: against a real PostgreSQL."""

import threading

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from findings import advisories, evaluation
from findings.models import Feed, Finding, ImageVerdict, InventoryVerdict, PackageMatch
from registries import inventory
from registries.models import Registry
from scans.models import Inventory
from tests.findings.estate import (
    a_feed,
    a_package,
    a_repository,
    an_advisory,
    an_image,
    write_records,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "feed"


def judge(feed: Feed, folder=None, *records: dict) -> None:
    if folder:
        write_records(folder, *records)
    advisories.update(feed)
    assert feed.problem == ""
    evaluation.evaluate()


def open_findings() -> set[tuple[str, str, str]]:
    rows = Finding.objects.filter(closed_at=None)
    return set(rows.values_list("package__name", "vulnerability__name", "fixed_version"))


def test_a_vulnerable_package_makes_the_image_unhealthy_and_a_fixed_one_does_not(folder):
    repository = a_repository()
    bad = an_image(repository, [a_package("zlib1g", "1:1.2.13"), a_package("bash", "5.2")])
    good = an_image(repository, [a_package("zlib1g", "1:1.2.14")])
    judge(a_feed(folder, an_advisory("CVE-2026-1001", "zlib1g", "1:1.2.14")))
    assert open_findings() == {("zlib1g", "CVE-2026-1001", "1:1.2.14")}
    assert ImageVerdict.objects.get(image=bad).state == "unhealthy"
    assert ImageVerdict.objects.get(image=good).state == "healthy"


def test_distribution_packages_match_by_source_package(folder):
    binary = a_package(
        "libssl3", "3.0.11-1~deb12u1", source_name="openssl", source_version="3.0.11-1"
    )
    an_image(a_repository(), [binary])
    judge(a_feed(folder, an_advisory("CVE-2026-1001", "openssl", "3.0.11-1")))
    assert open_findings() == set(), "the source's version counts, not the binary's"
    judge(Feed.objects.get(), folder, an_advisory("CVE-2026-1001", "openssl", "3.0.11-2"))
    assert open_findings() == {("libssl3", "CVE-2026-1001", "3.0.11-2")}


def test_an_advisory_of_another_release_does_not_match(folder):
    image = an_image(a_repository(), [a_package("bash", "5.1")])
    judge(
        a_feed(
            folder,
            an_advisory("CVE-2026-1001", "bash", "5.2", ecosystem="Debian:11"),
            an_advisory("CVE-2026-1002", "other", "1", ecosystem="Debian:12"),
        )
    )
    assert open_findings() == set()
    assert ImageVerdict.objects.get(image=image).state == "healthy"


def test_what_no_feed_speaks_of_is_read_but_never_healthy(folder):
    image = an_image(a_repository(), [a_package("left-pad", "1.0.0", "npm")])
    judge(a_feed(folder, an_advisory("CVE-2026-1001", "bash", "5.2")))
    verdict = ImageVerdict.objects.get(image=image)
    assert (verdict.state, verdict.reason) == ("unverified", "not-judged")
    assert "npm" in verdict.detail
    judge(
        Feed.objects.get(), folder, an_advisory("CVE-2026-1002", "other", "1.0.0", ecosystem="npm")
    )
    verdict.refresh_from_db()
    assert (verdict.state, verdict.reason, verdict.detail) == ("healthy", "", "")


def test_a_sample_of_advisories_finds_but_makes_nothing_healthy_but_samples(folder, tmp_path):
    record = an_advisory("CVE-2026-1001", "bash", "5.2")
    Feed.objects.create(name="Demo", location=str(folder), sample=True)
    repository = a_repository()
    clean, bad = (an_image(repository, [a_package("bash", v)]) for v in ("5.2", "5.1"))
    judge(a_feed(folder, record, name="Demo"))
    assert ImageVerdict.objects.get(image=bad).state == "unhealthy"
    verdict = ImageVerdict.objects.get(image=clean)
    assert (verdict.state, verdict.reason) == ("unverified", "not-judged")
    assert "samples" in verdict.detail
    judge(a_feed(tmp_path / "real", record))
    verdict.refresh_from_db()
    assert verdict.state == "healthy"


def test_a_registry_made_of_samples_is_judged_by_samples(folder):
    Feed.objects.create(name="Demo", location=str(folder), sample=True)
    repository = a_repository()
    Registry.objects.update(sample=True)
    image = an_image(repository, [a_package("bash", "5.2")])
    judge(a_feed(folder, an_advisory("CVE-2026-1001", "bash", "5.2"), name="Demo"))
    assert ImageVerdict.objects.get(image=image).state == "healthy"


def test_a_version_no_ordering_can_read_is_counted_and_keeps_the_image_from_being_healthy(folder):
    image = an_image(a_repository(), [a_package("tool", "not a version", "PyPI")])
    judge(a_feed(folder, an_advisory("CVE-2026-1001", "tool", "2.0", ecosystem="PyPI")))
    verdict = ImageVerdict.objects.get(image=image)
    assert (verdict.state, verdict.reason, verdict.unreadable_versions) == (
        "unverified", "unknown-version", 1,
    )  # fmt: skip


def test_an_unknown_version_counts_from_the_day_an_advisory_names_the_package(folder):
    image = an_image(a_repository(), [a_package("tool", "not a version", "PyPI")])
    other = an_advisory("CVE-2026-1001", "other", "2.0", ecosystem="PyPI")
    feed = a_feed(folder, other)
    judge(feed)
    assert ImageVerdict.objects.get(image=image).state == "healthy"
    judge(feed, folder, other, an_advisory("CVE-2026-1002", "tool", "2.0", ecosystem="PyPI"))
    assert ImageVerdict.objects.get(image=image).state == "unverified"


def test_an_unverified_report_is_an_unverified_image_with_its_reason():
    image = an_image(
        a_repository(), [], result="unverified", reason="windows", detail="A Windows image."
    )
    evaluation.evaluate()
    verdict = ImageVerdict.objects.get(image=image)
    assert (verdict.state, verdict.reason, verdict.detail) == (
        "unverified", "windows", "A Windows image.",
    )  # fmt: skip


def test_a_new_advisory_opens_and_a_correction_closes_with_their_causes(folder):
    image = an_image(a_repository(), [a_package("bash", "5.2-1")])
    feed = a_feed(folder, an_advisory("CVE-2026-1000", "other", "1"))
    judge(feed)
    assert ImageVerdict.objects.get(image=image).state == "healthy"
    other, new = (
        an_advisory("CVE-2026-1000", "other", "1"),
        an_advisory("CVE-2026-1001", "bash", "5.2-2"),
    )
    judge(feed, folder, other, new)
    assert Finding.objects.get().opened_cause == "advisory-published"
    assert ImageVerdict.objects.get(image=image).state == "unhealthy"
    judge(feed, folder, other, an_advisory("CVE-2026-1001", "bash", "5.2-1"))
    finding = Finding.objects.get()
    assert (finding.closed_cause, bool(finding.closed_at)) == ("advisory-changed", True)
    assert ImageVerdict.objects.get(image=image).state == "healthy"


def test_a_withdrawn_advisory_closes_its_findings(folder):
    an_image(a_repository(), [a_package("bash", "5.2-1")])
    feed = a_feed(folder, an_advisory("CVE-2026-1001", "bash", "5.2-2"))
    judge(feed)
    withdrawn = an_advisory("CVE-2026-1001", "bash", "5.2-2", withdrawn="2026-02-01T00:00:00Z")
    judge(feed, folder, withdrawn)
    assert Finding.objects.get().closed_cause == "advisory-withdrawn"


def test_a_finding_stays_itself_when_its_fix_or_severity_changes(folder):
    an_image(a_repository(), [a_package("bash", "5.2-1")])
    feed = a_feed(folder, an_advisory("CVE-2026-1001", "bash"))
    judge(feed)
    before = Finding.objects.get()
    assert before.fixed_version == ""
    vector = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
    judge(
        feed,
        folder,
        an_advisory(
            "CVE-2026-1001", "bash", "5.2-2", severity=[{"type": "CVSS_V3", "score": vector}]
        ),
    )
    after = Finding.objects.get()
    assert after.pk == before.pk
    assert (after.fixed_version, after.severity, after.opened_at) == (
        "5.2-2", 4, before.opened_at,
    )  # fmt: skip
    assert ImageVerdict.objects.get().critical == 1


def test_several_names_of_one_vulnerability_are_one_finding(folder, tmp_path):
    an_image(a_repository(), [a_package("tool", "1.0", "PyPI")])
    first = an_advisory("GHSA-aaaa", "tool", ecosystem="PyPI", aliases=["CVE-2026-1001"])
    second = an_advisory("PYSEC-1", "tool", "1.1", ecosystem="PyPI", aliases=["CVE-2026-1001"])
    judge(a_feed(folder, first))
    judge(a_feed(tmp_path / "other", second, name="other"))
    assert open_findings() == {("tool", "CVE-2026-1001", "1.1")}, (
        "the proof with a fix is the better one"
    )
    assert PackageMatch.objects.count() == 1


def test_ids_that_turn_out_to_be_the_same_are_brought_together(folder):
    an_image(a_repository(), [a_package("tool", "1.0", "PyPI")])
    ghsa = an_advisory("GHSA-aaaa", "tool", "1.1", ecosystem="PyPI")
    cve = an_advisory("CVE-2026-1001", "tool", "1.1", ecosystem="PyPI")
    feed = a_feed(folder, ghsa, cve)
    judge(feed)
    assert {name for _, name, _ in open_findings()} == {"GHSA-aaaa", "CVE-2026-1001"}
    judge(feed, folder, ghsa | {"aliases": ["CVE-2026-1001"]}, cve)
    assert {name for _, name, _ in open_findings()} == {"CVE-2026-1001"}


def test_images_that_share_a_package_set_share_its_findings(folder):
    repository = a_repository()
    packages = [a_package("bash", "5.2-1"), a_package("zlib1g", "1")]
    for _ in range(3):
        an_image(repository, packages)
    judge(a_feed(folder, an_advisory("CVE-2026-1001", "bash")))
    assert Inventory.objects.count() == Finding.objects.count() == 1
    assert ImageVerdict.objects.filter(state="unhealthy").count() == 3


def test_a_change_to_one_package_leaves_the_findings_of_the_others_in_its_set(folder):
    an_image(a_repository(), [a_package("zlib1g", "1"), a_package("bash", "5")])
    stays = an_advisory("CVE-2026-1002", "bash", "6")
    judge(a_feed(folder, an_advisory("CVE-2026-1001", "zlib1g", "2"), stays))
    before = Finding.objects.get(vulnerability__name="CVE-2026-1002")
    judge(Feed.objects.get(), folder, an_advisory("CVE-2026-1001", "zlib1g", "3"), stays)
    assert open_findings() == {("zlib1g", "CVE-2026-1001", "3"), ("bash", "CVE-2026-1002", "6")}
    assert Finding.objects.get(vulnerability__name="CVE-2026-1002").opened_at == before.opened_at
    assert Finding.objects.count() == 2


def test_a_package_that_two_files_of_a_set_name_is_one_finding(folder):
    twice = [a_package("left", "1", "npm", path=f"{place}/package.json") for place in ("a", "b")]
    an_image(a_repository(), twice)
    judge(a_feed(folder, an_advisory("CVE-2026-1001", "left", "2", ecosystem="npm")))
    assert Finding.objects.count() == 1
    judge(Feed.objects.get(), folder, an_advisory("CVE-2026-1001", "left", "1", ecosystem="npm"))
    assert open_findings() == set()


def test_evaluating_again_changes_nothing(folder):
    an_image(a_repository(), [a_package("bash", "5.2-1")])
    judge(a_feed(folder, an_advisory("CVE-2026-1001", "bash")))
    before = list(Finding.objects.values()), list(ImageVerdict.objects.values())
    assert evaluation.evaluate() == 0
    assert before == (list(Finding.objects.values()), list(ImageVerdict.objects.values()))


def test_evaluation_takes_the_same_number_of_queries_for_one_image_and_for_fifty(folder):
    feed = a_feed(folder, an_advisory("CVE-2026-1001", "bash"))
    advisories.update(feed)
    repository = a_repository()
    counts = []
    for images in (1, 50):
        for number in range(images):
            an_image(repository, [a_package("bash", f"5.{images}.{number}")])
        with CaptureQueriesContext(connection) as seen:
            evaluation.evaluate()
        counts.append(len(seen))
    assert counts[0] == counts[1]
    assert InventoryVerdict.objects.count() == 51


@pytest.mark.django_db(transaction=True)
def test_an_import_and_an_evaluation_at_the_same_time_lose_nothing(folder):
    """Whichever comes first, a package that arrives while an advisory does is judged by it."""
    repository = a_repository()
    feed = a_feed(folder, an_advisory("CVE-2026-1000", "bash", "1"))
    judge(feed)
    for round_number in range(5):
        package = f"pkg{round_number}"
        write_records(
            folder,
            an_advisory("CVE-2026-1000", "bash", "1"),
            *[an_advisory(f"CVE-2026-200{n}", f"pkg{n}") for n in range(round_number + 1)],
        )
        an_image(repository, [a_package(package, "1.0")])
        _at_once(lambda: advisories.update(Feed.objects.get()), evaluation.evaluate)
        evaluation.evaluate()
        assert package in {name for name, _, _ in open_findings()}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("moment", ["roll_up_inventories", "_clear_queue"])
def test_an_image_deleted_during_its_evaluation_stops_neither(folder, monkeypatch, moment):
    repository = a_repository()
    images = [an_image(repository, [a_package("bash", f"5.{n}")]) for n in range(3)]
    advisories.update(a_feed(folder, an_advisory("CVE-2026-1001", "bash", "6")))
    deleting = threading.Thread(
        target=_alone, args=[lambda: inventory.disconnect(repository.registry)]
    )
    step = getattr(evaluation, moment)

    def delete_meanwhile(cursor):
        if not deleting.ident:
            deleting.start()
            deleting.join(1)  # it waits for the evaluation, or is through
        return step(cursor)

    monkeypatch.setattr(evaluation, moment, delete_meanwhile)
    assert evaluation.evaluate() >= len(images)
    deleting.join()
    assert not Registry.objects.exists()
    assert not ImageVerdict.objects.exists()
    assert InventoryVerdict.objects.count() == 3


def _at_once(*acts) -> None:
    threads = [threading.Thread(target=_alone, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _alone(act) -> None:
    """On a database connection of its own."""
    try:
        act()
    finally:
        connection.close()
