from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from findings.models import Finding, PackageKey, Severity
from registries.models import IndexMember, Registry, RegistryEvent, TagMove
from scans.models import ImageLayer, Scan
from scans.tasks import dispatch
from tests.factories import (
    a_feed,
    a_finding,
    a_layer,
    a_package,
    a_registry,
    a_report,
    a_repository,
    a_user,
    a_verdict,
    advisories,
    an_advisory,
    an_image,
    an_inventory,
    find,
    packages,
    place,
)


@pytest.fixture
def repository(subscription):
    registry = a_registry(subscription, name="shop", location="https://shop.example:5000")
    return a_repository(registry, name="team/checkout")


@pytest.fixture
def image(repository):
    return an_image(repository, tags=("latest",))


def page_of(client, image, **parameters):
    repository = image.placements.first().repository
    return client.get(reverse("image", args=[repository.pk, image.digest]), parameters)


def test_an_image_one_may_not_see_does_not_exist(client, reader):
    assert page_of(client, an_image()).status_code == 404


def test_an_image_does_not_stand_in_other_repositories_of_its_registry(client, reader, image):
    other = a_repository(image.registry)
    assert client.get(reverse("image", args=[other.pk, image.digest])).status_code == 404


def test_facts_of_the_image_are_shown(client, reader, image):
    a_finding(image)
    page = page_of(client, image).content.decode()
    for fact in (image.digest, "latest", "linux/amd64", "Debian GNU/Linux 12 (bookworm)"):
        assert fact in page


def test_the_other_repositories_with_the_same_digest_are_named(client, reader, image):
    other = a_repository(image.registry, name="mirror/checkout")
    place(image, other)
    assert (
        reverse("image", args=[other.pk, image.digest]) in page_of(client, image).content.decode()
    )


@pytest.mark.parametrize("digest", ["sha256:%00", "latest", "sha256:" + "0" * 9000])
def test_what_is_no_digest_of_an_image_does_not_exist(client, reader, repository, digest):
    assert client.get(f"/repositories/{repository.pk}/images/{digest}").status_code == 404


# --- the tag that moved ---


def test_an_old_digest_whose_tag_moved_says_where_to_and_what_to_do(client, reader, repository):
    old, new = an_image(repository), an_image(repository, tags=("latest",))
    at = timezone.now() - timedelta(days=2)
    TagMove.objects.create(
        repository=repository,
        name="latest",
        digest_before=old.digest,
        digest_after=new.digest,
        at=at,
    )
    page = page_of(client, old).content.decode()
    assert "No tag points to this image any more." in page
    assert reverse("image", args=[repository.pk, new.digest]) in page
    assert f"on {at:%-d %B %Y, %H:%M}" in page
    assert "can still be pulled, so it is still reported" in page
    assert f"skopeo delete docker://shop.example:5000/team/checkout@{old.digest}" in page


def test_an_image_with_a_tag_says_nothing_of_the_kind(client, reader, image):
    page = page_of(client, image).content.decode()
    assert "No tag points to this" not in page


def test_an_image_whose_index_bears_a_tag_says_nothing_of_the_kind(client, reader, repository):
    index = an_image(repository, tags=("multi",), kind="index")
    member = an_image(repository)
    IndexMember.objects.create(index=index, image=member)
    page = page_of(client, member).content.decode()
    assert "No tag points to this" not in page
    assert page_of(client, index).context["members"] == [member]


def test_a_tag_of_an_index_that_moved_is_told_on_its_images(client, reader, repository):
    index, member = an_image(repository, kind="index"), an_image(repository)
    IndexMember.objects.create(index=index, image=member)
    TagMove.objects.create(repository=repository, name="multi", digest_before=index.digest)
    page = page_of(client, member).content.decode()
    assert "The tag <b>multi</b> was removed" in page


def test_a_folder_of_layouts_is_given_no_command(client, reader, repository):
    Registry.objects.update(kind="layout", location="/srv/layouts")
    page = page_of(client, an_image(repository)).content.decode()
    assert "No tag points to this" in page
    assert "skopeo" not in page


def test_moves_in_other_repositories_are_not_its_history(client, reader, image):
    other = a_repository(image.registry)
    TagMove.objects.create(repository=other, name="latest", digest_after=image.digest)
    assert page_of(client, image).context["moves"] == []


# --- what is not known ---


def test_an_unverified_image_shows_why_with_the_scanners_own_words(client, reader, image):
    a_report(image, [], result="unverified", reason="damaged")
    a_verdict(image, state="unverified", reason="damaged", detail="Layer 3 ends in the middle.")
    page = page_of(client, image).content.decode()
    assert "Layer 3 ends in the middle." in page
    assert "Push the image again." in page


def test_advice_that_the_scanner_gave_already_is_not_repeated(client, reader, image):
    a_report(image, [], result="unverified", reason="damaged")
    a_verdict(image, state="unverified", reason="damaged", detail="It ends. Push the image again.")
    assert page_of(client, image).content.decode().count("Push the image again.") == 1


