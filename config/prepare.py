"""What a start does once the database answers: bring the tables up to date and, the first time,
make someone who can log in and feeds to judge by. Run as `python -m config.prepare`."""

import os
from pathlib import Path

ADMIN = "admin"
# The ecosystems whose packages are read.
ECOSYSTEMS = ("Debian", "Ubuntu", "Alpine", "PyPI", "npm")


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

    if url and not Feed.objects.filter(sample=False).exists():
        Feed.objects.bulk_create(
            Feed(name=name, location=f"{url.rstrip('/')}/{name}/all.zip") for name in ECOSYSTEMS
        )


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django
    from django.conf import settings
    from django.core.management import call_command

    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    ensure_feeds(settings.ADVISORIES_URL)
    if password := ensure_administrator(settings.DATA_DIR):
        print(f"log in as {ADMIN} with the password {password}")  # noqa: T201
        print(f"it is kept in {password_file(settings.DATA_DIR)}; change it soon")  # noqa: T201


if __name__ == "__main__":
    main()
