from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from findings.models import DailyCount
from registries.models import PlanSwitch
from scans.models import Scan
from scans.tasks import dispatch
from tests.factories import (
    a_feed,
    a_registry,
    a_report,
    a_repository,
    a_subscription,
    a_verdict,
    an_estate,
    an_image,
    place,
)


def test_whoever_is_not_logged_in_is_asked_to(client, db):
    response = client.get("/")
    assert response.status_code == 302
    assert response["Location"].startswith("/login")


def test_totals_are_of_what_the_user_may_see(client, reader, subscription):
    an_estate(images=3, findings=5, subscription=subscription)
    an_estate(images=40, findings=5)
    response = client.get("/")
    tally = response.context["tally"]
    assert (tally.unhealthy, tally.image_count) == (3, 3)
    assert (tally.critical, tally.high, tally.medium, tally.low, tally.unknown) == (3, 3, 3, 3, 3)


def test_another_subscription_is_not_named(client, reader):
    estate = an_estate(images=1, findings=1)
    page = client.get("/").content.decode()
    assert estate.subscription.display_name not in page
    assert estate.registries[0].name not in page
    assert estate.images[0].short_digest not in page


def test_a_registry_is_protected_when_its_plan_is_on_and_it_answers(client, reader, subscription):
    a_registry(subscription)
    a_registry(subscription, problem="The registry does not answer.")
    response = client.get("/")
    assert response.context["protected"] == 1
    assert "The registry does not answer." in response.content.decode()


def test_the_worst_images_come_first(client, reader, subscription):
    mild = an_estate(images=1, findings=1, subscription=subscription)
    bad = an_estate(images=1, findings=12, subscription=subscription)
    worst = [one.row.image for one in client.get("/").context["worst_images"]]
    assert worst == [bad.images[0], mild.images[0]]


def test_a_digest_in_several_places_is_one_of_the_worst_once(client, reader, subscription):
    estate = an_estate(images=1, findings=3, subscription=subscription)
    (image,) = estate.images
    place(image, a_repository(estate.registries[0], name="mirror/app"))
    copy = an_image(
        a_repository(a_registry(subscription, name="backup"), name="copies/app"),
        digest=image.digest,
    )
    a_report(copy, list(image.report.inventories.all()))
    a_verdict(copy)
    an_image(digest=image.digest)  # of others
    response = client.get("/")
    (worst,) = response.context["worst_images"]
    assert worst.row.image == image
    assert worst.also_in == ["mirror/app", "backup / copies/app"]
    assert "also in mirror/app, backup / copies/app" in response.content.decode()


def test_scans_that_wait_are_shown_with_their_age(client, reader, subscription):
    image = an_image(a_repository(a_registry(subscription)))
    Scan.objects.create(
        image=image,
        subscription=subscription,
        digest=image.digest,
        registry="r",
        repository="team/app",
        trigger="push",
        requested_at=timezone.now() - timedelta(minutes=7),
    )
    page = client.get("/").content.decode()
    assert image.short_digest in page
    assert "The oldest has waited for 7\xa0minutes." in page


def test_scans_of_other_subscriptions_are_not_shown(client, reader):
    other = a_subscription()
    Scan.objects.create(
        subscription=other, digest="sha256:1", registry="r", repository="s", trigger="push"
    )
    assert client.get("/").context["activity"].waiting == 0


def test_the_scans_under_way_ask_again_until_there_are_none(client, reader, subscription):
    path, htmx = reverse("activity"), {"HX-Request": "true"}
    assert path not in client.get("/").content.decode()
    Scan.objects.create(
        subscription=subscription, digest="sha256:1", registry="r", repository="s", trigger="push"
    )
    assert path in client.get("/").content.decode()
    assert "1 waiting" in client.get(path, headers=htmx).content.decode()
    Scan.objects.update(state="done")
    assert client.get(path, headers=htmx)["HX-Refresh"] == "true"


def test_a_feed_that_fails_or_is_old_is_told(client, reader):
    a_feed(name="fresh")
    a_feed(name="old", succeeded_at=timezone.now() - timedelta(days=3))
    a_feed(name="never", succeeded_at=None, problem="The host does not answer.")
    response = client.get("/")
    stale = {row.feed.name for row in response.context["feeds"] if row.stale}
    assert stale == {"old", "never"}
    page = response.content.decode()
    for told in (
        "<strong>2 of 3 feeds</strong> are not up to date (never, old)",
        "too long ago",
        "nothing imported yet",
        "The host does not answer.",
    ):
        assert told in page
    assert "The feed fresh" not in page


def test_the_trend_is_drawn_without_anything_inline_and_its_figures_are_a_table(
    client, reader, subscription
):
    today = timezone.now().date()
    for ago in range(3):
        DailyCount.objects.create(
            subscription=subscription, day=today - timedelta(days=ago), high=4321 + ago
        )
    page = client.get("/").content.decode()
    assert "<svg" in page
    assert "<style" not in page
    assert " style=" not in page
    assert "4,323" in page


def test_one_day_makes_no_line(client, reader, subscription):
    DailyCount.objects.create(subscription=subscription, day=timezone.now().date(), high=4)
    assert "The trend begins tomorrow." in client.get("/").content.decode()


def test_someone_without_a_role_is_told_so(client, db, django_user_model):
    client.force_login(django_user_model.objects.create_user("nobody"))
    assert "You have no role on any subscription." in client.get("/").content.decode()


@pytest.mark.parametrize(("pressed", "enabled"), [("on", True), ("", False)])
def test_an_owner_switches_the_plan(client, owner, subscription, pressed, enabled):
    subscription.plan_enabled = not enabled
    subscription.save()
    client.post(reverse("switch-plan", args=[subscription.pk]), {"enabled": pressed})
    subscription.refresh_from_db()
    assert subscription.plan_enabled is enabled
    assert PlanSwitch.objects.get().actor == owner


def test_switching_the_plan_on_calls_a_worker_and_says_what_is_scanned(
    client, owner, subscription, monkeypatch, settings, django_capture_on_commit_callbacks
):
    calls = []
    monkeypatch.setattr(dispatch, "apply_async", lambda *_, **__: calls.append("dispatch"))
    for pressed in ("on", ""):
        path = reverse("switch-plan", args=[subscription.pk])
        with django_capture_on_commit_callbacks(execute=True):
            response = client.post(path, {"enabled": pressed}, follow=True)
        if pressed:
            assert f"the last {settings.PULL_WINDOW_DAYS} days" in response.content.decode()
    assert calls == ["dispatch"]


def test_a_reader_sees_no_switch_and_may_not_use_it(client, reader, subscription):
    path = reverse("switch-plan", args=[subscription.pk])
    assert path not in client.get("/").content.decode()
    assert client.post(path).status_code == 404
    subscription.refresh_from_db()
    assert subscription.plan_enabled


def test_every_page_carries_a_policy_that_forbids_what_is_inline(client, reader):
    policy = client.get("/")["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy


def test_a_browser_that_asks_for_the_old_icon_gets_ours(client, db):
    assert client.get("/favicon.ico")["Location"] == "/static/vigie.svg"


def test_the_first_administrator_is_told_to_make_a_subscription(admin_client):
    page = admin_client.get("/").content.decode()
    assert "There is no subscription yet." in page
    assert reverse("admin:registries_subscription_add") in page
