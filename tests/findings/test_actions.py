"""What to do about an image, from what is stored."""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from findings.actions import plan_for
from findings.models import Affected, Finding, ImageVerdict, PackageKey
from findings.upgrades import Counts
from findings.versions import encode
from registries.models import IndexMember, Tag, TagMove
from scans.indexing import chain
from scans.models import ImageLayer, InventoryPackage, Report
from tests.factories import (
    a_feed,
    a_layer,
    a_package,
    a_registry,
    a_report,
    a_repository,
    a_subscription,
    a_user,
    a_verdict,
    add_package,
    advisories,
    an_advisory,
    an_image,
    an_inventory,
    find,
    packages,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def subscription():
    return a_subscription()


@pytest.fixture
def user(subscription):
    return a_user(subscription)


@pytest.fixture
def repository(subscription):
    return a_repository(a_registry(subscription), name="library/debian")


def built(repository, layers, inventories, tags=(), **more):
    """An image of these layers, scanned and judged."""
    image = an_image(repository, tags=tags, **more)
    digests = [layer.digest for layer in layers]
    a_report(image, inventories, chain=chain(digests))
    ImageLayer.objects.filter(report=image.pk).delete()
    ImageLayer.objects.bulk_create(
        ImageLayer(report_id=image.pk, position=n, digest=digest)
        for n, digest in enumerate(digests)
    )
    a_verdict(image)
    return image


class Stack:
    """A base with two findings, an image on it with one of its own, and a newer base that has one
    of the two and a new one."""

    def __init__(self, repository) -> None:
        feed = a_feed()
        self.low, self.top, self.new = a_layer(), a_layer(), a_layer()
        base = packages(2)
        self.known = advisories(4, feed)
        inventory = an_inventory(base, self.low)
        find(inventory, list(zip(base, self.known, strict=False)))
        own = an_inventory(packages(1, type="python", ecosystem="PyPI"), self.top)
        find(own, [(own.packages.get(), self.known[2])])
        newer = packages(2, name=base[0].name, version="1.2.4-1")
        inventory_of_newer = an_inventory(newer[:1], self.new)
        find(inventory_of_newer, [(newer[0], self.known[0]), (newer[0], self.known[3])])
        self.base = built(repository, [self.low], [inventory])
        self.image = built(
            a_repository(repository.registry), [self.low, self.top], [inventory, own]
        )
        self.newer = built(repository, [self.new], [inventory_of_newer])

    def move(self, tag: str, before, after) -> None:
        repository = self.base.placements.get().repository
        TagMove.objects.create(
            repository=repository, name=tag, digest_before=before.digest, digest_after=after.digest
        )
        Tag.objects.create(repository=repository, name=tag, image=after)


@pytest.fixture
def stack(repository):
    return Stack(repository)


def test_findings_are_split_between_the_base_and_the_image(user, stack):
    made = plan_for(user, stack.image)
    assert made.base.placement.image == stack.base
    assert (made.upgrades.base.total, made.upgrades.own.total) == (2, 1)
    assert (made.base.tag, made.base.newer, made.rebuild) == ("", None, None)


def test_a_moved_tag_leads_to_the_newer_base_and_to_what_it_changes(user, stack):
    stack.move("12", stack.base, stack.newer)
    made = plan_for(user, stack.image)
    assert (made.base.tag, made.base.newer.image) == ("12", stack.newer)
    assert (made.rebuild.closes, made.rebuild.opens) == (Counts(high=1), Counts(high=1))


def test_a_tag_of_indexes_leads_to_the_member_of_the_same_platform(user, stack, repository):
    old, new = (an_image(repository, kind="index", os="", architecture="") for _ in range(2))
    other = built(repository, [a_layer()], [], architecture="arm64")
    for index, image in ((old, stack.base), (new, other), (new, stack.newer)):
        IndexMember.objects.create(index=index, image=image)
    stack.move("12", old, new)
    assert plan_for(user, stack.image).base.newer.image == stack.newer


def test_a_base_that_still_bears_its_tag_is_the_newest(user, stack, repository):
    Tag.objects.create(repository=repository, name="12", image=stack.base)
    made = plan_for(user, stack.image)
    assert (made.base.tag, made.base.newer) == ("12", None)


def test_of_bases_the_one_with_the_most_layers_counts(user, stack, repository):
    middle = a_layer()
    nearer = built(repository, [stack.low, middle], [])
    image = built(repository, [stack.low, middle, stack.top], [])
    assert plan_for(user, image).base.placement.image == nearer


def test_a_base_that_the_user_may_not_see_is_none(stack):
    subscription = stack.image.registry.subscription
    stranger = a_user(a_subscription())
    assert plan_for(stranger, stack.image).base is None
    assert plan_for(a_user(subscription), stack.image).base is not None


def test_a_newer_base_nobody_has_read_yet_promises_nothing(user, stack):
    stack.move("12", stack.base, stack.newer)
    ImageVerdict.objects.filter(image=stack.newer).delete()
    assert plan_for(user, stack.image).rebuild is None


def test_the_version_that_closes_a_finding_is_beyond_all_advisories(user, repository):
    package = a_package(version="1.0", source_name="", source_version="")
    advisory = an_advisory()
    inventory = an_inventory([package])
    find(inventory, [(package, advisory)], fixed_version="1.1")
    PackageKey.objects.create(
        package=package, ecosystem="Debian:12", name=package.name, key=encode("Debian", "1.0")
    )
    for fixed in ("1.1", "1.2"):
        Affected.objects.create(
            advisory=advisory, ecosystem="Debian:12", name=package.name, low=b"",
            high=encode("Debian", fixed), fixed=fixed,
        )  # fmt: skip
    add_package(inventory, name="apt")
    image = built(repository, [a_layer()], [inventory])
    (upgrade,) = plan_for(user, image).upgrades.upgrades
    assert upgrade.targets[0].version == "1.2"
    Affected.objects.filter(fixed="1.2").update(high=None, fixed="")
    made = plan_for(user, image).upgrades
    assert (made.upgrades, made.waiting.total) == ((), 1)


def test_kernels_and_what_is_closed_do_not_count(user, stack):
    Finding.objects.update(counted=False)
    assert plan_for(user, stack.image).findings.total == 0


def test_the_end_of_life_is_told(user, stack):
    ImageVerdict.objects.filter(image=stack.image).update(end_of_life=date(2026, 1, 1))
    assert plan_for(user, stack.image).end_of_life == date(2026, 1, 1)


def test_it_asks_as_often_whatever_the_number_of_findings(user, stack, repository):
    stack.move("12", stack.base, stack.newer)
    numbers = []
    for round_ in range(2):
        with CaptureQueriesContext(connection) as captured:
            plan_for(user, stack.image)
        numbers.append(len(captured))
        inventory = InventoryPackage.objects.filter(layer=stack.low).first().inventory
        more = packages(30)
        find(inventory, list(zip(more, advisories(30, a_feed()), strict=True)))
        for n in range(5):
            other = built(repository, [stack.low], [inventory])
            stack.move(f"{round_}.{n}", other, stack.newer)
    assert numbers[0] == numbers[1] <= 24
    assert Report.objects.count() > 5