@pytest.mark.parametrize("tab", ["findings", "packages", "layers"])
def test_what_is_not_known_is_no_zero(client, reader, image, tab):
    a_report(image, [], result="unverified", reason="empty")
    a_verdict(image, state="unverified", reason="empty", detail="No package database.")
    page = page_of(client, image, tab=tab).content.decode()
    assert "<b>–</b>" in page
    assert "<b>0</b>" not in page
    assert "Nothing is known." in page
    assert "known yet" not in page


def test_an_image_of_a_plan_that_is_off_says_so(client, reader, image, subscription):
    subscription.plan_enabled = False
    subscription.save()
    assert "The plan is off" in page_of(client, image).content.decode()


def test_versions_nobody_understands_are_told_and_marked(client, reader, image):
    package = a_package(version="not-a-version")
    PackageKey.objects.create(package=package, ecosystem="Debian:12", name="x", key=None)
    a_report(image, [an_inventory([package])])
    a_verdict(image, unreadable_versions=1)
    assert "Versions not understood" in page_of(client, image).content.decode()
    packages = page_of(client, image, tab="packages").content.decode()
    assert "version not understood: not judged" in packages


# --- the lists inside ---


def scanned(image, severities, **more):
    """The image with one finding of each of these severities."""
    of = packages(len(severities))
    found = advisories(len(severities), a_feed())
    for advisory, severity in zip(found, severities, strict=True):
        advisory.severity = severity
        advisory.save()
    inventory = an_inventory(of)
    made = find(inventory, list(zip(of, found, strict=True)), **more)
    a_report(image, [inventory])
    a_verdict(image)
    return made


def rows_of(response):
    return [finding for finding, _ in response.context["findings"]]


def test_findings_come_worst_first(client, reader, image):
    low, critical, high = scanned(image, [1, 4, 3])
    assert rows_of(page_of(client, image)) == [critical, high, low]


def test_findings_of_images_with_other_package_sets_do_not_show(client, reader, image):
    (own,) = scanned(image, [3])
    scanned(an_image(image.placements.get().repository), [4])
    assert rows_of(page_of(client, image)) == [own]


@pytest.mark.parametrize("severity", list(Severity))
def test_findings_can_be_filtered_by_severity(client, reader, image, severity):
    made = scanned(image, list(Severity))
    response = page_of(client, image, severity=severity.name.lower())
    assert rows_of(response) == [made[severity]]


def test_findings_can_be_filtered_by_fix(client, reader, image):
    scanned(image, [3], fixed_version="")
    assert rows_of(page_of(client, image, fix="yes")) == []
    assert len(rows_of(page_of(client, image, fix="no"))) == 1


def test_findings_are_searched_by_package_and_by_any_of_their_names(client, reader, image):
    package = a_package(name="libneedle2")
    advisory = an_advisory(aliases=("GHSA-needle-needle",))
    other = a_package()
    inventory = an_inventory([package, other])
    wanted, _ = find(inventory, [(package, advisory), (other, an_advisory())])
    a_report(image, [inventory])
    for q in ("NEEDLE2", "ghsa-needle", advisory.vulnerability.name):
        assert rows_of(page_of(client, image, q=q)) == [wanted]


def test_closed_findings_have_a_list_of_their_own(client, reader, image):
    kept, closed = scanned(image, [3, 4])
    Finding.objects.filter(pk=closed.pk).update(
        closed_at=timezone.now(), closed_cause="advisory-withdrawn"
    )
    assert rows_of(page_of(client, image)) == [kept]
    response = page_of(client, image, tab="closed")
    assert rows_of(response) == [closed]
    assert "Advisory withdrawn" in response.content.decode()


def test_packages_name_the_file_and_the_layer_they_came_from(client, reader, image):
    layer = a_layer()
    a_report(image, [an_inventory(packages(2), layer)])
    page = page_of(client, image, tab="packages").content.decode()
    assert "var/lib/dpkg/status" in page
    assert layer.digest in page


def test_layers_show_their_instruction_and_their_own_findings(client, reader, image):
    base, own = a_layer(), a_layer()
    shared = packages(2)
    inventories = [an_inventory(shared, base), an_inventory(packages(1), own)]
    # The same package has findings in the sets of other images too: they do not count here.
    advisory = an_advisory(severity=4)
    find(inventories[0], [(shared[0], advisory), (shared[1], an_advisory(severity=3))])
    find(an_inventory(shared), [(shared[0], advisory)])
    a_report(image, inventories)
    ImageLayer.objects.create(report_id=image.pk, position=5, created_by="CMD run")
    layers = page_of(client, image, tab="layers").context["layers"]
    told = [(row.packages, row.tally.critical, row.tally.high) for row in layers]
    assert told == [(2, 1, 1), (1, 0, 0), (0, 0, 0)]
    assert layers[2].step.created_by == "CMD run"


# --- activity ---


def an_event(image, action, **more):
    home = image.placements.first().repository
    fields = {
        "registry": home.registry, "repository": home.name, "digest": image.digest,
        "delivery": f"delivery-{RegistryEvent.objects.count()}", "occurred_at": timezone.now(),
    }  # fmt: skip
    return RegistryEvent.objects.create(action=action, **(fields | more))


