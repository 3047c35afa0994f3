"""The page of the month, and its CSV."""

import csv
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.urls import reverse

from billing import statements
from billing.models import Charge
from billing.statements import Month
from registries.models import RoleAssignment, Subscription
from tests.factories import a_digest, a_subscription, a_user

pytestmark = pytest.mark.django_db

NOVEMBER = Month(2026, 11)


def charge(subscription: Subscription, **more) -> Charge:
    return charges(1, subscription, **more)[0]


def charges(number: int, subscription: Subscription, **more) -> list[Charge]:
    defaults = {
        "registry": "main", "repository": "team/app", "scan": 1, "amount": Decimal("0.29"),
        "scanned_at": datetime(2026, 11, 5, tzinfo=UTC), "currency": "EUR",
    }  # fmt: skip
    return Charge.objects.bulk_create(
        Charge(subscription=subscription, digest=a_digest(), **(defaults | more))
        for _ in range(number)
    )


@pytest.fixture
def subscription() -> Subscription:
    return a_subscription()


@pytest.fixture
def reader(client, subscription):
    """A client of someone who may see that one subscription."""
    client.force_login(a_user(on=subscription))
    return client


def statement(client, month="2026-11", **query):
    return client.get(reverse("billing:statement"), {"month": month, **query})


def test_the_page_adds_up_the_month_of_each_subscription(reader, subscription):
    charges(3, subscription)
    response = statement(reader)
    assert response.status_code == 200
    (total,) = response.context["totals"]
    assert (total.subscription, total.images, total.amount) == (subscription, 3, Decimal("0.87"))
    assert b"0.87" in response.content


def test_a_charge_belongs_to_the_month_of_its_scan_in_utc(subscription):
    for day in ("2026-10-31T23:59:59.999999", "2026-11-01T00:00:00", "2026-12-01T00:00:00"):
        charge(subscription, scanned_at=datetime.fromisoformat(f"{day}+00:00"), repository=day)
    (only,) = statements.charges([subscription], NOVEMBER)
    assert only.repository == "2026-11-01T00:00:00"


@pytest.mark.parametrize(
    ("prices", "written"),
    [
        (["0.29", "0.3"], ["0.29 EUR", "0.30 EUR", "0.59 EUR"]),
        (["0.005", "0.3"], ["0.0050 EUR", "0.3000 EUR", "0.3050 EUR"]),
    ],
)
def test_all_amounts_of_a_page_have_as_many_decimals(reader, subscription, prices, written):
    for price in prices:
        charge(subscription, amount=Decimal(price))
    page = statement(reader).content.decode()
    for amount in written:
        assert f">{amount}</td>" in page


def test_currencies_are_not_added_to_each_other(reader, subscription):
    charge(subscription)
    charge(subscription, currency="CHF", amount=Decimal("1"))
    response = statement(reader)
    assert response.context["sums"] == [("CHF", Decimal("1")), ("EUR", Decimal("0.29"))]
    assert len(response.context["totals"]) == 2


def test_scans_beyond_the_charges_are_counted_as_free(reader, subscription):
    digest = charge(subscription).digest
    for trigger in ("push", "weekly", "on-demand"):
        subscription.scans.create(
            digest=digest, registry="main", repository="team/app", trigger=trigger, state="done",
            result="indexed", finished_at=datetime(2026, 11, 6, tzinfo=UTC),
        )  # fmt: skip
    assert statement(reader).context["free"] == 2


def test_what_another_may_see_is_not_there(reader, subscription):
    charge(subscription)
    other = a_subscription(display_name="Somebody else's")
    charge(other, repository="hidden/app")

    assert b"hidden/app" not in statement(reader).content
    assert b"Somebody else" not in statement(reader).content
    assert statement(reader, subscription=other.pk).status_code == 404
    query = {"month": "2026-11", "subscription": other.pk}
    assert reader.get(reverse("billing:download"), query).status_code == 404
    assert b"hidden/app" not in download(reader).encode()


def test_one_who_may_see_nothing_gets_an_empty_statement(client):
    client.force_login(a_user())
    charge(a_subscription())
    response = statement(client)
    assert response.status_code == 200
    assert b"Nothing was charged" in response.content


def test_a_stranger_is_asked_to_log_in(client):
    for name in ("billing:statement", "billing:download"):
        assert client.get(reverse(name)).status_code == 302


@pytest.mark.parametrize(
    "month", ["2026-13", "26-11", "november", "2026-11-01", "٢٠٢٦-11", "9999-12"]
)
def test_what_is_no_month_is_not_found(reader, month):
    assert statement(reader, month=month).status_code == 404


