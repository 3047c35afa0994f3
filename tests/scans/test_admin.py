"""The action "Scan now", wherever rows lead to images."""

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from findings.models import ImageVerdict
from registries.models import Image, Registry
from scans import admin
from scans.models import Report, Scan
from tests import factories

pytestmark = pytest.mark.django_db

LEAD_TO_IMAGES = [Registry, Image, Scan, Report, ImageVerdict]


@pytest.fixture(autouse=True)
def asked(monkeypatch) -> list[str]:
    """What workers were called for; there is no broker in these tests."""
    calls: list[str] = []
    monkeypatch.setattr(admin, "soon", lambda task, *more: calls.append(task.name))
    return calls


@pytest.fixture
def image() -> Image:
    """An image in use that was scanned and judged."""
    image = factories.an_image(tags=("1.0",))
    factories.a_report(image, [])
    factories.a_verdict(image)
    Scan.objects.create(
        image=image, subscription=image.registry.subscription, digest=image.digest, state="done"
    )
    return image


def list_of(model, **query: str) -> str:
    return reverse(
        f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist", query=query
    )


def scan_now(client, model) -> list[Image]:
    """Ask for it on every row; the images queued for it."""
    rows = [str(row.pk) for row in model.objects.all()]
    client.post(list_of(model), {"action": "scan_now", "_selected_action": rows}, follow=True)
    return [scan.image for scan in Scan.objects.filter(state="queued", trigger="on-demand")]


@pytest.mark.parametrize("model", LEAD_TO_IMAGES)
def test_an_image_is_scanned_now(admin_client, image, asked, model):
    assert scan_now(admin_client, model) == [image]
    assert asked == ["scans.tasks.dispatch"]


@pytest.mark.parametrize("model", LEAD_TO_IMAGES)
def test_nothing_is_scanned_for_who_may_only_look(client, image, asked, model):
    staff = User.objects.create_user("staff", is_staff=True)
    looking = Permission.objects.filter(codename__startswith="view_")
    staff.user_permissions.set(looking | Permission.objects.filter(codename="change_registry"))
    client.force_login(staff)
    assert scan_now(client, model) == []
    assert asked == []
    staff.user_permissions.add(Permission.objects.get(codename="add_scan"))
    assert scan_now(client, model) == [image]


def test_of_a_registry_what_nobody_uses_is_not_scanned(admin_client):
    used, indexed, unused = (factories.an_image() for _ in range(3))
    index = factories.an_image(used.placements.get().repository, tags=("1",), kind="index")
    factories.an_image(indexed.placements.get().repository, tags=("1",), kind="index").members.add(
        indexed
    )
    index.members.add(used)
    assert set(scan_now(admin_client, Registry)) == {used, indexed}
    assert unused.scans.count() == 0


def test_a_scan_whose_image_is_gone_is_passed_over(admin_client, image):
    Image.objects.all().delete()
    assert scan_now(admin_client, Scan) == []


def test_images_that_were_never_scanned_are_found(admin_client, image):
    never = factories.an_image()
    for answer, found in (("no", never), ("yes", image)):
        listed = admin_client.get(list_of(Image, scanned=answer)).context["cl"]
        assert [row.pk for row in listed.result_list] == [found.pk]


def test_reports_are_told_apart_by_their_reason(admin_client, image):
    factories.a_report(factories.an_image(), [], result="unverified", reason="too-large")
    listed = admin_client.get(list_of(Report, reason="too-large")).context["cl"]
    assert [report.reason for report in listed.result_list] == ["too-large"]
