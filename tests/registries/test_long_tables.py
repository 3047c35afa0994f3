"""Every long table of the admin, whichever app it belongs to, stays quick however long it grows."""

import json
import re

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from billing.models import Charge
from findings.models import DistributionRelease, Exploitation
from registries import long_tables
from registries.long_tables import LongTable
from registries.models import Image, Placement
from scans.models import Scan
from tests import factories

LONG = {
    f"{model._meta.app_label}.{model._meta.model_name}": listed
    for model, listed in admin.site._registry.items()
    if isinstance(listed, LongTable)
}
# What reads a table whole, or asks for what no index holds.
SLOW = re.compile(r"SELECT DISTINCT|UPPER\(|LOWER\(|ILIKE|LIKE '%")
# Searched without an index, in a table that keeps a month of events.
READ_WHOLE = {"registries.registryevent"}

every_long_table = pytest.mark.parametrize("name", LONG)


@pytest.fixture
def operator(client, db) -> Client:
    client.force_login(factories.a_user(is_staff=True, is_superuser=True))
    return client


def more(times: int) -> None:
    """Further rows for every long table."""
    for _ in range(times):
        image = factories.a_finding().inventory.reports.get().image
        place = Placement.objects.select_related("repository__registry").get(image=image)
        repository, registry = place.repository, place.repository.registry
        repository.tags.create(name="1.0", image=image)
        repository.tag_moves.create(name="1.0", digest_before=image.digest)
        registry.events.create(
            delivery=image.digest, action="push", repository="app", occurred_at=timezone.now()
        )
        texts = {"digest": image.digest, "registry": registry.name, "repository": repository.name}
        scan = Scan.objects.create(subscription=registry.subscription, image=image, **texts)
        Charge.objects.create(
            subscription=registry.subscription, scan=scan.pk, scanned_at=timezone.now(), amount=1,
            **texts,
        )  # fmt: skip
        Exploitation.objects.create(cve=f"CVE-2026-{factories.a_number()}")
        DistributionRelease.objects.create(distro_id="debian", version=f"{factories.a_number()}")


def asked(client, name: str, page: str = "changelist", *args, **query) -> list[str]:
    """The statements a page of the table needs."""
    url = reverse(f"admin:{name.replace('.', '_')}_{page}", args=args)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url, query).status_code == 200  # a filter it does not know is a redirect
    return [statement["sql"] for statement in captured]


def slow(statements: list[str]) -> list[str]:
    return [statement for statement in statements if SLOW.search(statement)]


@every_long_table
def test_a_list_takes_as_many_queries_for_many_rows_as_for_few(operator, name):
    more(1)
    few = asked(operator, name)
    more(5)
    assert len(asked(operator, name)) == len(few) <= 7
    assert not slow(few)


@every_long_table
def test_every_filter_offers_what_is_known_and_reads_no_table_for_it(operator, rf, name):
    more(1)
    request = rf.get("/")
    request.user = User.objects.get()
    listed = LONG[name].get_changelist_instance(request)
    for filtered in listed.filter_specs:
        choices = list(filtered.choices(listed))
        assert len(choices) > 1
        for choice in choices:
            query = dict(part.split("=") for part in choice["query_string"][1:].split("&") if part)
            assert not slow(asked(operator, name, **query))


@every_long_table
def test_a_search_asks_an_index_for_each_field(operator, name):
    more(1)
    listed = LONG[name]
    assert listed.search_fields
    assert listed.search_help_text
    assert not slow(asked(operator, name, q="x' \"%_ y"))
    if name not in READ_WHOLE:
        assert not read_whole(listed.found(f"sha256:{'f' * 64}"), listed.model._meta.db_table)


def read_whole(found, table: str) -> list[dict]:
    """The steps of the plan that read the table without a condition on one of its indexes."""
    with connection.cursor() as cursor:
        # Of tables this short every plan would read all: say that they are long.
        cursor.execute("ANALYZE")
        cursor.execute(
            "UPDATE pg_class SET reltuples = 1000000, relpages = 1 WHERE relkind = 'r' "
            "AND relnamespace = 'public'::regnamespace"
        )
        cursor.execute("SET LOCAL enable_seqscan = off")
        sql, params = found.query.sql_with_params()
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
        (answer,) = cursor.fetchone()
    plan = json.loads(answer) if isinstance(answer, str) else answer
    return [
        step
        for step in steps(plan[0]["Plan"])
        if step.get("Relation Name") == table
        and not {"Index Cond", "Recheck Cond"}.intersection(step)
    ]


def steps(plan: dict):
    yield plan
    for below in plan.get("Plans", ()):
        yield from steps(below)


@every_long_table
def test_a_search_finds_what_holds_the_term_in_any_of_its_fields(db, name):
    more(2)
    listed = LONG[name]
    for field in listed.search_fields:
        path = field.removesuffix("__startswith")
        wanted = listed.model.objects.exclude(**{path: ""}).values_list("pk", path).first()
        if wanted:
            assert wanted[0] in listed.found(wanted[1]).values_list("pk", flat=True)
    assert not listed.found("no such thing").exists()


@every_long_table
def test_no_column_sorts_a_list(operator, name):
    more(1)
    shown = operator.get(reverse(f"admin:{name.replace('.', '_')}_changelist")).text
    assert "sortable" not in shown.partition("<thead>")[2].partition("</thead>")[0]
    assert asked(operator, name, o="1.2")[-1] == asked(operator, name)[-1]


@every_long_table
def test_rows_are_read_and_never_changed(operator, name):
    more(1)
    row = LONG[name].model.objects.first()
    label = f"admin:{name.replace('.', '_')}"
    assert 'name="_save"' not in operator.get(reverse(f"{label}_change", args=[row.pk])).text
    assert operator.get(reverse(f"{label}_add")).status_code == 403
    assert operator.post(reverse(f"{label}_change", args=[row.pk])).status_code == 403
    assert operator.post(reverse(f"{label}_delete", args=[row.pk])).status_code == 403


def test_the_record_of_a_layer_is_never_loaded(operator):
    layer = factories.a_layer()
    statements = asked(operator, "scans.layer")
    statements += asked(operator, "scans.layer", "change", layer.pk)
    assert any('"digest"' in statement for statement in statements)
    assert not any('"record"' in statement for statement in statements)


def test_a_long_table_is_counted_by_estimate(monkeypatch, db):
    factories.an_estate(images=30, findings=0)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE registries_image")
    factories.an_image()
    monkeypatch.setattr(long_tables, "EXACT_BELOW", 20)
    images = Image.objects.order_by("-pk")
    assert long_tables.EstimatingPaginator(images, 10).count == 30
    filtered = images.filter(digest__startswith="sha256:")
    assert long_tables.EstimatingPaginator(filtered, 10).count == 20
    monkeypatch.setattr(long_tables, "EXACT_BELOW", 1000)
    assert long_tables.EstimatingPaginator(images, 10).count == 31
