"""An image is pushed, found, scanned, judged, shown, served and charged: every part a real one."""

import shutil
import subprocess
from pathlib import Path

import pytest
from azure.core.credentials import AccessToken
from azure.mgmt.security import SecurityCenter
from django.contrib.auth.models import User
from playwright.sync_api import sync_playwright

from billing.models import Charge
from findings import advisories
from findings.models import Feed, Finding, ImageVerdict
from findings.tasks import update_feed
from registries import connection, plans, tokens
from registries.models import Image, Placement, Registry, Role, RoleAssignment, Subscription, Tag
from scans.models import Scan
from tests.findings.estate import an_advisory, write_records
from tests.flows.conftest import debian, wait_until
from tests.pushing import Built, image, write_layout
from tests.registry_server import LOGIN

pytestmark = [
    pytest.mark.flow,
    pytest.mark.skipif(not shutil.which("skopeo"), reason="no skopeo on this machine"),
    pytest.mark.skipif(not shutil.which("chromium"), reason="no chromium on this machine"),
]

KEY = "dbd0cb49-b563-45e7-9724-889e799fa648"
PASSWORD = "the watch is kept"
LOGIN_TEXT = ":".join(LOGIN)


def an_app(version: str) -> Built:
    """A Debian image with one package of this version."""
    return image(debian(zlib1g=version))


@pytest.fixture
def registry(live_server, docker_registry) -> Registry:
    """A real registry that wants a login, and announces what happens in it to us."""
    subscription = Subscription.objects.create(display_name="Harbour")
    plans.switch(subscription, True, None)
    row = Registry.objects.create(
        subscription=subscription, name="quay", kind="distribution", location="http://placeholder"
    )
    secret = connection.new_webhook_secret(row)
    server = docker_registry(
        auth="htpasswd",
        notify=f"{live_server.url}/webhooks/distribution/{row.pk}",
        headers={"Authorization": f"Bearer {secret}"},
    )
    row.location = server.url
    connection.set_credentials(row, *LOGIN)
    row.save()
    return row


@pytest.fixture
def analyst(registry) -> User:
    user = User.objects.create_user("analyst", password=PASSWORD)
    RoleAssignment.objects.create(
        user=user, role=Role.SECURITY_READER, subscription=registry.subscription
    )
    return user


@pytest.fixture
def feed(tmp_path: Path) -> Feed:
    folder = tmp_path / "feed"
    write_records(folder, an_advisory("CVE-2026-1001", "zlib1g", "1:1.2.13-2"))
    feed = Feed.objects.create(name="Debian", location=str(folder))
    advisories.update(feed)
    return feed


def push(registry: Registry, built: Built, tag: str, folder: Path) -> None:
    """Push with a client that people use."""
    write_layout(folder, built, tag)
    _run("skopeo", "copy", "--dest-tls-verify=false", f"--dest-creds={LOGIN_TEXT}",
         "--preserve-digests", f"oci:{folder}:{tag}", address(registry, tag))  # fmt: skip


def pull(registry: Registry, tag: str, folder: Path) -> None:
    _run("skopeo", "copy", "--src-tls-verify=false", f"--src-creds={LOGIN_TEXT}",
         address(registry, tag), f"oci:{folder}:{tag}")  # fmt: skip


def delete(registry: Registry, tag: str) -> None:
    _run("skopeo", "delete", "--tls-verify=false", f"--creds={LOGIN_TEXT}", address(registry, tag))


def address(registry: Registry, tag: str) -> str:
    return f"docker://{registry.location.removeprefix('http://')}/team/app:{tag}"


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def state_of(built: Built) -> str:
    verdict = ImageVerdict.objects.filter(image__digest=built.digest).first()
    return verdict.state if verdict else ""


class Credential:
    def __init__(self, token: str) -> None:
        self.token = token

    def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
        return AccessToken(self.token, 2**31)


