"""The import of a feed: what is believed, what is refused, and that nothing is done twice."""

import pytest
from django.db import DataError

from findings import advisories
from findings.models import (
    Advisory,
    Affected,
    Feed,
    FeedEcosystem,
    Vulnerability,
    VulnerabilityAlias,
)
from tests.findings.estate import a_feed, an_advisory, write_records

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "feed"


def some(count: int, first: int = 0) -> list[dict]:
    return [an_advisory(f"CVE-2026-100{n}", f"pkg{n}", "2.0") for n in range(first, first + count)]


def names() -> set[str]:
    return set(Advisory.objects.filter(withdrawn_at=None).values_list("name", flat=True))


def test_a_feed_says_when_it_succeeded_what_it_holds_and_of_what_date(folder):
    feed = a_feed(folder, *some(3))
    assert advisories.update(feed) == 3
    feed.refresh_from_db()
    assert (feed.record_count, feed.problem) == (3, "")
    assert feed.succeeded_at == feed.attempted_at
    assert feed.newest_record_at.isoformat() == "2026-01-01T00:00:00+00:00"
    assert set(FeedEcosystem.objects.values_list("ecosystem", flat=True)) == {"Debian:12"}


def test_an_unchanged_record_is_not_written_again(folder):
    feed = a_feed(folder, *some(3))
    advisories.update(feed)
    rows = list(Affected.objects.values_list("pk", flat=True))
    assert advisories.update(feed) == 0
    assert rows == list(Affected.objects.values_list("pk", flat=True))


def test_a_changed_record_replaces_the_old_one(folder):
    feed = a_feed(folder, *some(3))
    advisories.update(feed)
    write_records(folder, *some(2), an_advisory("CVE-2026-1002", "renamed", "9.9"))
    assert advisories.update(feed) == 1
    assert Affected.objects.get(advisory__name="CVE-2026-1002").name == "renamed"


def test_a_record_that_left_the_feed_is_withdrawn_and_may_come_back(folder):
    feed = a_feed(folder, *some(10))
    advisories.update(feed)
    write_records(folder, *some(9))
    advisories.update(feed)
    assert len(names()) == 9
    write_records(folder, *some(10))
    assert advisories.update(feed) == 1
    assert len(names()) == 10


def test_a_feed_that_shrinks_suddenly_is_refused_and_the_last_good_one_stays(folder):
    feed = a_feed(folder, *some(10))
    advisories.update(feed)
    succeeded = feed.succeeded_at
    write_records(folder, *some(7))
    assert advisories.update(feed) == 0
    feed.refresh_from_db()
    assert "shrank from 10 to 7" in feed.problem
    assert (feed.succeeded_at, feed.record_count, len(names())) == (succeeded, 10, 10)


def test_a_feed_that_cannot_be_read_is_refused_and_the_last_good_one_stays(folder):
    feed = a_feed(folder, *some(10))
    advisories.update(feed)
    (folder / "CVE-2026-1003.json").write_text("{ not json")
    assert advisories.update(feed) == 0
    assert "CVE-2026-1003" in feed.problem
    assert len(names()) == 10


def test_one_bad_record_of_many_is_named_and_the_rest_taken(folder):
    feed = a_feed(folder, *some(200))
    (folder / "broken.json").write_text('{"id": 3}')
    assert advisories.update(feed) == 200
    assert "broken" in feed.problem


def test_an_empty_feed_is_refused(folder):
    feed = a_feed(folder)
    advisories.update(feed)
    assert feed.succeeded_at is None
    assert feed.problem


def test_a_missing_folder_is_said_in_a_sentence(tmp_path):
    feed = Feed.objects.create(name="gone", location=str(tmp_path / "nowhere"))
    assert advisories.update(feed) == 0
    assert str(tmp_path / "nowhere") in feed.problem


def test_a_record_that_claims_every_name_does_not_pour_them_into_one(folder):
    greedy = an_advisory("CVE-2026-9999", "x", aliases=[f"CVE-2026-100{n}" for n in range(100)])
    advisories.update(a_feed(folder, *some(100), greedy))
    assert Vulnerability.objects.count() == 101


def test_text_that_the_database_cannot_hold_is_no_obstacle(folder):
    record = an_advisory("CVE-2026-1001", "x", details="a\\u0000b", summary="\\ud800")
    advisories.update(a_feed(folder, record | {"details": "a\0b"}))
    assert names() == {"CVE-2026-1001"}


def test_only_one_session_imports_a_feed_at_a_time(folder):
    feed = a_feed(folder, *some(1))
    with advisories.alone_with(feed.pk) as held:
        assert held == feed


def test_a_disabled_feed_is_left_alone(folder):
    feed = a_feed(folder, *some(1))
    Feed.objects.update(enabled=False)
    with advisories.alone_with(feed.pk) as held:
        assert held is None


