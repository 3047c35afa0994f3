from datetime import timedelta

import orjson
import pytest
from django.utils import timezone

from registries import inventory
from registries.inventory import visit, walk
from registries.models import (
    DIGEST_LENGTH,
    Image,
    IndexMember,
    Placement,
    Registry,
    Repository,
    Tag,
    TagMove,
)
from registries.oci.errors import BadContent, ServerFailed, Unreachable
from registries.oci.manifest import OCI_INDEX, OCI_MANIFEST
from registries.providers.layout import LayoutSource
from tests import pushing
from tests.factories import an_image
from tests.pushing import Built
from tests.registries.layouts import Shelf
from tests.registries.threads import together


def digests(**where) -> set[str]:
    return set(Image.objects.filter(**where).values_list("digest", flat=True))


def tags() -> dict[str, str]:
    rows = Tag.objects.values_list("repository__name", "name", "image__digest")
    return {f"{repository}:{name}": digest for repository, name, digest in rows}


def moves() -> list[tuple[str, str, str]]:
    rows = TagMove.objects.order_by("at", "id")
    return list(rows.values_list("name", "digest_before", "digest_after"))


def test_a_walk_finds_repositories_tags_and_images(shelves, folder):
    built = pushing.image({"file": "content"}, architecture="arm64")
    one = Shelf(folder, "team/app").shelve(built, "v1")
    two = Shelf(folder, "base").image("another", "latest")
    assert inventory.sync(shelves) > 0
    assert tags() == {"team/app:v1": one, "base:latest": two}
    image = Image.objects.get(digest=one)
    assert (image.kind, image.platform, image.size) == ("image", "linux/arm64", len(built.blobs[1]))
    assert image.media_type == OCI_MANIFEST
    assert moves() == [("latest", "", two), ("v1", "", one)]


def test_a_second_walk_of_the_same_changes_nothing(shelves, folder):
    shelf = Shelf(folder, "app")
    shelf.image("a", "v1")
    shelf.index("v2", "b", "c")
    shelf.artifact("chart")
    inventory.sync(shelves)
    before = [list(model.objects.values()) for model in (Image, Placement, Tag, TagMove)]
    assert inventory.sync(shelves) == 0
    assert [list(model.objects.values()) for model in (Image, Placement, Tag, TagMove)] == before


def test_each_platform_of_an_index_is_an_image_and_an_attestation_is_none(shelves, folder):
    index, members = Shelf(folder, "app").index("v1", "a", "b", attested=True)
    inventory.sync(shelves)
    assert digests(kind="image") == set(members)
    assert digests(kind="index") == {index}
    listed = IndexMember.objects.filter(index__digest=index)
    assert set(listed.values_list("image__digest", flat=True)) == set(members)
    assert Placement.objects.count() == 3
    assert {image.architecture for image in Image.objects.filter(kind="image")} == {
        "arch0",
        "arch1",
    }


def test_an_artifact_is_told_from_an_image(shelves, folder):
    chart = Shelf(folder, "app").artifact("chart")
    inventory.sync(shelves)
    assert digests(kind="artifact") == {chart}
    assert Image.objects.count() == 1


def test_an_index_that_lists_what_is_not_there_has_fewer_members(shelves, folder):
    shelf = Shelf(folder, "app")
    _, members = shelf.index("v1", "a", "b")
    shelf.delete(members[0])
    inventory.sync(shelves)
    assert digests(kind="image") == {members[1]}
    assert IndexMember.objects.count() == 1
    assert shelves.problem == ""


def test_a_manifest_that_cannot_be_understood_is_an_image_whose_scan_will_say_so(shelves, folder):
    odd = Built(b"not a manifest", OCI_MANIFEST)
    digest = Shelf(folder, "app").shelve(odd, "odd")
    inventory.sync(shelves)
    assert digests(kind="image") == {digest}
    assert tags() == {"app:odd": digest}


