import pytest

from findings.reasons import DOUBTS, REASONS, reason_of
from findings.recommendations import Tally, total
from registries.models import Image
from scans.support import Reason
from tests.factories import (
    a_finding,
    a_registry,
    a_repository,
    a_verdict,
    an_image,
    place,
)

UNJUDGED = ["waiting", "running", "judging", "plan-off", "not-due"]


@pytest.mark.parametrize(
    ("tally", "state"),
    [
        (Tally(), "not-applicable"),
        (Tally(image_count=1, healthy=1), "healthy"),
        (Tally(image_count=2, healthy=1, unverified=1), "unverified"),
        (Tally(image_count=3, healthy=1, unverified=1, unhealthy=1), "unhealthy"),
    ],
)
def test_the_state_of_what_holds_images_follows_from_the_worst_of_them(tally, state):
    assert tally.state == state


@pytest.mark.parametrize("code", [*Reason, *DOUBTS, *UNJUDGED])
def test_every_reason_says_why_and_what_to_do(code):
    assert REASONS[code].title
    assert REASONS[code].advice.endswith(".")


def test_nothing_else_has_a_reason():
    assert set(REASONS) == {*map(str, Reason), *DOUBTS, *UNJUDGED}


@pytest.mark.parametrize(
    ("active", "plan_enabled", "code"),
    [
        ("running", True, "running"),
        ("queued", True, "waiting"),
        ("", True, "not-due"),
        ("", False, "plan-off"),
    ],
)
def test_an_image_without_a_verdict_says_what_it_waits_for(active, plan_enabled, code):
    assert reason_of(None, active, plan_enabled) == REASONS[code]


@pytest.mark.django_db
def test_images_count_once_whatever_repositories_they_stand_in():
    registry = a_registry()
    image = an_image(a_repository(registry))
    a_finding(image)
    place(image, a_repository(registry))
    assert total(Image.objects.filter(registry=registry)) == Tally(
        image_count=1, unhealthy=1, high=1
    )


@pytest.mark.django_db
def test_an_image_nobody_has_looked_at_is_unverified():
    repository = a_repository()
    an_image(repository)
    a_verdict(an_image(repository), state="healthy")
    tally = total(Image.objects.all())
    assert (tally.unverified, tally.healthy, tally.state) == (1, 1, "unverified")


@pytest.mark.django_db
def test_indexes_and_artifacts_are_not_counted():
    an_image(kind="index")
    an_image(kind="artifact")
    assert total(Image.objects.all()).state == "not-applicable"
