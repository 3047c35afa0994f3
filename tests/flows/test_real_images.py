"""Real images against real advisories, through the whole pipeline and its database: the findings
are those the distributions' own comparers work out, no more and no fewer."""

import json
from pathlib import Path

import pytest

from findings import advisories, evaluation
from findings.models import Affected, Feed, Finding, ImageVerdict, VulnerabilityAlias
from registries import inventory, plans
from registries.models import Registry, Subscription, Tag
from scans import indexing, queue
from scans.models import InventoryPackage, Report
from tests.accuracy import labels

pytestmark = [pytest.mark.flow, pytest.mark.django_db]

FEEDS = ("Debian", "Alpine", "AlmaLinux", "PyPI", "npm")


@pytest.fixture(scope="module")
def estate(shared: Path, django_db_setup, django_db_blocker):
    """Everything scanned and judged once for all tests of this file, then undone."""
    from django.db import transaction

    with django_db_blocker.unblock(), transaction.atomic():
        for name in FEEDS:
            feed = Feed.objects.create(
                name=name, location=str(shared / "data/advisories" / name / "all.zip")
            )
            advisories.update(feed)
            assert not feed.problem
        subscription = Subscription.objects.create(display_name="Real images")
        plans.switch(subscription, True, None)
        registry = Registry.objects.create(
            subscription=subscription,
            name="real",
            kind="layout",
            location=str(shared / "data/images"),
        )
        inventory.sync(registry)
        queue.enqueue_due()
        while scan := queue.claim():
            indexing.index(scan)
        evaluation.evaluate()
        yield
        transaction.set_rollback(True)


def image_of(tag: str) -> int:
    return Tag.objects.get(name=tag).image_id


def found(tag: str, *types: str) -> set[tuple[str, str, str]]:
    rows = Finding.objects.filter(
        inventory__reports=image_of(tag), closed_at=None, package__type__in=types
    )
    return set(rows.values_list("package__name", "package__version", "vulnerability__name"))


def expected(shared: Path, name: str) -> list[dict]:
    return json.loads((shared / "data/findings" / f"{name}.json").read_text())["findings"]


TAGS = [
    "alpine-3.10.9-amd64",
    "alpine-3.15.11-amd64",
    "alpine-3.19.4-amd64",
    "debian12-minbase",
    "debian12-python-node",
    "distroless-amd64",
    "almalinux-8-micro-s390x-a",
    "almalinux-9-micro-aarch64-a",
    *(f"alma9-rpmdb-{kind}" for kind in ("sqlite", "sqlite-wal", "bdb11", "ndb13")),
    "rpmdb-amazonlinux2023-plain",
    "rpmdb-sle15-bci",
    "scratch-busybox",
    "scratch-esbuild",
]


@pytest.mark.parametrize("tag", TAGS)
def test_the_inventory_is_the_expected_one(estate, shared, tag):
    listed = json.loads((shared / "data/inventories" / f"{tag}.json").read_text())["packages"]
    listed = [package for package in listed if package[0] != "dotnet"]  # see docs/decisions.md
    entries = InventoryPackage.objects.filter(inventory__reports=image_of(tag))
    stored = {
        tuple(row)
        for row in entries.values_list("package__type", "package__name", "package__version")
    }
    assert stored == {tuple(package) for package in listed}


@pytest.mark.parametrize("tag", ["debian12-minbase", "distroless-amd64"])
def test_debian_findings_are_those_of_dpkg(estate, shared, tag):
    rows = expected(shared, tag)
    assert found(tag, "deb") == {(r["package"], r["version"], r["cve"]) for r in rows}


@pytest.mark.parametrize("tag", [tag for tag in TAGS if tag.startswith("alpine")])
def test_alpine_findings_are_those_of_apk(estate, shared, tag):
    rows = expected(shared, tag)
    assert found(tag, "apk") == {(r["package"], r["version"], r["id"]) for r in rows}


@pytest.mark.parametrize("tag", [tag for tag in TAGS if tag.startswith("alma")])
def test_almalinux_findings_are_those_of_rpm(estate, shared, tag):
    """But for errata of module streams, which its comparer lays to packages of none."""
    (known,) = [known for known in labels.answers(shared / "data") if known.tag == tag]
    modular = set(
        Affected.objects.filter(fixed__contains=".module_el").values_list("name", "advisory__name")
    )
    assert found(tag, "rpm") == {row for row in known.findings if (row[0], row[2]) not in modular}


@pytest.mark.parametrize(("name", "type_"), [("pypi", "python"), ("npm", "npm")])
def test_language_findings_are_those_of_the_ecosystem(estate, shared, name, type_):
    rows = expected(shared, f"debian12-python-node-{name}")
    names = dict(
        VulnerabilityAlias.objects.filter(name__in={row["id"] for row in rows}).values_list(
            "name", "vulnerability__name"
        )
    )
    assert found("debian12-python-node", type_) == {
        (row["package"], row["version"], names[row["id"]]) for row in rows
    }


def test_every_image_has_a_verdict_and_none_is_healthy_without_being_judged(estate):
    assert ImageVerdict.objects.count() == Report.objects.count() > 15
    unread = Report.objects.filter(result="unverified").values_list("image_id", flat=True)
    assert not ImageVerdict.objects.filter(image_id__in=unread).exclude(state="unverified")
