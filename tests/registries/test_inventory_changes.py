"""One event at a time, in every order."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from registries import inventory
from registries.models import Image, Placement, Registry, RegistryEvent, Tag, TagMove
from registries.oci.errors import Unreachable
from registries.providers.layout import LayoutSource
from tests.factories import a_repository, an_image
from tests.registries.layouts import Shelf
from tests.registries.threads import together

START = datetime(2026, 1, 1, tzinfo=UTC)


def event(action: str, minute: int = 0, repository: str = "app", **fields) -> RegistryEvent:
    return RegistryEvent(
        action=action,
        repository=repository,
        occurred_at=START + timedelta(minutes=minute),
        **fields,
    )


def push(digest: str, minute: int = 0, tag: str = "", **fields) -> RegistryEvent:
    return event("push", minute, digest=digest, tag=tag, **fields)


def apply(registry: Registry, *events: RegistryEvent) -> None:
    verbs = {
        "push": inventory.record_push,
        "pull": inventory.record_pull,
        "mount": inventory.record_mount,
    }
    for one in events:
        verbs.get(one.action, inventory.record_delete)(registry, one)


def tags() -> dict[str, str]:
    return dict(Tag.objects.values_list("name", "image__digest"))


def moves() -> list[tuple[str, str]]:
    rows = TagMove.objects.order_by("at", "id")
    return list(rows.values_list("digest_before", "digest_after"))


@pytest.fixture
def shelf(folder) -> Shelf:
    return Shelf(folder, "app")


def test_a_push_is_found_where_it_was_announced(shelves, shelf):
    digest = shelf.image("a")
    apply(shelves, push(digest, 5, tag="v1", actor="alice"))
    placement = Placement.objects.select_related("image", "repository").get()
    assert (placement.repository.name, placement.image.digest) == ("app", digest)
    assert (placement.pushed_by, placement.pushed_at) == ("alice", START + timedelta(minutes=5))
    assert tags() == {"v1": digest}
    assert moves() == [("", digest)]


def test_a_push_of_an_index_brings_its_members(shelves, shelf):
    index, members = shelf.index("v1", "a", "b")
    apply(shelves, push(index, tag="v1"))
    assert set(Image.objects.values_list("digest", flat=True)) == {index, *members}
    assert Placement.objects.count() == 3


def test_a_push_that_is_known_already_asks_the_registry_nothing(shelves, shelf, monkeypatch):
    digest = shelf.image("a")
    apply(shelves, push(digest, tag="v1"))
    monkeypatch.setattr("registries.inventory.changes.connect", lambda _: pytest.fail("asked"))
    apply(shelves, push(digest, 1, tag="v2"))
    assert tags() == {"v1": digest, "v2": digest}


def test_a_push_of_what_is_gone_again_leaves_nothing(shelves, shelf):
    apply(shelves, push("sha256:" + "0" * 64, tag="v1"))
    assert not Image.objects.exists()
    assert not Tag.objects.exists()


def test_a_digest_known_from_another_repository_is_asked_for_in_this_one(shelves, shelf):
    elsewhere = an_image(a_repository(shelves, name="other"))
    apply(shelves, push(elsewhere.digest))
    assert Placement.objects.get().repository.name == "other"


def test_a_mount_lets_an_image_stand_in_a_second_repository(shelves, folder, shelf):
    digest = shelf.image("a")
    Shelf(folder, "copy").image("a")
    apply(shelves, push(digest), event("mount", 1, "copy", digest=digest))
    assert Image.objects.count() == 1
    assert set(Placement.objects.values_list("repository__name", flat=True)) == {"app", "copy"}


def test_a_registry_that_does_not_answer_is_no_proof_that_an_image_is_gone(
    shelves, shelf, monkeypatch
):
    def fail(*_):
        raise Unreachable("The registry hung up.")

    monkeypatch.setattr(LayoutSource, "manifest", fail)
    with pytest.raises(Unreachable):
        apply(shelves, push(shelf.image("a")))
    assert not Placement.objects.exists()


def test_two_tags_moves_are_the_same_in_every_order(shelves, shelf):
    old, new = shelf.image("old"), shelf.image("new")
    events = [push(old, 1, tag="v1"), push(new, 2, tag="v1"), push(old, 3, tag="v1")]
    for order in permutations(events):
        TagMove.objects.all().delete()
        Tag.objects.all().delete()
        apply(shelves, *order)
        assert tags() == {"v1": old}, order
        assert TagMove.objects.get(digest_before="").digest_after in {old, new}


def test_a_tag_that_moved_and_moved_on_has_the_same_history_in_every_order(shelves, shelf):
    one, two, three = shelf.image("1"), shelf.image("2"), shelf.image("3")
    events = [push(one, 1, tag="v1"), push(two, 2, tag="v1"), push(three, 3, tag="v1")]
    for order in permutations(events):
        TagMove.objects.all().delete()
        Tag.objects.all().delete()
        apply(shelves, *order)
        assert tags() == {"v1": three}
        assert moves() == [("", one), (one, two), (two, three)], order


def test_a_push_and_the_removal_of_its_tag_end_alike_in_every_order(shelves, shelf):
    digest = shelf.image("a")
    apply(shelves, push(digest))
    for order in permutations([push(digest, 1, tag="v1"), event("delete-tag", 2, tag="v1")]):
        TagMove.objects.all().delete()
        apply(shelves, *order)
        assert tags() == {}, order
        assert moves()[-1][1] == ""


def test_a_removal_does_not_undo_a_later_push_of_the_same_digest(shelves, shelf):
    digest = shelf.image("a")
    events = [
        push(digest, 1, tag="v1"),
        event("delete-tag", 2, tag="v1"),
        push(digest, 3, tag="v1"),
    ]
    for order in permutations(events):
        Tag.objects.all().delete()
        TagMove.objects.all().delete()
        apply(shelves, *order)
        assert tags() == {"v1": digest}, order


def test_an_event_applied_twice_changes_nothing(shelves, shelf):
    one, two = shelf.image("1"), shelf.image("2")
    events = [
        push(one, 1, tag="v1"),
        push(two, 2, tag="v1"),
        event("pull", 3, digest=one),
        event("delete-tag", 4, tag="v2"),
        event("delete-manifest", 0, digest=two),
    ]
    apply(shelves, *events)
    before = [list(model.objects.values()) for model in (Image, Placement, Tag, TagMove)]
    apply(shelves, *events)
    assert [list(model.objects.values()) for model in (Image, Placement, Tag, TagMove)] == before


def test_a_deleted_manifest_goes_with_its_tags_and_its_image(shelves, shelf):
    gone, kept = shelf.image("a"), shelf.image("b")
    apply(shelves, push(gone, 1, tag="v1"), push(kept, 1, tag="v2"))
    apply(shelves, event("delete-manifest", 2, digest=gone))
    assert tags() == {"v2": kept}
    assert list(Image.objects.values_list("digest", flat=True)) == [kept]
    assert TagMove.objects.get(digest_after="").digest_before == gone


def test_a_deleted_manifest_that_still_stands_elsewhere_keeps_its_image(shelves, folder, shelf):
    digest = shelf.image("a")
    Shelf(folder, "copy").image("a")
    apply(shelves, push(digest), push(digest, repository="copy"))
    apply(shelves, event("delete-manifest", 2, digest=digest))
    assert Placement.objects.get().repository.name == "copy"


def test_a_deletion_that_comes_late_does_not_undo_a_later_push(shelves, shelf):
    digest = shelf.image("a")
    apply(shelves, push(digest, 5, tag="v1"))
    apply(shelves, event("delete-manifest", 4, digest=digest), event("delete-repository", 4))
    assert tags() == {"v1": digest}


def test_a_push_and_its_deletion_applied_together_long_after_end_deleted(shelves, shelf):
    digest = shelf.image("a")
    apply(shelves, push(digest, 1), event("delete-manifest", 2, digest=digest))
    assert not Image.objects.exists()


def test_the_deletion_of_a_layer_or_of_what_was_never_seen_is_nothing(shelves, shelf):
    apply(shelves, push(shelf.image("a"), tag="v1"))
    apply(
        shelves,
        event("delete-manifest", 1, digest="sha256:" + "0" * 64),
        event("delete-manifest", 1, "other", digest="sha256:" + "0" * 64),
        event("delete-tag", 1, "other", tag="v1"),
        event("delete-repository", 1, "other"),
    )
    assert len(tags()) == 1


def test_a_deleted_repository_goes_with_all_that_stood_there(shelves, shelf):
    index, _ = shelf.index("v1", "a", "b")
    apply(shelves, push(index, tag="v1"), push(shelf.image("c"), tag="v2"))
    placed = Placement.objects.filter(pushed_at=None)
    placed.update(first_seen_at=START)  # members came with their index, at its time
    apply(shelves, event("delete-repository", 1))
    assert not shelves.repositories.exists()
    assert not Image.objects.exists()


def test_a_pull_counts_for_its_digest_and_says_who(shelves, shelf):
    index, members = shelf.index("v1", "a", "b")
    apply(shelves, push(index), event("pull", 3, digest=members[0], actor="bob"))
    pulled = Placement.objects.get(pulled_at__isnull=False)
    assert (pulled.image.digest, pulled.pulled_by) == (members[0], "bob")


def test_the_newest_pull_and_push_count_in_every_order(shelves, shelf):
    digest = shelf.image("a")
    events = [
        event("pull", 3, digest=digest, actor="early"),
        event("pull", 9, digest=digest, actor="late"),
        push(digest, 1, actor="first"),
        push(digest, 2, actor="second"),
    ]
    for order in permutations(events):
        Placement.objects.all().delete()
        apply(shelves, *order)
        placement = Placement.objects.get()
        assert (placement.pulled_by, placement.pushed_by) == ("late", "second")


def test_a_pull_of_an_image_that_nobody_announced_finds_it(shelves, shelf):
    apply(shelves, event("pull", digest=shelf.image("a")))
    assert Placement.objects.get().pulled_at == START


@pytest.mark.django_db(transaction=True)
def test_a_walk_and_an_event_of_the_same_image_at_the_same_time_agree(shelves, folder):
    shelf = Shelf(folder, "app")
    digest = shelf.image("a", "v1")
    index, _ = shelf.index("v2", "b", "c")

    def fresh() -> Registry:
        return Registry.objects.get(pk=shelves.pk)

    together(
        lambda: inventory.sync(fresh()),
        lambda: apply(fresh(), push(digest, tag="v1"), push(index, tag="v2")),
        lambda: apply(fresh(), push(index, tag="v2"), push(digest, tag="v1")),
    )
    assert tags() == {"v1": digest, "v2": index}
    assert Image.objects.count() == 4
    assert Placement.objects.count() == 4
