"""What a feed says is taken back: first its advisories, then the feed, once nothing rests on it."""

import pytest
from django.db import connections
from django.urls import reverse

from findings import advisories, evaluation, withdrawal
from findings.models import Advisory, Affected, Feed, FeedEcosystem, Finding, ImageVerdict
from tests.findings.estate import a_feed, a_package, a_repository, an_advisory, an_image

pytestmark = pytest.mark.django_db

RECORDS = [an_advisory("CVE-2026-1", "a", "2"), an_advisory("CVE-2026-2", "other", "2")]


def imported(folder, *records: dict, name: str = "Debian") -> Feed:
    feed = a_feed(folder, *records, name=name)
    advisories.update(feed)
    evaluation.evaluate()
    return feed


@pytest.fixture
def feed(tmp_path) -> Feed:
    an_image(a_repository(), [a_package("a", "1")])
    return imported(tmp_path / "feed", *RECORDS)


def closed() -> list[tuple[str, str]]:
    return list(Finding.objects.closed().values_list("vulnerability__name", "closed_cause"))


def test_all_that_a_feed_says_is_withdrawn_and_its_findings_are_closed_for_that(feed):
    assert Finding.objects.open().count() == 1
    assert withdrawal.withdraw(feed) == 2
    assert not Advisory.objects.filter(withdrawn_at=None).exists()
    assert not FeedEcosystem.objects.exists()
    evaluation.evaluate()
    assert closed() == [("CVE-2026-1", "advisory-withdrawn")]
    assert not Finding.objects.open().exists()


def test_an_image_whose_ecosystem_nobody_speaks_of_any_more_is_not_judged(tmp_path):
    an_image(a_repository(), [a_package("healthy", "1")])
    feed = imported(tmp_path / "feed", *RECORDS)
    assert ImageVerdict.objects.get().state == "healthy"
    withdrawal.withdraw(feed)
    evaluation.evaluate()
    verdict = ImageVerdict.objects.get()
    assert (verdict.state, verdict.reason) == ("unverified", "not-judged")


def test_what_another_feed_says_too_stays_found(feed, tmp_path):
    imported(tmp_path / "other", RECORDS[0], name="Other")
    withdrawal.withdraw(feed)
    evaluation.evaluate()
    assert Finding.objects.open().count() == 1
    assert closed() == []


def test_a_withdrawn_feed_is_asked_no_more_and_withdrawing_it_twice_does_nothing(feed):
    withdrawal.withdraw(feed)
    assert withdrawal.withdraw(feed) == 0
    with advisories.alone_with(feed.pk) as held:
        assert held is None


def test_a_withdrawn_feed_may_be_enabled_again(feed):
    withdrawal.withdraw(feed)
    evaluation.evaluate()
    Feed.objects.update(enabled=True)
    feed.refresh_from_db()
    assert advisories.update(feed) == 2
    evaluation.evaluate()
    assert Finding.objects.open().count() == 1


def test_what_feeds_of_another_kind_say_is_not_withdrawn():
    kev = Feed.objects.create(kind="kev", name="Exploited", location="/srv/kev.json")
    with pytest.raises(advisories.Refused, match="Exploited"):
        withdrawal.withdraw(kev)
    kev.refresh_from_db()
    assert kev.enabled


def test_a_feed_that_is_being_imported_is_not_withdrawn(feed):
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s, %s)", [advisories._LOCK, feed.pk])
            with pytest.raises(advisories.Refused, match="being imported"):
                withdrawal.withdraw(feed)
    finally:
        other.close()
    assert Advisory.objects.filter(withdrawn_at=None).count() == 2


def test_an_operator_withdraws_a_feed_and_deletes_it_once_nothing_rests_on_it(
    feed, admin_client, monkeypatch
):
    monkeypatch.setattr("findings.admin.soon", lambda *_: None)
    changelist = reverse("admin:findings_feed_changelist")
    delete = reverse("admin:findings_feed_delete", args=[feed.pk])
    assert admin_client.post(delete, {"post": "yes"}).status_code == 403
    query = {"action": "withdraw", "_selected_action": [feed.pk]}
    page = admin_client.post(changelist, query, follow=True)
    assert "Debian: 2 advisories are withdrawn." in page.content.decode()
    assert admin_client.post(delete, {"post": "yes"}).status_code == 403
    evaluation.evaluate()
    assert "Debian" in admin_client.get(delete).content.decode()
    assert admin_client.post(delete, {"post": "yes"}).status_code == 302
    for model in (Feed, Advisory, Affected):
        assert not model.objects.exists()
    assert closed() == [("CVE-2026-1", "advisory-withdrawn")]


def test_feeds_are_not_deleted_by_the_dozen(feed, admin_client):
    page = admin_client.get(reverse("admin:findings_feed_changelist"))
    assert "delete_selected" not in page.content.decode()
