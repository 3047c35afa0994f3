import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from scans import admin
from scans.models import Scan
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def asked(monkeypatch) -> list:
    """What workers were called for; there is no broker in these tests."""
    calls: list = []
    monkeypatch.setattr(admin, "soon", lambda task, *more: calls.append(task.name))
    return calls


@pytest.fixture
def scan() -> Scan:
    image = factories.an_image()
    subscription = image.registry.subscription
    return Scan.objects.create(
        image=image, subscription=subscription, digest=image.digest, state="done", trigger="push"
    )


def scan_again(client, scan: Scan) -> None:
    query = {"action": "scan_again", "_selected_action": [scan.pk]}
    client.post(reverse("admin:scans_scan_changelist"), query, follow=True)


def test_an_image_is_scanned_again(admin_client, scan, asked):
    scan_again(admin_client, scan)
    assert Scan.objects.get(state="queued").image == scan.image
    assert asked == ["scans.tasks.dispatch"]


@pytest.mark.parametrize(("codename", "queued"), [("view_scan", 0), ("add_scan", 1)])
def test_images_are_not_scanned_again_by_who_may_only_look(client, scan, codename, queued):
    staff = User.objects.create_user("staff", is_staff=True)
    names = {"view_scan", codename}
    staff.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(staff)
    scan_again(client, scan)
    assert Scan.objects.filter(state="queued").count() == queued
