"""Known exploitation, scores and ends of life, from the document to the tables and the verdicts."""

import json
from datetime import date

import pytest
from django.db import IntegrityError

from findings import evaluation, updates
from findings.feeds import eol
from findings.models import (
    DistributionRelease,
    Exploitation,
    Feed,
    ImageVerdict,
    Vulnerability,
)
from tests.findings import estate

pytestmark = pytest.mark.django_db


@pytest.fixture
def document(tmp_path):
    return tmp_path / "document"


def a_feed(kind: str, document) -> Feed:
    feed, _ = Feed.objects.get_or_create(
        kind=kind, defaults={"name": kind, "location": str(document)}
    )
    return feed


def kev(document, *cves: str, **fields) -> Feed:
    entries = [{"cveID": cve, "dateAdded": "2026-02-03"} | fields for cve in cves]
    catalogue = {"dateReleased": "2026-02-04T00:00:00Z", "vulnerabilities": entries}
    document.write_text(json.dumps(catalogue))
    return a_feed("kev", document)


def epss(document, **scores: float) -> Feed:
    lines = [f"{cve.replace('_', '-')},{score},{score}" for cve, score in scores.items()]
    about = "#model_version:v1,score_date:2026-02-03T00:00:00+0000\ncve,epss,percentile\n"
    document.write_text(about + "\n".join(lines))
    return a_feed("epss", document)


def cves(number: int) -> list[str]:
    return [f"CVE-2026-{1000 + n}" for n in range(number)]


# --- feeds ---------------------------------------------------------------------------------------


def test_a_catalogue_says_what_it_holds_of_when(document):
    feed = kev(document, *cves(3), dueDate="2026-03-01", knownRansomwareCampaignUse="Known")
    assert updates.update(feed) == 3
    feed.refresh_from_db()
    assert (feed.record_count, feed.problem) == (3, "")
    assert feed.newest_record_at.date() == date(2026, 2, 4)
    known = Exploitation.objects.get(cve="CVE-2026-1000")
    assert (known.known_exploited_on, known.due_on) == (date(2026, 2, 3), date(2026, 3, 1))
    assert known.ransomware
    assert updates.update(feed) == 0


def test_catalogue_and_scores_say_their_own_and_leave_each_others_alone(tmp_path):
    updates.update(kev(tmp_path / "kev", *cves(2), requiredAction="Update."))
    updates.update(epss(tmp_path / "epss", CVE_2026_1000=0.5, CVE_2026_7777=0.25))
    both = Exploitation.objects.get(cve="CVE-2026-1000")
    assert (both.required_action, both.epss, both.epss_on) == ("Update.", 0.5, date(2026, 2, 3))
    scored = Exploitation.objects.get(cve="CVE-2026-7777")
    assert (scored.known_exploited_on, scored.epss_percentile) == (None, 0.25)
    assert Exploitation.objects.get(cve="CVE-2026-1001").epss is None


def test_what_a_feed_no_longer_names_is_no_longer_said(document):
    updates.update(kev(document, *cves(10), knownRansomwareCampaignUse="Known"))
    assert updates.update(kev(document, *cves(9))) == 10
    gone = Exploitation.objects.get(cve="CVE-2026-1009")
    assert (gone.known_exploited_on, gone.ransomware) == (None, False)


def test_a_feed_that_shrinks_by_a_fifth_is_refused_and_the_last_good_import_stays(document):
    updates.update(kev(document, *cves(10)))
    feed = kev(document, *cves(7))
    updates.update(feed)
    feed.refresh_from_db()
    assert "shrank from 10 to 7" in feed.problem
    assert (feed.record_count, feed.etag) == (10, "")
    assert Exploitation.objects.filter(known_exploited_on__isnull=False).count() == 10


@pytest.mark.parametrize(
    ("kind", "body"),
    [("kev", "<html>"), ("epss", "<html>"), ("eol", "<html>"), ("kev", '{"vulnerabilities": []}')],
)
def test_what_is_no_such_feed_leaves_one_sentence(document, kind, body):
    document.write_text(body)
    feed = a_feed(kind, document)
    updates.update(feed)
    feed.refresh_from_db()
    assert feed.problem.endswith(".")
    assert (feed.succeeded_at, feed.record_count) == (None, 0)


