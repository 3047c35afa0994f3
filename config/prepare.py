"""What a start does once the database answers: bring the tables up to date and, the first time,
make someone who can log in and feeds to judge by. Run as `python -m config.prepare`."""

import os
from pathlib import Path
from urllib.parse import quote

ADMIN = "admin"
# What is read and what the public dumps have advisories for, by the names of their folders.
# Chainguard's is left out: its records, more than a million, pass what a feed may hold.
ECOSYSTEMS = (
    *("Debian", "Ubuntu", "Alpine", "Wolfi", "Red Hat", "AlmaLinux", "Rocky Linux", "SUSE"),
    *("openSUSE", "Azure Linux", "Mageia", "PyPI", "npm", "Maven", "Go", "crates.io", "RubyGems"),
    *("Packagist", "NuGet", "Bitnami"),
)


def password_file(data_dir: Path) -> Path:
    """Where the first administrator's password is kept, readable by its owner alone, so that it
    can be found again when the line that told it has scrolled away."""
    return data_dir / "admin-password"


def ensure_administrator(data_dir: Path) -> str | None:
    """Make the first superuser and return the password, or None where there is a superuser."""
    from django.contrib.auth import get_user_model

    from config.embedded import kept_secret

    users = get_user_model().objects
    if users.filter(is_superuser=True).exists():
        return None
    password = kept_secret(password_file(data_dir), length=12)
    users.create_superuser(ADMIN, password=password)
    return password


def ensure_feeds(url: str) -> None:
    """Subscribe to the public advisories, unless there are feeds (a demonstration's samples aside)
    or no URL is wanted."""
    from findings.models import Feed

    if url and not Feed.objects.filter(kind=Feed.Kind.OSV, sample=False).exists():
        Feed.objects.bulk_create(
            Feed(name=name, location=f"{url.rstrip('/')}/{quote(name)}/all.zip")
            for name in ECOSYSTEMS
        )


def ensure_signals(exploited: str, epss: str, end_of_life: str) -> None:
    """Subscribe to what is known beside advisories, each unless there is such a feed already or
    none is wanted. Our own list of ends of life stays where the project is."""
    from findings.feeds import eol
    from findings.models import Feed

    own = Feed.objects.filter(kind=Feed.Kind.EOL, location__endswith=f"/{eol.SHIPPED.name}")
    own.exclude(location__contains="://").update(location=str(eol.SHIPPED))
    for kind, name, location in (
        (Feed.Kind.KEV, "Known exploited", exploited),
        (Feed.Kind.EPSS, "EPSS", epss),
        (Feed.Kind.EOL, "End of life", end_of_life),
    ):
        if location and not Feed.objects.filter(kind=kind).exists():
            Feed.objects.create(kind=kind, name=name, location=location)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django
    from django.conf import settings
    from django.core.management import call_command

    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    ensure_feeds(settings.ADVISORIES_URL)
    ensure_signals(settings.EXPLOITED_URL, settings.EPSS_URL, settings.END_OF_LIFE_URL)
    if password := ensure_administrator(settings.DATA_DIR):
        print(f"log in as {ADMIN} with the password {password}")  # noqa: T201
        print(f"it is kept in {password_file(settings.DATA_DIR)}; change it soon")  # noqa: T201


if __name__ == "__main__":
    main()