def test_a_member_or_a_configuration_that_cannot_be_kept_hides_nothing_else(shelves, folder):
    shelf = Shelf(folder, "app")
    built = pushing.image({"file": "content"})
    entry = built.descriptor | {"digest": "sha512:" + "0" * 128}
    index = {"schemaVersion": 2, "manifests": [entry, built.descriptor]}
    shelf.shelve(Built(orjson.dumps(index), OCI_INDEX, children=(built,)), "v1")
    spoilt = pushing.image({"file": "other"})
    shelf.shelve(spoilt, "v2")
    shelf.spoil(pushing.digest_of(spoilt.blobs[0]))
    inventory.sync(shelves)
    assert shelves.problem == ""
    assert digests(kind="image") == {built.digest, spoilt.digest}
    assert Image.objects.get(digest=spoilt.digest).platform == ""


def test_content_that_the_database_refuses_leaves_the_other_repositories_to_be_walked(
    shelves, folder, monkeypatch
):
    for name in ("a", "b", "c"):
        Shelf(folder, name).image(name, "v1")
    real = visit.store.point_tags

    def point_tags(repository, *more):
        if repository.name == "b":
            Image.objects.create(registry=shelves, digest="x" * (DIGEST_LENGTH + 1))
        return real(repository, *more)

    monkeypatch.setattr(visit.store, "point_tags", point_tags)
    inventory.sync(shelves)
    assert set(tags()) == {"a:v1", "c:v1"}
    assert "Repository b" in shelves.problem


def test_one_spoilt_manifest_is_named_and_hides_nothing_else(shelves, folder):
    shelf = Shelf(folder, "app")
    bad, good = shelf.image("a", "bad"), shelf.image("b", "good")
    shelf.spoil(bad)
    inventory.sync(shelves)
    assert tags()["app:good"] == good
    assert "app" in shelves.problem
    assert bad in shelves.problem


def test_an_image_without_a_tag_is_found_where_the_registry_can_list_it(shelves, folder):
    untagged = Shelf(folder, "app").image("a")
    inventory.sync(shelves)
    assert digests() == {untagged}


def test_a_moved_tag_leaves_the_old_digest_where_it_was(shelves, folder):
    shelf = Shelf(folder, "app")
    old = shelf.image("old", "v1")
    inventory.sync(shelves)
    new = shelf.image("new", "v1")
    inventory.sync(shelves)
    assert tags() == {"app:v1": new}
    assert digests() == {old, new}
    assert moves() == [("v1", "", old), ("v1", old, new)]


def test_what_has_vanished_is_removed_and_its_history_stays(shelves, folder):
    shelf = Shelf(folder, "app")
    gone, kept = shelf.image("a", "v1"), shelf.image("b", "v2")
    inventory.sync(shelves)
    shelf.delete(gone)
    assert inventory.sync(shelves) == 2
    assert digests() == {kept}
    assert tags() == {"app:v2": kept}
    assert moves()[-1] == ("v1", gone, "")


def test_an_untagged_image_stays_while_it_can_be_pulled(shelves, folder):
    shelf = Shelf(folder, "app")
    digest = shelf.image("a", "v1")
    inventory.sync(shelves)
    shelf.untag("v1")
    inventory.sync(shelves)
    assert tags() == {}
    assert digests() == {digest}


def test_an_image_is_deleted_when_it_stands_nowhere_any_more(shelves, folder):
    here, there = Shelf(folder, "here"), Shelf(folder, "there")
    digest = here.image("a", "v1")
    there.image("a", "v1")
    inventory.sync(shelves)
    here.delete(digest)
    inventory.sync(shelves)
    assert digests() == {digest}
    there.delete(digest)
    inventory.sync(shelves)
    assert digests() == set()


def test_a_repository_that_is_gone_goes(shelves, folder):
    shelf = Shelf(folder, "app")
    shelf.image("a", "v1")
    inventory.sync(shelves)
    (shelf.folder / "index.json").unlink()
    inventory.sync(shelves)
    assert not Repository.objects.exists()
    assert not Image.objects.exists()


