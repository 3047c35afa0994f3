"""`manage.py token USERNAME NAME`: a bearer token for the API, for scripts that set things up."""

from argparse import ArgumentParser
from datetime import timedelta

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from registries import tokens
from registries.forms import TokenForm


class Command(BaseCommand):
    help = "Make a token for the API and print it, once: only its hash is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", help="whose it is: it may do what this user may")
        parser.add_argument("name", help="what uses it, as the user's account shows it")
        parser.add_argument("--days", default=90, help="until it expires (default: %(default)s)")

    def handle(self, *, username: str, name: str, days: str, **options: object) -> None:
        user = User.objects.filter(username=username, is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active user {username!r}.")
        form = TokenForm({"name": name, "days": days})
        if not form.is_valid():
            raise CommandError(form.errors.as_text())
        expires_at = timezone.now() + timedelta(days=form.cleaned_data["days"])
        self.stdout.write(tokens.issue(user, form.cleaned_data["name"], expires_at))