def sub_assessments(live_server, registry: Registry, user: User) -> list:
    """What an unmodified Azure client reads."""
    client = SecurityCenter(
        Credential(tokens.issue(user, "flow")),
        str(registry.subscription_id),
        base_url=live_server.url,
    )
    scope = f"subscriptions/{registry.subscription_id}"
    return list(client.sub_assessments.list(scope, KEY, enforce_https=False))


def shown(live_server, *paths: str) -> list[str]:
    """The text of these pages in a real browser, after logging in as the analyst."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = browser.new_page()
        page.goto(f"{live_server.url}/")
        page.fill("[name=username]", "analyst")
        page.fill("[name=password]", PASSWORD)
        page.press("[name=password]", "Enter")
        page.wait_for_url(f"{live_server.url}/")
        texts = []
        for path in paths:
            page.goto(f"{live_server.url}{path}")
            texts.append(page.inner_text("main"))
        browser.close()
    return texts


def place_of(built: Built) -> Placement:
    return Placement.objects.get(image__digest=built.digest)


def page_of(built: Built) -> str:
    return f"/repositories/{place_of(built).repository_id}/images/{built.digest}"


def test_the_whole_way_once(live_server, registry, analyst, feed, worker, tmp_path):
    worker()
    old, new = an_app("1:1.2.13-1"), an_app("1:1.2.13-2")

    # Pushed by a real client, announced by the registry, scanned by a real worker.
    push(registry, old, "latest", tmp_path / "old")
    wait_until(lambda: state_of(old) == "unhealthy")
    wait_until(lambda: Charge.objects.count() == 1)
    assert place_of(old).pushed_by == LOGIN[0]
    scan = Scan.objects.get()
    assert (scan.trigger, scan.state, scan.result) == ("push", "done", "indexed")

    # On the page, in the API, and in the ledger once.
    (text,) = shown(live_server, page_of(old))
    assert "CVE-2026-1001" in text
    (served,) = sub_assessments(live_server, registry, analyst)
    assert served.status.code == "Unhealthy"
    assert served.additional_data.image_digest == old.digest
    assert [found.title for found in served.additional_data.cve] == ["CVE-2026-1001"]
    assert Charge.objects.get().digest == old.digest

    # A new advisory changes a verdict, and not a byte is pulled.
    push(registry, new, "latest", tmp_path / "new")
    wait_until(lambda: state_of(new) == "healthy")
    fetched = sum(Scan.objects.values_list("bytes_fetched", flat=True))
    write_records(
        Path(feed.location),
        an_advisory("CVE-2026-1001", "zlib1g", "1:1.2.13-2"),
        an_advisory("CVE-2026-1002", "zlib1g", "1:1.2.13-3"),
    )
    update_feed.delay(feed.pk)
    wait_until(lambda: state_of(new) == "unhealthy")
    assert fetched == sum(Scan.objects.values_list("bytes_fetched", flat=True))
    assert Finding.objects.filter(opened_cause="advisory-published").exists()

    # Somebody pulls, which counts; so did we, to read both, and that never does.
    pull(registry, "latest", tmp_path / "pulled")
    wait_until(lambda: place_of(new).pulled_at)
    assert place_of(new).pulled_by == LOGIN[0]
    assert place_of(old).pulled_at is None

    # The tag has moved: both digests are told apart, and the old one says why it is still there.
    assert Tag.objects.get().image.digest == new.digest
    old_text, new_text = shown(live_server, page_of(old), page_of(new))
    assert "moved" in old_text
    assert "still be pulled" in old_text
    assert "still be pulled" not in new_text
    wait_until(lambda: Charge.objects.count() == 2)

    # The image is deleted, and its findings go; the ledger keeps what was scanned.
    delete(registry, "latest")
    wait_until(lambda: not Image.objects.filter(digest=new.digest).exists())
    digests = {
        s.additional_data.image_digest for s in sub_assessments(live_server, registry, analyst)
    }
    assert digests == {old.digest}
    assert Charge.objects.count() == 2