def test_a_repository_that_is_only_missing_from_the_catalogue_stays(shelves, folder, monkeypatch):
    digest = Shelf(folder, "app").image("a", "v1")
    inventory.sync(shelves)
    monkeypatch.setattr(LayoutSource, "repositories", lambda self: iter(()))
    inventory.sync(shelves)
    assert tags() == {"app:v1": digest}


@pytest.mark.parametrize("failing", ["repositories", "tags", "resolve", "digests"])
def test_a_walk_that_fails_half_way_removes_nothing_and_says_why(
    shelves, folder, monkeypatch, failing
):
    shelf = Shelf(folder, "app")
    digest = shelf.image("a", "v1")
    inventory.sync(shelves)
    shelf.delete(digest)
    Shelf(folder, "other").image("b", "v1")

    def fail(*_):
        raise Unreachable("The registry hung up.")

    monkeypatch.setattr(LayoutSource, failing, fail)
    inventory.sync(shelves)
    shelves.refresh_from_db()
    assert shelves.problem == "The registry hung up."
    assert shelves.walked_at is not None
    assert digest in digests()


def test_one_repository_that_fails_leaves_the_others_to_be_walked(shelves, folder, monkeypatch):
    for name in ("a", "b", "c"):
        Shelf(folder, name).image(name, "v1")
    real = LayoutSource.tags

    def tags_of(self, repository):
        if repository == "b":
            raise ServerFailed("The registry stumbled.")
        return real(self, repository)

    monkeypatch.setattr(LayoutSource, "tags", tags_of)
    inventory.sync(shelves)
    assert set(tags()) == {"a:v1", "c:v1"}
    assert shelves.problem == "Repository b: The registry stumbled."


def test_a_registry_whose_repositories_all_fail_is_not_asked_for_all_of_them(
    shelves, folder, monkeypatch
):
    for number in range(20):
        Shelf(folder, f"r{number:02}")
    asked = []

    def stumble(self, repository):
        asked.append(repository)
        raise ServerFailed("The registry stumbled.")

    monkeypatch.setattr(LayoutSource, "tags", stumble)
    inventory.sync(shelves)
    assert len(asked) == walk.MAX_FAILED_IN_A_ROW
    assert shelves.problem == "The registry stumbled."


def test_a_registry_that_cannot_be_reached_says_so_and_is_not_verified(shelves, folder):
    shelves.location = str(folder / "nowhere")
    shelves.verified_at = None
    shelves.save()
    assert inventory.sync(shelves) == 0
    shelves.refresh_from_db()
    assert "nowhere" in shelves.problem
    assert shelves.verified_at is None


def test_a_walk_that_goes_well_clears_the_problem_and_verifies(shelves, folder):
    Registry.objects.update(problem="It was down.", verified_at=None)
    shelves.refresh_from_db()
    inventory.sync(shelves)
    shelves.refresh_from_db()
    assert (shelves.problem, shelves.verified_at) == ("", shelves.walked_at)


def test_names_that_no_table_can_hold_are_left_out_and_told(shelves, folder, monkeypatch):
    Shelf(folder, "app").image("a", "v1")
    endless, odd = "x" * 5000, "nul\0"
    monkeypatch.setattr(LayoutSource, "repositories", lambda self: iter([endless, odd, "", "app"]))
    real = LayoutSource.tags
    monkeypatch.setattr(
        LayoutSource, "tags", lambda self, name: iter([endless, odd, *real(self, name)])
    )
    inventory.sync(shelves)
    assert set(tags()) == {"app:v1"}
    assert "And 4 more" in shelves.problem
    assert len(shelves.problem) < 300


def test_a_list_that_does_not_end_is_refused():
    def names():
        while True:
            yield "again"

    bounded = visit.at_most(1000, names(), "tags")
    with pytest.raises(BadContent, match="more than 1,000 tags"):
        list(bounded)


