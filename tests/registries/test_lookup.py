import pytest

from registries.lookup import named
from registries.models import IndexMember
from tests.factories import a_registry, a_repository, an_image, place

pytestmark = pytest.mark.django_db


@pytest.fixture
def repository():
    registry = a_registry(name="shop", location="https://shop.example:5000")
    return a_repository(registry, name="team/checkout")


@pytest.mark.parametrize(
    "reference",
    [
        "shop/team/checkout:1.2", "shop.example:5000/team/checkout:1.2", "team/checkout:1.2",
        "SHOP/team/checkout@{digest}", "team/checkout:1.2@{digest}", "{digest}", "{beginning}",
    ],
)  # fmt: skip
def test_an_image_is_found_by_every_name_it_has(repository, reference):
    image = an_image(repository, tags=("1.2",))
    an_image(repository, tags=("1.3",))
    text = reference.format(digest=image.digest, beginning=image.digest[:19])
    assert [placement.image for placement in named(text)] == [image]


def test_without_a_tag_the_latest_is_meant(repository):
    image = an_image(repository, tags=("latest",))
    assert [placement.image for placement in named("team/checkout")] == [image]


def test_the_tag_of_an_index_means_its_members(repository):
    index = an_image(repository, tags=("1.2",), kind="index")
    members = [an_image(repository) for _ in range(2)]
    for member in members:
        IndexMember.objects.create(index=index, image=member)
    assert {placement.image for placement in named("team/checkout:1.2")} == set(members)


def test_each_place_of_a_digest_is_told(repository):
    image = an_image(repository)
    place(image, a_repository(repository.registry))
    assert len(named(image.digest)) == 2


@pytest.mark.parametrize("reference", ["", " ", "a\0b", "sha256:", "sha256:ab", "name@sha256"])
def test_what_names_nothing_is_refused_with_a_sentence(reference):
    with pytest.raises(ValueError, match=r"\.$"):
        named(reference)


@pytest.mark.parametrize("reference", ["nowhere", "shop/", "/", ":", "sha256:000000", "x:y:z"])
def test_what_is_not_there_is_not_found(repository, reference):
    an_image(repository, tags=("latest",))
    assert named(reference) == []
