import pytest

from config import prepare
from findings.feeds import eol
from findings.models import Feed

pytestmark = pytest.mark.django_db


def test_the_first_start_subscribes_to_public_advisories_once():
    prepare.ensure_feeds("https://advisories.example/")
    prepare.ensure_feeds("https://elsewhere.example/")
    assert set(Feed.objects.values_list("name", flat=True)) == set(prepare.ECOSYSTEMS)
    assert Feed.objects.get(name="npm").location == "https://advisories.example/npm/all.zip"
    red_hat = Feed.objects.get(name="Red Hat")
    assert red_hat.location == "https://advisories.example/Red%20Hat/all.zip"


def test_feeds_an_operator_chose_are_left_alone():
    Feed.objects.create(name="ours", location="/srv/advisories")
    prepare.ensure_feeds("https://advisories.example")
    assert Feed.objects.count() == 1


def test_samples_of_a_demonstration_are_no_feeds():
    Feed.objects.create(name="Demo: npm", location="/var/demo", sample=True)
    prepare.ensure_feeds("https://advisories.example")
    assert Feed.objects.filter(sample=False).count() == len(prepare.ECOSYSTEMS)


def test_no_url_means_no_feeds():
    prepare.ensure_feeds("")
    assert not Feed.objects.exists()


def test_exploitation_scores_and_ends_of_life_are_subscribed_to_once():
    prepare.ensure_signals("https://kev.example", "", str(eol.SHIPPED))
    prepare.ensure_signals("https://elsewhere.example", "https://epss.example", "")
    locations = {feed.kind: feed.location for feed in Feed.objects.all()}
    assert locations == {
        "kev": "https://kev.example",
        "epss": "https://epss.example",
        "eol": str(eol.SHIPPED),
    }


def test_our_own_ends_of_life_are_found_again_where_the_project_moved_to():
    Feed.objects.create(kind="eol", name="ends", location=f"/elsewhere/{eol.SHIPPED.name}")
    prepare.ensure_signals("", "", str(eol.SHIPPED))
    assert Feed.objects.get().location == str(eol.SHIPPED)


def test_an_operators_ends_of_life_are_left_alone():
    theirs = f"https://mirror.example/{eol.SHIPPED.name}"
    Feed.objects.create(kind="eol", name="ends", location=theirs)
    prepare.ensure_signals("", "", str(eol.SHIPPED))
    assert Feed.objects.get().location == theirs


def test_the_first_administrator_is_made_once(tmp_path, django_user_model):
    password = prepare.ensure_administrator(tmp_path)
    assert django_user_model.objects.get().check_password(password)
    assert prepare.ensure_administrator(tmp_path) is None
    assert prepare.password_file(tmp_path).stat().st_mode & 0o077 == 0
