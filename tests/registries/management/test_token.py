from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from registries import tokens
from registries.models import AccessToken
from tests import factories

pytestmark = pytest.mark.django_db


def printed(capsys, *arguments: str) -> str:
    call_command("token", *arguments)
    return capsys.readouterr().out


def test_a_token_is_printed_alone_and_opens_for_its_user(capsys):
    user = factories.a_user(username="ci")
    plain = printed(capsys, "ci", "nightly").removesuffix("\n")
    assert tokens.authenticate(plain) == user
    assert AccessToken.objects.get().name == "nightly"


@pytest.mark.parametrize(("option", "days"), [((), 90), (("--days", "7"), 7)])
def test_a_token_ends_by_itself(capsys, option, days):
    factories.a_user(username="ci")
    printed(capsys, "ci", "nightly", *option)
    left = AccessToken.objects.get().expires_at - timezone.now()
    assert timedelta(days=days - 1) < left <= timedelta(days=days)


@pytest.mark.parametrize("username", ["nobody", "gone"])
def test_nobody_but_an_active_user_gets_one(capsys, username):
    factories.a_user(username="gone", is_active=False)
    with pytest.raises(CommandError, match=f"no active user '{username}'"):
        printed(capsys, username, "nightly")
    assert not AccessToken.objects.exists()


@pytest.mark.parametrize(
    ("name", "days", "field"),
    [("nightly", "0", "days"), ("nightly", "367", "days"), ("nightly", "soon", "days"),
     ("n" * 101, "7", "name"), ("", "7", "name")],
)  # fmt: skip
def test_what_the_account_page_refuses_is_refused(capsys, name, days, field):
    factories.a_user(username="ci")
    with pytest.raises(CommandError, match=field):
        printed(capsys, "ci", name, f"--days={days}")
    assert not AccessToken.objects.exists()
