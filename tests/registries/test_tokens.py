from datetime import timedelta

import pytest
from django.utils import timezone

from registries import tokens
from registries.models import AccessToken


def test_a_token_is_its_users(make_user):
    user = make_user()
    assert tokens.authenticate(tokens.issue(user, "laptop")) == user


def test_the_plain_token_is_nowhere_in_the_database(make_user):
    plain = tokens.issue(make_user(), "laptop")
    row = AccessToken.objects.values().get()
    assert plain.startswith(tokens.PREFIX)
    assert plain.encode() not in bytes(row.pop("token_hash"))
    assert plain not in str(row)


@pytest.mark.parametrize("plain", ["", "vigie_", "vigie_x", "\udcff", "é", "x" * 100_000])
def test_what_was_never_issued_opens_nothing(plain, make_user):
    tokens.issue(make_user(), "laptop")
    assert tokens.authenticate(plain) is None


def test_a_token_ends_when_it_expires(make_user):
    user, now = make_user(), timezone.now()
    assert tokens.authenticate(tokens.issue(user, "past", now - timedelta(seconds=1))) is None
    assert tokens.authenticate(tokens.issue(user, "future", now + timedelta(days=1))) == user


def test_an_inactive_users_token_opens_nothing(make_user):
    user = make_user()
    plain = tokens.issue(user, "laptop")
    user.is_active = False
    user.save()
    assert tokens.authenticate(plain) is None


def test_use_is_recorded_at_most_once_an_hour(make_user, django_assert_num_queries):
    plain = tokens.issue(make_user(), "laptop")
    with django_assert_num_queries(2):
        tokens.authenticate(plain)
    with django_assert_num_queries(1):
        tokens.authenticate(plain)
    AccessToken.objects.update(last_used_at=timezone.now() - timedelta(hours=2))
    tokens.authenticate(plain)
    assert AccessToken.objects.get().last_used_at > timezone.now() - timedelta(minutes=1)