def test_thousands_of_tags_take_a_bounded_number_of_queries(
    shelves, folder, django_assert_max_num_queries
):
    shelf = Shelf(folder, "app")
    digest = shelf.image("a", "v0")
    shelf.tag(digest, *(f"v{number}" for number in range(1, visit.PAGE * 3)))
    with django_assert_max_num_queries(3 * 14 + 40):
        inventory.sync(shelves)
    assert Tag.objects.count() == visit.PAGE * 3


def test_images_of_one_registry_are_not_those_of_another(shelves, folder):
    digest = Shelf(folder, "app").image("a", "v1")
    other = an_image(digest=digest)
    inventory.sync(shelves)
    assert Image.objects.filter(digest=digest).count() == 2
    assert other.tags.count() == 0


def test_a_tag_that_an_event_moved_during_the_walk_is_left_alone(shelves, folder, monkeypatch):
    shelf = Shelf(folder, "app")
    old = shelf.image("old", "v1")
    inventory.sync(shelves)
    new = shelf.image("new")
    later = timezone.now() + timedelta(minutes=1)
    real = LayoutSource.resolve

    def resolve(self, repository, reference):
        answer = real(self, repository, reference)
        image = Image.objects.get_or_create(registry=shelves, digest=new, kind="image")[0]
        Tag.objects.filter(name="v1").update(image=image, moved_at=later)
        return answer

    monkeypatch.setattr(LayoutSource, "resolve", resolve)
    inventory.sync(shelves)
    assert tags() == {"app:v1": new}
    assert old in digests()


def test_a_tag_pushed_after_the_listing_passed_it_is_not_removed(shelves, folder, monkeypatch):
    shelf = Shelf(folder, "app")
    digest = shelf.image("a", "v1")
    inventory.sync(shelves)
    monkeypatch.setattr(LayoutSource, "tags", lambda self, repository: iter(()))
    inventory.sync(shelves)
    assert tags() == {"app:v1": digest}


@pytest.mark.django_db(transaction=True)
def test_of_two_walks_at_the_same_time_one_steps_back(shelves, folder, monkeypatch):
    from threading import Event

    Shelf(folder, "app").image("a", "v1")
    first_is_walking, second_is_done = Event(), Event()
    real = LayoutSource.verify

    def verify(self):
        first_is_walking.set()
        assert second_is_done.wait(30)
        return real(self)

    monkeypatch.setattr(LayoutSource, "verify", verify)

    def second() -> int:
        assert first_is_walking.wait(30)
        try:
            return inventory.sync(Registry.objects.get(pk=shelves.pk))
        finally:
            second_is_done.set()

    first, second_result = together(
        lambda: inventory.sync(Registry.objects.get(pk=shelves.pk)), second
    )
    assert first > 0
    assert second_result == 0


def test_an_error_nobody_expects_leaves_the_other_repositories_to_be_walked(
    shelves, folder, monkeypatch, caplog
):
    Shelf(folder, "bad").image("a", "v1")
    Shelf(folder, "good").image("b", "v1")
    run = visit.Visit.run

    def fail_on_one(self):
        if self.repository.name == "bad":
            raise AttributeError("a bug")
        run(self)

    monkeypatch.setattr(visit.Visit, "run", fail_on_one)
    inventory.sync(shelves)
    assert set(tags()) == {"good:v1"}
    assert "Repository bad" in shelves.problem
    assert "a bug" in caplog.text


def test_a_walk_that_an_error_nobody_expects_ends_says_so(shelves, monkeypatch, caplog):
    """Otherwise it is walked at every turn of the clock, and nobody is told why in vain."""

    def fail(_):
        raise AttributeError("a bug")

    monkeypatch.setattr(LayoutSource, "repositories", fail)
    inventory.sync(shelves)
    shelves.refresh_from_db()
    assert "(AttributeError)" in shelves.problem
    assert shelves.walked_at is not None
    assert "a bug" in caplog.text