@pytest.mark.parametrize(
    "odd",
    [
        {"modified": "9999-12-31T23:59:59-23:59"},
        {"modified": "2026-01-01T00:00:00+23:00"},
        {"published": "2026-01-01T00:00:00-23:59"},
    ],
)
def test_a_date_that_the_database_cannot_hold_does_not_keep_the_other_records_out(folder, odd):
    feed = a_feed(folder, *some(200), an_advisory("CVE-2026-1999", "x", "2.0") | odd)
    assert advisories.update(feed) >= 200
    assert Feed.objects.get().succeeded_at is not None


def test_a_version_that_the_database_cannot_hold_is_unreadable(folder):
    odd = an_advisory("ALSA-1", "x", "1.0\0-1", ecosystem="AlmaLinux:9")
    assert advisories.update(a_feed(folder, *some(2), odd)) == 3
    assert Advisory.objects.get(name="ALSA-1").unreadable_ranges == 1


def test_more_unreadable_ranges_than_a_column_counts_are_no_obstacle(folder):
    feed = a_feed(folder, *some(2))
    advisories.update(feed)
    Advisory.objects.update(unreadable_ranges=2**31 - 1)
    write_records(folder, *some(3))
    assert advisories.update(feed) == 1
    assert Feed.objects.get().unreadable_ranges == 2**31 - 1


def test_an_error_nobody_expects_is_said_on_the_feed(folder, monkeypatch, caplog):
    """Otherwise the feed looks as if nobody had asked it, and is asked at every turn."""

    def refuse(*_):
        raise DataError("out of range")

    feed = a_feed(folder, *some(2))
    monkeypatch.setattr(advisories, "merge", refuse)
    assert advisories.update(feed) == 0
    feed.refresh_from_db()
    assert "(DataError)" in feed.problem
    assert (feed.attempted_at is not None, feed.succeeded_at) == (True, None)
    assert "out of range" in caplog.text


def test_a_record_that_our_own_reading_fails_on_is_counted_as_unreadable(folder, monkeypatch):
    read = advisories.osv.parse

    def fail_on_one(raw: bytes):
        if b"CVE-2026-1007" in raw:
            raise KeyError("a bug")
        return read(raw)

    monkeypatch.setattr(advisories.osv, "parse", fail_on_one)
    monkeypatch.setattr(advisories, "LARGEST_UNREADABLE", 0.5)
    feed = a_feed(folder, *some(9))
    assert advisories.update(feed) == 8
    assert "CVE-2026-1007" in feed.problem


def test_what_an_operator_changes_during_an_import_stays(folder):
    feed = a_feed(folder, *some(2))
    Feed.objects.update(enabled=False, location="/elsewhere")
    advisories.update(feed)
    feed.refresh_from_db()
    assert (feed.enabled, feed.location, feed.record_count) == (False, "/elsewhere", 2)


def test_a_feed_deleted_during_its_import_does_not_come_back(folder):
    feed = a_feed(folder)
    Feed.objects.filter(pk=feed.pk).delete()
    advisories.update(feed)
    assert not Feed.objects.exists()


def test_an_ecosystem_whose_last_record_left_the_feed_is_spoken_of_no_more(folder):
    other = an_advisory("CVE-2026-1999", "musl", "2.0", ecosystem="Alpine:v3.19")
    feed = a_feed(folder, *some(10), other)
    advisories.update(feed)
    write_records(folder, *some(10))
    advisories.update(feed)
    assert set(FeedEcosystem.objects.values_list("ecosystem", flat=True)) == {"Debian:12"}


def test_records_of_one_vulnerability_stay_together_when_it_is_merged_into_another(folder):
    first = an_advisory("GHSA-1", "a", "2.0", aliases=["PYSEC-1"])
    feed = a_feed(folder, first, an_advisory("CVE-2026-1", "a", "2.0"))
    advisories.update(feed)
    assert Vulnerability.objects.count() == 2
    write_records(
        folder,
        an_advisory("CVE-2026-1", "a", "2.0"),
        an_advisory("GHSA-1", "a", "2.0", aliases=["CVE-2026-1", "PYSEC-1"]),
        an_advisory("PYSEC-1", "a", "2.0"),
    )
    advisories.update(feed)
    assert len(set(Advisory.objects.values_list("vulnerability", flat=True))) == 1
    assert len(set(VulnerabilityAlias.objects.values_list("vulnerability", flat=True))) == 1


def test_a_failure_that_has_passed_is_no_longer_told_though_nothing_changed(folder):
    feed = a_feed(folder, *some(3))
    advisories.update(feed)
    folder.rename(folder.with_name("elsewhere"))
    advisories.update(feed)
    assert feed.problem
    folder.with_name("elsewhere").rename(folder)
    assert advisories.update(feed) == 0
    feed.refresh_from_db()
    assert feed.problem == ""
    assert feed.succeeded_at == feed.attempted_at


def test_a_feed_does_not_speak_of_an_ecosystem_of_which_nothing_can_be_read(folder):
    """Or whoever has only packages it does not name would be healthy by it."""
    odd = an_advisory("CVE-2026-1999", "tool", "2.0", ecosystem="Nobody's")
    advisories.update(a_feed(folder, *some(10), odd))
    assert set(FeedEcosystem.objects.values_list("ecosystem", flat=True)) == {"Debian:12"}
