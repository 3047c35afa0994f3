import json
from datetime import date

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from findings import tasks
from findings.models import (
    Advisory,
    DistributionRelease,
    Exploitation,
    Feed,
    Finding,
    ImageVerdict,
)
from tests import factories

pytestmark = pytest.mark.django_db


def listing(client, model, **query):
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    return client.get(reverse(name), query)


def test_findings_and_advisories_are_found_by_any_whole_id(admin_client):
    finding = factories.a_finding(aliases=("GHSA-abcd",))
    factories.a_finding()
    for model in (Finding, Advisory):
        for name in (finding.vulnerability.name, "GHSA-abcd"):
            assert listing(admin_client, model, q=name).context["cl"].result_count == 1
        assert listing(admin_client, model, q="GHSA").context["cl"].result_count == 0


def test_a_verdict_is_found_by_its_digest(admin_client):
    images = [factories.an_image() for _ in range(2)]
    factories.verdicts(images)
    found = listing(admin_client, ImageVerdict, q=images[0].digest).context["cl"]
    assert [verdict.image for verdict in found.result_list] == images[:1]


def test_verdicts_are_told_apart_by_their_reason(admin_client):
    for reason in ("windows", "empty"):
        factories.a_verdict(factories.an_image(), state="unverified", reason=reason)
    assert listing(admin_client, ImageVerdict, reason="empty").context["cl"].result_count == 1


def test_verdicts_of_several_reasons_are_found_by_each(admin_client):
    first = {"state": "unverified", "reason": "not-judged", "end_of_life": date(2022, 6, 30)}
    factories.a_verdict(factories.an_image(), **first, unread_files=1)
    factories.a_verdict(factories.an_image())
    for reason, number in (("not-judged", 1), ("end-of-life", 1), ("unknown-range", 0)):
        found = listing(admin_client, ImageVerdict, reason=reason).context["cl"]
        assert found.result_count == number


def test_open_findings_can_be_told_from_closed_ones(admin_client):
    factories.a_finding()
    assert listing(admin_client, Finding, closed_at__isempty=1).context["cl"].result_count == 1
    assert listing(admin_client, Finding, closed_at__isempty=0).context["cl"].result_count == 0


def test_feeds_are_updated_on_demand(admin_client, monkeypatch, django_capture_on_commit_callbacks):
    feeds = [factories.a_feed() for _ in range(2)]
    asked = []
    monkeypatch.setattr(
        tasks.update_feed, "apply_async", lambda arguments, **_: asked.extend(arguments)
    )
    query = {"action": "update_now", "_selected_action": [feed.pk for feed in feeds]}
    with django_capture_on_commit_callbacks(execute=True):
        response = admin_client.post(reverse("admin:findings_feed_changelist"), query, follow=True)
    assert response.status_code == 200
    assert sorted(asked) == sorted(feed.pk for feed in feeds)
    assert b"2 feeds" in response.content


def test_a_feed_that_shrank_for_good_is_believed_once_an_operator_says_so(
    admin_client, monkeypatch, tmp_path
):
    monkeypatch.setattr("findings.admin.soon", lambda task, pk: task(pk))
    document = tmp_path / "kev.json"

    def hold(number: int) -> None:
        entries = [
            {"cveID": f"CVE-2026-{1000 + n}", "dateAdded": "2026-02-03"} for n in range(number)
        ]
        document.write_text(json.dumps({"vulnerabilities": entries}))

    feed = Feed.objects.create(kind="kev", name="KEV", location=str(document))
    changelist = reverse("admin:findings_feed_changelist")
    counts = []
    for number, action in ((10, "update_now"), (3, "update_now"), (3, "believe_next")):
        hold(number)
        admin_client.post(changelist, {"action": action, "_selected_action": [feed.pk]})
        feed.refresh_from_db()
        counts.append((feed.record_count, "shrank" in feed.problem))
    assert counts == [(10, False), (10, True), (3, False)]


def test_a_feed_is_added_by_its_name_and_location_and_asked_at_once(admin_client, monkeypatch):
    asked = []
    monkeypatch.setattr("findings.admin.soon", lambda task, *arguments: asked.append(arguments))
    fields = {
        "kind": "osv",
        "name": "Debian",
        "location": "https://advisories.example/all.zip",
        "enabled": "on",
    }
    response = admin_client.post(reverse("admin:findings_feed_add"), fields)
    assert response.status_code == 302
    feed = Feed.objects.get()
    assert feed.name == "Debian"
    assert asked == [(feed.pk,)]


def test_a_second_feed_of_a_kind_of_which_there_is_one_is_refused_in_a_sentence(admin_client):
    kev = Feed.objects.create(kind="kev", name="Known exploited", location="/srv/kev.json")
    fields = {"kind": "kev", "name": "Another", "location": "/srv/other.json", "enabled": "on"}
    response = admin_client.post(reverse("admin:findings_feed_add"), fields)
    assert "There is a feed of this kind; change its location." in response.content.decode()
    fields |= {"kind": "epss", "name": "Renamed"}
    admin_client.post(reverse("admin:findings_feed_change", args=[kev.pk]), fields)
    kev.refresh_from_db()
    assert (kev.kind, kev.name) == ("kev", "Renamed")


def test_what_is_known_of_exploitation_and_of_releases_is_there_to_read(admin_client):
    Exploitation.objects.create(cve="CVE-2026-1000", epss=0.5)
    DistributionRelease.objects.create(distro_id="debian", version="12")
    for model, q in ((Exploitation, "CVE-2026-1000"), (DistributionRelease, "debian")):
        assert listing(admin_client, model, q=q).context["cl"].result_count == 1


def test_feeds_are_not_updated_by_who_may_only_look(client, monkeypatch):
    monkeypatch.setattr("findings.admin.soon", lambda *_: pytest.fail("asked for an update"))
    staff = User.objects.create_user("staff", is_staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="view_feed"))
    client.force_login(staff)
    query = {"action": "update_now", "_selected_action": [factories.a_feed().pk]}
    client.post(reverse("admin:findings_feed_changelist"), query, follow=True)
    assert "update_now" not in str(listing(client, Feed).content)
