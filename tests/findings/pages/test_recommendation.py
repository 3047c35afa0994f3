import pytest
from django.urls import reverse

from findings.recommendations import KEY
from tests.factories import (
    a_registry,
    a_repository,
    a_subscription,
    a_user,
    a_verdict,
    an_estate,
    an_image,
)

PATH = f"/recommendations/{KEY}"


@pytest.fixture
def registries(subscription):
    """One registry of each state, by state."""
    made = {
        state: a_registry(subscription, name=f"{state}-registry")
        for state in ("unhealthy", "healthy", "unverified", "not-applicable")
    }
    for state in ("unhealthy", "unverified", "healthy"):
        # Each has a healthy image too: the worst decides.
        repository = a_repository(made[state])
        a_verdict(an_image(repository), state="healthy")
        a_verdict(an_image(repository), state=state, high=2 if state == "unhealthy" else 0)
    return made


def test_another_key_is_no_recommendation(client, reader):
    assert client.get("/recommendations/53572822-d3fc-4363-bfb9-248645841612").status_code == 404


def test_the_key_is_read_in_any_case(client, reader):
    assert client.get(f"/recommendations/{KEY.upper()}").status_code == 200


@pytest.mark.parametrize("state", ["unhealthy", "healthy", "unverified", "not-applicable"])
def test_each_tab_shows_the_registries_of_its_state(client, reader, registries, state):
    response = client.get(PATH, {"state": state})
    assert [row.registry for row in response.context["page"]] == [registries[state]]
    assert [tab.count for tab in response.context["tabs"]] == [1, 1, 1, 1]


def test_what_wants_attention_is_open_first(client, reader, registries):
    assert client.get(PATH).context["state"] == "unhealthy"
    registries["unhealthy"].delete()
    assert client.get(PATH).context["state"] == "unverified"


def test_header_numbers_count_distinct_images(client, reader, registries):
    tally = client.get(PATH).context["tally"]
    assert (tally.unhealthy, tally.scanned, tally.unverified, tally.high) == (1, 5, 1, 2)


def test_one_subscription_can_be_chosen(client, reader, registries, subscription):
    other = a_subscription()
    a_user_role(reader, other)
    an_estate(images=2, findings=1, subscription=other)
    response = client.get(PATH, {"subscription": str(other.pk)})
    assert response.context["tally"].image_count == 2
    assert client.get(PATH).context["tally"].image_count == 8


def test_a_subscription_one_may_not_see_cannot_be_chosen(client, reader, registries):
    estate = an_estate(images=2, findings=1)
    response = client.get(PATH, {"subscription": str(estate.subscription.pk)})
    assert response.context["tally"].image_count == 6


def test_search_finds_by_part_of_the_name(client, reader, registries):
    (row,) = client.get(PATH, {"q": "HEALTHY-reg"}).context["page"]
    assert row.registry == registries["unhealthy"]
    assert (
        "None of the registries here is called like"
        in client.get(PATH, {"q": "<b>x"}).content.decode()
    )


def test_htmx_is_given_the_list_alone(client, reader, registries):
    response = client.get(PATH, headers={"HX-Request": "true"})
    assert response.content.decode().lstrip().startswith('<div id="list"')
    assert "HX-Request" in response["Vary"]


def test_a_registry_shows_its_repositories(client, reader, registries):
    registry = registries["unhealthy"]
    response = client.get(reverse("registry", args=[registry.pk]))
    assert response.context["page"].rows == list(registry.repositories.all())
    assert response.context["tally"].state == "unhealthy"


def test_a_registry_one_may_not_see_does_not_exist(client, reader):
    assert client.get(reverse("registry", args=[a_registry().pk])).status_code == 404


def test_only_who_may_manage_registries_is_offered_to(client, owner, subscription):
    registry = a_registry(subscription)
    path = reverse("registry", args=[registry.pk])
    assert "Sync now" in client.get(path).content.decode()
    client.force_login(a_user(subscription))
    assert "Sync now" not in client.get(path).content.decode()


def a_user_role(user, subscription):
    user.role_assignments.create(role="reader", subscription=subscription)
