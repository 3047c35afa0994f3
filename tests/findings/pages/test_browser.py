"""A real browser walks from the overview to a finding, by keyboard, narrow and wide."""

import os
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.db import connections
from django.utils import timezone
from playwright.sync_api import expect, sync_playwright

from registries.models import Role
from scans.models import Inventory, Scan
from tests.factories import add_package, an_estate

CHROMIUM = Path(os.environ.get("VIGIE_CHROMIUM", "/usr/bin/chromium"))
PASSWORD = "a long enough password"

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no browser in {CHROMIUM}"),
]


@pytest.fixture
def browser():
    # Playwright keeps an event loop in this thread: Django takes it for async code, and gives it a
    # database connection of its own, which nobody else would close.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()
        connections.close_all()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def estate(db):
    estate = an_estate(images=3, findings=60)
    for inventory in Inventory.objects.all():
        add_package(inventory, name="apt")
    user = get_user_model().objects.create_user("ada", password=PASSWORD)
    user.role_assignments.create(role=Role.OWNER, subscription=estate.subscription)
    return estate


@pytest.fixture
def visit(browser, live_server, estate):
    """visit(width, **options): a page of that width, logged in; what the console says fails it."""
    complaints: list[str] = []

    def open_page(width: int, **options):
        page = browser.new_page(viewport={"width": width, "height": 800}, **options)
        page.on("console", lambda m: m.type in ("error", "warning") and complaints.append(m.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(live_server.url)
        page.get_by_label("User name").fill("ada")
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Workload protection").wait_for()
        return page

    yield open_page
    assert complaints == []


def fits(page) -> bool:
    """Nothing makes the page scroll sideways."""
    return page.evaluate(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )


@pytest.mark.parametrize("width", [360, 1920])
def test_from_the_overview_to_a_finding_by_keyboard(visit, estate, width):
    page = visit(width)
    repository, image = estate.repositories[0], estate.images[0]
    for link, heading in (
        ("Container registry images should", "Container registry images should"),
        (estate.registries[0].name, estate.registries[0].name),
        (repository.name, repository.name),
        (image.short_digest, image.short_digest),
        ("CVE-2026-", "CVE-2026-"),
    ):
        assert fits(page)
        page.locator("main").get_by_role("link", name=link).first.focus()
        page.keyboard.press("Enter")
        page.get_by_role("heading", name=heading, level=1).wait_for()
    assert fits(page)
    assert "apt-get install" in page.locator("#remedy").inner_text()


def test_a_search_replaces_the_list_and_stands_in_the_address(visit, estate, live_server):
    page = visit(1280)
    image = estate.images[0]
    page.goto(f"{live_server.url}/repositories/{estate.repositories[0].pk}/images/{image.digest}")
    rows = page.locator("#list tbody tr")
    assert rows.count() == 50
    page.get_by_role("link", name="Next").click()
    page.wait_for_url("**after=**")
    expect(rows).to_have_count(10)
    page.locator("main").get_by_label("Search").fill("no such package")
    page.get_by_text("No finding is like that.").wait_for()
    assert "q=no%20such%20package" in page.url
    page.go_back()
    expect(rows).to_have_count(10)
    page.get_by_role("banner").wait_for()


def test_a_page_shows_by_itself_that_a_scan_is_through(visit, estate, live_server):
    image = estate.images[0]
    scan = Scan.objects.create(
        image=image, subscription=estate.subscription, digest=image.digest, trigger="on-demand"
    )
    page, overview = visit(1280), visit(360)
    expect(overview.get_by_text("0 running, 1 waiting")).to_be_visible()
    page.goto(f"{live_server.url}/repositories/{estate.repositories[0].pk}/images/{image.digest}")
    expect(page.get_by_text("Scan queued")).to_be_visible()
    Scan.objects.filter(pk=scan.pk).update(state="running", started_at=timezone.now())
    expect(page.get_by_text("Being scanned")).to_be_visible(timeout=15_000)
    Scan.objects.filter(pk=scan.pk).update(state="done")
    expect(page.get_by_text("Being scanned")).to_have_count(0, timeout=15_000)
    expect(overview.get_by_text("Nothing waits.")).to_be_visible(timeout=15_000)


def test_pages_work_without_scripts(browser, live_server, estate, client):
    client.force_login(get_user_model().objects.get(username="ada"))
    context = browser.new_context(java_script_enabled=False)
    cookie = client.cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
    page = context.new_page()
    image = estate.images[0]
    page.goto(f"{live_server.url}/repositories/{estate.repositories[0].pk}/images/{image.digest}")
    page.get_by_role("link", name="Last").click()
    assert page.locator("#list tbody tr").count() == 50
    page.locator("select[name=severity]").select_option("critical")
    page.locator("main").get_by_role("button", name="Show").click()
    assert page.locator("#list tbody tr").count() == 12


def test_light_and_dark_are_kept_between_pages(visit):
    page = visit(1280, color_scheme="light")
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    page.get_by_role("button", name="Switch between light and dark").click()
    dark = page.evaluate(background)
    assert dark != light
    page.reload()
    assert page.evaluate(background) == dark
