import pytest
from django.urls import reverse

from registries.models import IndexMember, Tag, TagMove
from scans.models import Scan
from tests.factories import (
    a_registry,
    a_report,
    a_repository,
    a_verdict,
    an_estate,
    an_image,
    an_inventory,
)


@pytest.fixture
def repository(subscription):
    return a_repository(a_registry(subscription), name="team/checkout")


def page_of(client, repository, **parameters):
    return client.get(reverse("repository", args=[repository.pk]), parameters)


def test_a_repository_one_may_not_see_does_not_exist(client, reader):
    assert page_of(client, a_repository()).status_code == 404


def test_an_emptied_repository_says_so_here_and_in_the_list(client, reader, repository):
    assert "No images any more." in page_of(client, repository).content.decode()
    path = reverse("registry", args=[repository.registry_id])
    response = client.get(path)
    assert response.context["state"] == "not-applicable"  # the first tab that has any
    assert "no images any more" in response.content.decode()


@pytest.mark.parametrize("state", ["unhealthy", "healthy", "unverified"])
def test_the_first_tab_with_anything_in_it_is_open(client, reader, repository, state):
    a_verdict(an_image(repository), state=state)
    an_image(repository, kind="index")
    assert page_of(client, repository).context["state"] == state
    path = reverse("registry", args=[repository.registry_id])
    assert client.get(path).context["state"] == state


def test_images_are_listed_by_state(client, reader, repository):
    made = {
        "unhealthy": an_image(repository, tags=("1.0",)),
        "healthy": an_image(repository),
        "unverified": an_image(repository),
        "not-applicable": an_image(repository, kind="index"),
    }
    a_verdict(made["unhealthy"], state="unhealthy", high=1)
    a_verdict(made["healthy"], state="healthy")
    for state, image in made.items():
        response = page_of(client, repository, state=state)
        assert [row.image for row in response.context["rows"]] == [image]
        assert image.short_digest in response.content.decode()


def test_an_unverified_image_says_why_and_what_to_do(client, reader, repository):
    image = an_image(repository, os="windows")
    a_report(image, [], result="unverified", reason="windows")
    a_verdict(image, state="unverified", reason="windows")
    page = page_of(client, repository).content.decode()
    assert "Windows image" in page
    assert "Judge this image with a tool made for Windows." in page
    assert "not known" in page


def test_an_image_that_waits_says_so(client, reader, repository, subscription):
    image = an_image(repository)
    Scan.objects.create(
        image=image,
        subscription=subscription,
        digest=image.digest,
        registry="r",
        repository="s",
        trigger="push",
    )
    page = page_of(client, repository).content.decode()
    assert "Scan queued" in page
    assert "Waiting for its first scan" in page


def test_an_image_whose_tag_moved_says_which_it_was(client, reader, repository):
    old, new = an_image(repository), an_image(repository, tags=("latest",))
    for name in ("latest", "stable"):
        TagMove.objects.create(
            repository=repository, name=name, digest_before=old.digest, digest_after=new.digest
        )
    TagMove.objects.create(
        repository=a_repository(repository.registry), name="theirs", digest_before=old.digest
    )
    rows = {row.image: row for row in page_of(client, repository).context["rows"]}
    assert set(rows[old].former_tags) == {"latest", "stable"}
    assert rows[new].former_tags == []
    assert "was stable, latest" in page_of(client, repository).content.decode()


def test_of_images_nobody_could_read_no_number_of_findings_is_told(client, reader, repository):
    a_verdict(an_image(repository), state="unverified", reason="empty")
    page = page_of(client, repository).content.decode()
    assert "Findings are not known" in page


def test_an_image_of_an_index_bears_the_tags_of_the_index(client, reader, repository):
    index = an_image(repository, tags=("multi",), kind="index")
    member = an_image(repository, tags=("amd64-only",))
    IndexMember.objects.create(index=index, image=member)
    (row,) = page_of(client, repository).context["rows"]
    assert row.tags == ["amd64-only", "multi"]


def test_tags_of_other_repositories_are_not_taken_for_its_own(client, reader, repository):
    image = an_image(repository)
    Tag.objects.create(repository=a_repository(repository.registry), name="theirs", image=image)
    (row,) = page_of(client, repository).context["rows"]
    assert row.tags == []


@pytest.mark.parametrize("q", ["2.4", "multi"])
def test_search_finds_images_by_tag(client, reader, repository, q):
    an_image(repository)
    wanted = an_image(repository, tags=("2.4.1",))
    index = an_image(repository, tags=("multi",), kind="index")
    IndexMember.objects.create(index=index, image=wanted)
    assert [row.image for row in page_of(client, repository, q=q).context["rows"]] == [wanted]


def test_search_finds_images_by_any_part_of_the_digest(client, reader, repository):
    an_image(repository)
    wanted = an_image(repository)
    q = wanted.digest[20:40].upper()
    assert [row.image for row in page_of(client, repository, q=q).context["rows"]] == [wanted]


@pytest.mark.parametrize("q", ["\0", "%", "'; --", "é" * 500])
def test_any_search_is_answered(client, reader, repository, q):
    assert page_of(client, repository, q=q).status_code == 200


@pytest.mark.parametrize("sort", ["worst", "newest", "oldest", "no such order"])
def test_the_last_page_is_reached_and_leads_back(client, reader, subscription, sort):
    estate = an_estate(images=60, findings=1, subscription=subscription)
    (repository,) = estate.repositories
    first = page_of(client, repository, sort=sort).context["page"]
    last = page_of(client, repository, sort=sort, last="1").context["page"]
    second = page_of(client, repository, sort=sort, after=first.after).context["page"]
    assert len(first) == len(last) == 50
    assert second.rows == last.rows[40:]


def test_a_repository_is_healthy_only_if_every_image_was_judged(client, reader, repository):
    healthy = an_image(repository)
    a_report(healthy, [an_inventory()])
    a_verdict(healthy)
    assert page_of(client, repository).context["tally"].state == "healthy"
    an_image(repository)
    assert page_of(client, repository).context["tally"].state == "unverified"
