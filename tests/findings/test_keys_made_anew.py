"""What was judged by other rules, other orderings or another setting is judged anew, and nothing is
fetched for it."""

import pytest

from findings import advisories, evaluation, keys, versions
from findings.feeds import osv
from findings.models import Advisory, Finding, ImageVerdict, InventoryVerdict, PackageKey
from tests.findings.estate import (
    a_feed,
    a_package,
    a_repository,
    an_advisory,
    an_image,
    write_records,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def kernel(tmp_path):
    """An image with headers of a kernel, and one flaw of the kernel."""
    headers = a_package("linux-libc-dev", "6.1.1-1", source_name="linux")
    image = an_image(a_repository(), [headers, a_package("bash", "5.2-2")])
    feed = a_feed(tmp_path / "feed", an_advisory("CVE-2026-1", "linux", "6.1.9-1"))
    advisories.update(feed)
    evaluation.evaluate()
    return image


def test_findings_of_a_kernel_are_there_and_do_not_count(kernel):
    verdict = ImageVerdict.objects.get(image=kernel)
    assert (verdict.state, verdict.uncounted) == ("healthy", 1)
    assert not Finding.objects.open().exists()
    assert Finding.objects.open_kernel().get().vulnerability.name == "CVE-2026-1"


def test_a_change_of_the_setting_is_judged_at_the_next_evaluation(kernel, settings):
    settings.COUNT_KERNEL = True
    assert evaluation.evaluate() > 0
    verdict = ImageVerdict.objects.get(image=kernel)
    assert (verdict.state, verdict.uncounted) == ("unhealthy", 0)
    finding = Finding.objects.open().get()
    settings.COUNT_KERNEL = False
    evaluation.evaluate()
    assert Finding.objects.open_kernel().get() == finding, "the finding stays itself"
    assert ImageVerdict.objects.get(image=kernel).state == "healthy"


@pytest.mark.parametrize("rules", [keys, versions])
def test_keys_are_made_anew_when_rules_or_orderings_change(kernel, rules, monkeypatch):
    PackageKey.objects.update(key=b"\xff" * 20)  # as by an ordering that was wrong
    assert evaluation.evaluate() == 0
    monkeypatch.setattr(rules, "VERSION", rules.VERSION + 1)
    evaluation.evaluate()
    assert not PackageKey.objects.filter(key=b"\xff" * 20).exists()
    assert set(PackageKey.objects.values_list("made_by", flat=True)) == {evaluation.made_by()}
    assert Finding.objects.open_kernel().count() == 1


def test_many_keys_are_made_anew_in_batches(kernel, monkeypatch):
    monkeypatch.setattr(evaluation, "PACKAGES_AT_ONCE", 1)
    monkeypatch.setattr(versions, "VERSION", versions.VERSION + 1)
    evaluation.evaluate()
    assert set(PackageKey.objects.values_list("made_by", flat=True)) == {evaluation.made_by()}


def test_records_are_read_again_by_a_new_reader_though_their_source_is_unchanged(
    tmp_path, monkeypatch
):
    feed = a_feed(tmp_path / "feed", an_advisory("CVE-2026-2", "bash"))
    assert advisories.update(feed) == 1
    assert advisories.update(feed) == 0
    Advisory.objects.update(summary="as an old reader left it")
    monkeypatch.setattr(osv, "READER", osv.READER + 1)
    assert advisories.update(feed) == 1
    assert Advisory.objects.get().summary != "as an old reader left it"
    assert advisories.update(feed) == 0


def test_a_range_nobody_can_read_clears_nobody_until_it_is_withdrawn(tmp_path):
    image = an_image(a_repository(), [a_package("bash", "5.2-2")])
    odd = an_advisory("CVE-2026-3", "bash", "no version")
    other = an_advisory("CVE-2026-4", "tar")
    feed = a_feed(tmp_path / "feed", odd, other)
    advisories.update(feed)
    evaluation.evaluate()
    assert ImageVerdict.objects.get(image=image).reason == "unknown-range"
    assert InventoryVerdict.objects.get().unreadable_ranges == 1
    write_records(tmp_path / "feed", odd | {"withdrawn": "2026-02-01T00:00:00Z"}, other)
    advisories.update(feed)
    evaluation.evaluate()
    assert ImageVerdict.objects.get(image=image).state == "healthy"