def test_entries_that_cannot_be_read_are_told_of_and_many_of_them_refuse_the_feed(document):
    feed = kev(document, *cves(200), "GHSA-1")
    updates.update(feed)
    feed.refresh_from_db()
    assert (feed.problem, feed.record_count) == ("Not read: 1 entries.", 200)
    updates.update(kev(document, *cves(200), *["GHSA-1"] * 9))
    feed.refresh_from_db()
    assert "9 of 209 entries" in feed.problem


def test_there_is_one_feed_of_a_kind_but_many_of_advisories():
    for name in ("Debian", "Alpine"):
        Feed.objects.create(name=name, location="/nowhere")
    Feed.objects.create(name="one", kind="kev", location="/nowhere")
    with pytest.raises(IntegrityError):
        Feed.objects.create(name="other", kind="kev", location="/nowhere")


# --- on vulnerabilities ------------------------------------------------------------------------


@pytest.fixture
def image(tmp_path):
    """An image with one finding, CVE-2026-1000, also known as GHSA-1."""
    made = estate.an_image(estate.a_repository(), [estate.a_package("bash", "5.1")])
    record = estate.an_advisory("GHSA-1", "bash", "5.2", aliases=["CVE-2026-1000"])
    updates.update(estate.a_feed(tmp_path / "advisories", record))
    evaluation.evaluate()
    return made


def vulnerability() -> Vulnerability:
    return Vulnerability.objects.get(name="CVE-2026-1000")


def exploited_findings() -> int:
    return ImageVerdict.objects.get().exploited


def test_a_vulnerability_says_the_worst_that_is_known_of_any_of_its_names(image, tmp_path):
    updates.update(kev(tmp_path / "kev", "CVE-2026-1000", knownRansomwareCampaignUse="Known"))
    updates.update(epss(tmp_path / "epss", CVE_2026_1000=0.5))
    found = vulnerability()
    assert (found.known_exploited_on, found.ransomware) == (date(2026, 2, 3), True)
    assert (found.epss, found.epss_percentile) == (0.5, 0.5)


def test_images_count_known_exploitation_from_the_day_it_is_known_to_the_day_it_is_taken_back(
    image, document
):
    assert exploited_findings() == 0
    updates.update(kev(document, "CVE-2026-1000", *cves(9)[1:]))
    assert exploited_findings() == 1
    updates.update(kev(document, *cves(9)[1:]))
    assert exploited_findings() == 0
    assert vulnerability().known_exploited_on is None


def test_what_was_known_before_the_advisory_came_is_known_of_it(document, tmp_path):
    updates.update(kev(document, "CVE-2026-1000"))
    updates.update(
        estate.a_feed(tmp_path / "advisories", estate.an_advisory("CVE-2026-1000", "bash", "5.2"))
    )
    assert vulnerability().known_exploited_on == date(2026, 2, 3)
    estate.an_image(estate.a_repository(), [estate.a_package("bash", "5.1")])
    evaluation.evaluate()
    assert exploited_findings() == 1


# --- ends of life ------------------------------------------------------------------------------


def ends(document, **days) -> Feed:
    releases = [{"name": name.strip("_"), "eolFrom": day} for name, day in days.items()]
    document.write_text(json.dumps({"result": {"name": "debian", "releases": releases}}))
    return a_feed("eol", document)


def test_a_new_calendar_replaces_the_old_one_and_judges_at_once(image, document):
    ImageVerdict.objects.update(state="healthy")
    image.report.distro_id, image.report.distro_version = "debian", "12"
    image.report.save()
    updates.update(ends(document, _11="2020-01-01", _12="2020-01-01", _13=None))
    assert ImageVerdict.objects.get().end_of_life == date(2020, 1, 1)
    assert ImageVerdict.objects.get().reason == "end-of-life"
    feed = ends(document, _12="2999-01-01", _13=None, _14=None)
    assert updates.update(feed) == 4  # 11 went, 12 changed, 14 came, and the image
    assert ImageVerdict.objects.get().end_of_life is None
    known = DistributionRelease.objects.values_list("version", "ends_on")
    assert set(known) == {("12", date(2999, 1, 1)), ("13", None), ("14", None)}


def test_our_own_list_is_a_feed_like_any_other():
    feed = a_feed("eol", str(eol.SHIPPED))
    assert updates.update(feed) > 100
    feed.refresh_from_db()
    assert feed.problem == ""
    assert DistributionRelease.objects.count() == feed.record_count