@pytest.mark.parametrize("query", [{"subscription": "nobody"}, {"subscription": "\0"}])
def test_what_is_no_subscription_is_not_found(reader, query):
    assert statement(reader, **query).status_code == 404


@pytest.mark.parametrize("after", ["-1", "x", "9" * 30, "²", "999999"])
def test_a_page_that_is_not_there_is_the_first_page(reader, subscription, after):
    line = charge(subscription)
    assert statement(reader, after=after).context["lines"].charges == [line]


def test_the_pages_of_a_month_hold_every_line_once_in_order(subscription, monkeypatch):
    monkeypatch.setattr(statements, "PAGE_SIZE", 4)
    both = [subscription, a_subscription()]
    for one in both:
        for day in (3, 1, 2):
            charges(3, one, scanned_at=datetime(2026, 11, day, tzinfo=UTC))
    charged = statements.charges(both, NOVEMBER)

    seen, after = [], None
    while True:
        page = statements.lines(charged, after)
        seen += page.charges
        if (after := page.after) is None:
            break

    assert seen == list(charged)
    assert len(seen) == 18


def test_paging_by_links_leads_through_the_month(reader, subscription, monkeypatch):
    monkeypatch.setattr(statements, "PAGE_SIZE", 2)
    charges(3, subscription)
    page = statement(reader)
    assert b'rel="next"' in page.content
    last = statement(reader, after=page.context["lines"].after)
    assert len(last.context["lines"].charges) == 1
    assert last.context["lines"].after is None


@pytest.mark.parametrize("rows", [1, 250])
def test_a_page_takes_the_same_queries_whatever_its_length(
    reader, subscription, rows, django_assert_num_queries
):
    charges(rows, subscription)
    with django_assert_num_queries(6):
        statement(reader)


def download(client, **query) -> str:
    response = client.get(reverse("billing:download"), {"month": "2026-11", **query})
    assert response.streaming
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    return b"".join(response.streaming_content).decode()


def test_the_csv_has_every_line_of_the_month(reader, subscription):
    written = charges(2500, subscription)
    rows = list(csv.DictReader(download(reader).splitlines()))
    assert [row["digest"] for row in rows] == [line.digest for line in written]
    assert rows[0] == {
        "subscription": str(subscription.pk), "subscription_name": subscription.display_name,
        "digest": written[0].digest, "registry": "main", "repository": "team/app",
        "scanned_at": "2026-11-05T00:00:00+00:00", "amount": "0.2900", "currency": "EUR",
    }  # fmt: skip


def test_the_csv_is_not_read_into_memory(subscription, django_assert_num_queries):
    charges(10, subscription)
    with django_assert_num_queries(0):
        lines = statements.csv_lines(statements.charges([subscription], NOVEMBER))
        next(lines)  # the head


@pytest.mark.parametrize("evil", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_no_cell_of_the_csv_is_a_formula(reader, subscription, evil):
    Subscription.objects.update(display_name=evil)
    charge(subscription, registry=evil, repository=evil)
    (row,) = csv.DictReader(download(reader).splitlines(keepends=True))
    for cell in (row["subscription_name"], row["registry"], row["repository"]):
        assert cell == f"'{evil}"


def test_the_csv_of_one_subscription_has_only_its_lines(reader, subscription):
    other = a_subscription()
    user = RoleAssignment.objects.get().user
    RoleAssignment.objects.create(user=user, role="reader", subscription=other)
    charge(subscription, repository="mine")
    charge(other, repository="other")
    assert "other" not in download(reader, subscription=subscription.pk).split("\n", 1)[1]
    assert "other" in download(reader)


def test_months_follow_each_other_across_the_year():
    assert Month(2026, 12).next == Month(2027, 1)
    assert Month(2027, 1).previous == Month(2026, 12)
    assert str(Month.parse("2026-03")) == "2026-03"


def test_the_admin_shows_the_ledger_and_changes_nothing(admin_client, subscription):
    line = charge(subscription)
    assert admin_client.get(reverse("admin:billing_charge_changelist")).status_code == 200
    page = admin_client.get(reverse("admin:billing_charge_change", args=[line.pk]))
    assert page.status_code == 200
    assert b'name="_save"' not in page.content
    assert admin_client.get(reverse("admin:billing_charge_add")).status_code == 403
    gone = admin_client.post(
        reverse("admin:billing_charge_delete", args=[line.pk]), {"post": "yes"}
    )
    assert gone.status_code == 403