def test_who_pushed_and_pulled_is_told_newest_first(client, reader, image):
    ago = [timezone.now() - timedelta(days=days) for days in range(3)]
    pull = an_event(image, "pull", occurred_at=ago[0], actor="ada", user_agent="skopeo/1")
    mount = an_event(image, "mount", occurred_at=ago[1], user_agent="skopeo/1")
    push = an_event(image, "push", occurred_at=ago[2], tag="latest")
    response = page_of(client, image, tab="activity")
    assert list(response.context["page"]) == [pull, mount, push]
    page = response.content.decode()
    for who in ("ada", "skopeo/1", "unknown"):
        assert f">{who}</td>" in page


def test_events_of_others_and_old_ones_are_not_its_activity(client, reader, image):
    an_event(image, "pull", repository="team/other")
    an_event(image, "pull", registry=a_registry())
    an_event(image, "pull", digest=an_image().digest)
    an_event(image, "pull", occurred_at=timezone.now() - timedelta(days=31))
    response = page_of(client, image, tab="activity")
    assert list(response.context["page"]) == []
    assert "No event of this digest." in response.content.decode()


def test_its_scans_are_told_with_what_they_took(client, reader, image, subscription):
    at = timezone.now()
    Scan.objects.create(
        image=image, subscription=subscription, digest=image.digest, trigger="on-demand",
        state="done", result="indexed", started_at=at, finished_at=at + timedelta(seconds=1.5),
        bytes_fetched=3 * 1024 * 1024, layers_fetched=2, layers_reused=7,
    )  # fmt: skip
    page = page_of(client, image, tab="activity").content.decode()
    for told in ("On demand", "Indexed", "1.5 s", "3.0\xa0MB", ">2</td>", ">7</td>"):
        assert told in page


# --- scan now ---


@pytest.fixture
def dispatched(monkeypatch):
    """The calls of a worker; no broker is needed."""
    calls = []
    monkeypatch.setattr(dispatch, "apply_async", lambda *_, **__: calls.append("dispatch"))
    return calls


def path_of(name, image):
    return reverse(name, args=[image.placements.first().repository_id, image.digest])


def test_whoever_may_scan_asks_for_a_scan_and_a_worker_is_called(
    client, owner, image, dispatched, django_capture_on_commit_callbacks
):
    path = path_of("scan-image", image)
    assert path in page_of(client, image).content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post(path, follow=True)
    assert "A scan is queued." in response.content.decode()
    assert Scan.objects.get().image == image
    assert dispatched == ["dispatch"]


def test_a_second_scan_at_the_same_time_is_refused_with_the_reason(client, owner, image):
    client.post(path_of("scan-image", image))
    page = client.post(path_of("scan-image", image), follow=True).content.decode()
    assert "No scan was queued: one is under way already." in page
    assert Scan.objects.count() == 1


@pytest.mark.parametrize(
    ("kind", "reason"), [("index", "an index is not scanned itself"), ("artifact", "no image")]
)
def test_what_is_no_image_is_not_scanned(client, owner, repository, kind, reason):
    other = an_image(repository, kind=kind)
    page = client.post(path_of("scan-image", other), follow=True).content.decode()
    assert reason in page
    assert not Scan.objects.exists()


def test_where_the_plan_is_off_no_scan_is_offered(client, owner, image, subscription):
    subscription.plan_enabled = False
    subscription.save()
    page = page_of(client, image).content.decode()
    assert "No scan while the plan of Retail is off." in page
    assert path_of("scan-image", image) not in page
    page = client.post(path_of("scan-image", image), follow=True).content.decode()
    assert "No scan was queued: the container-registries plan of Retail is off." in page


def test_a_reader_may_not_ask_for_a_scan(client, image, subscription):
    client.force_login(a_user(subscription))
    path = path_of("scan-image", image)
    assert path not in page_of(client, image).content.decode()
    assert client.post(path).status_code == 404
    assert not Scan.objects.exists()


# --- how far it is ---

HTMX = {"HX-Request": "true"}


def test_the_head_asks_again_while_a_scan_is_under_way_and_no_longer(client, owner, image):
    path = path_of("image-status", image)
    assert path not in page_of(client, image).content.decode()
    client.post(path_of("scan-image", image))
    assert path in page_of(client, image).content.decode()
    assert "Scan queued" in client.get(path, headers=HTMX).content.decode()
    Scan.objects.update(state="done")
    assert client.get(path, headers=HTMX)["HX-Refresh"] == "true"


def test_an_image_that_was_read_waits_for_its_judgement(client, reader, image):
    a_report(image, [an_inventory()])
    page = client.get(path_of("image-status", image), headers=HTMX).content.decode()
    assert "Being judged" in page
    assert "Being judged" in page_of(client, image).content.decode()


def test_the_status_of_an_image_one_may_not_see_does_not_exist(client, reader):
    assert client.get(path_of("image-status", an_image()), headers=HTMX).status_code == 404


def test_without_scripts_the_status_is_the_page(client, reader, image):
    response = client.get(path_of("image-status", image))
    assert response["Location"] == path_of("image", image)
