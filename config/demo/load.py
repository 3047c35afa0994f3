"""Put the demo into a running Vigie, by the same verbs and workers that everything goes through.

Run as `python -m config.demo.load`; safe to run again.
"""

import os
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import django
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.db import transaction  # noqa: E402
from django.db.models import QuerySet  # noqa: E402

from config.demo import advisories, images  # noqa: E402
from config.embedded import kept_secret  # noqa: E402
from config.prepare import ADMIN, password_file  # noqa: E402
from findings.models import Feed, ImageVerdict  # noqa: E402
from findings.tasks import update_feed  # noqa: E402
from registries import plans  # noqa: E402
from registries.models import (  # noqa: E402
    Image,
    ManagementGroup,
    Registry,
    Role,
    RoleAssignment,
    Subscription,
)
from registries.tasks import walk  # noqa: E402

SUBSCRIPTION = uuid.uuid5(uuid.NAMESPACE_DNS, "demo.vigie")
PATIENCE_SECONDS = 300
COLOURS = {"healthy": "green", "unhealthy": "red", "unverified": "yellow"}


class DemoError(Exception):
    """The demo did not come to its end; the message says where it stopped."""


def load(folder: Path, console: Console) -> Registry:
    """Make the demo's registry and feeds in `folder`, have everything scanned, return its row."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console) as progress:
        _load_feeds(advisories.write_feeds(folder / "advisories"), progress)
        registry = _ensure_registry(folder / "registry")
        _ensure_people(registry.subscription, kept_secret(folder / "password", length=9))
        if not _web_was_seen(registry):
            _scan(registry, "Scanning images", progress, tag_has_moved=False)
        _scan(registry, "Scanning what was pushed again", progress, tag_has_moved=True)
    return registry


def _load_feeds(zips: dict[str, Path], progress: Progress) -> None:
    for name, path in progress.track(zips.items(), description="Reading advisories"):
        feed, _ = Feed.objects.update_or_create(
            name=f"Demo: {name}", defaults={"location": str(path), "sample": True}
        )
        update_feed(feed.pk)
        feed.refresh_from_db()
        if feed.problem:
            raise DemoError(f"The feed {feed.name} was not read: {feed.problem}")
    # Read now, so that the table that is printed says what the pages will say.
    for ends in Feed.objects.filter(kind=Feed.Kind.EOL):
        update_feed(ends.pk)


@transaction.atomic
def _ensure_registry(folder: Path) -> Registry:
    group, _ = ManagementGroup.objects.get_or_create(
        name="demo", defaults={"display_name": "Demo company"}
    )
    subscription, _ = Subscription.objects.get_or_create(
        pk=SUBSCRIPTION, defaults={"display_name": "Shop", "management_group": group}
    )
    admin = get_user_model().objects.filter(is_superuser=True).first()
    plans.switch(subscription, True, admin)
    registry, _ = Registry.objects.update_or_create(
        subscription=subscription,
        resource_group="demo",
        name="layouts",
        defaults={"kind": Registry.Kind.LAYOUT, "location": str(folder), "sample": True},
    )
    return registry


def _ensure_people(subscription: Subscription, password: str) -> None:
    """Someone who looks and someone who decides, so that roles can be seen at work."""
    scopes = {
        ("analyst", Role.SECURITY_READER): {"subscription": subscription},
        ("owner", Role.OWNER): {"management_group": subscription.management_group},
    }
    for (name, role), scope in scopes.items():
        user, created = get_user_model().objects.get_or_create(username=name)
        if created:
            user.set_password(password)
            user.save()
        RoleAssignment.objects.get_or_create(user=user, role=role, **scope)


def _web_was_seen(registry: Registry) -> bool:
    """Whether both digests that `shop/web:latest` pointed to have their verdict already."""
    repository = registry.repositories.filter(name="shop/web")
    return ImageVerdict.objects.filter(image__placements__repository__in=repository).count() > 1


def _scan(registry: Registry, what: str, progress: Progress, tag_has_moved: bool) -> None:
    """Write the registry, have it walked, and wait until every tagged image has its verdict."""
    images.write_registry(Path(registry.location), tag_has_moved)
    before = registry.walked_at
    task = progress.add_task(what, total=None)
    walk.delay(registry.pk)
    _wait(lambda: _walked_at(registry) != before, "walk of the demo's registry")
    registry.refresh_from_db()
    if registry.problem:
        raise DemoError(f"The registry was not read: {registry.problem}")
    tagged = Image.objects.filter(registry=registry, tags__isnull=False).distinct()
    progress.update(task, total=tagged.count())

    def judged() -> bool:
        done = tagged.filter(verdict__isnull=False).count()
        progress.update(task, completed=done)
        return done >= tagged.count()

    _wait(judged, "verdict on every image")


def _walked_at(registry: Registry):
    return Registry.objects.values_list("walked_at", flat=True).get(pk=registry.pk)


def _wait(reached: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not reached():
        if time.monotonic() > deadline:
            raise DemoError(f"No {what} within {PATIENCE_SECONDS} seconds: see the worker's lines.")
        time.sleep(0.2)


def verdicts(registry: Registry) -> Table:
    """A row per image: what it is called, how it fares, and why."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("image", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for severity in ("critical", "high", "medium", "low"):
        table.add_column(severity, justify="right", no_wrap=True)
    table.add_column("reason", no_wrap=True)
    for verdict in _verdicts(registry):
        state = f"[{COLOURS[verdict.state]}]{verdict.state}[/]"
        counts = (verdict.critical, verdict.high, verdict.medium, verdict.low)
        unverified = verdict.state == ImageVerdict.State.UNVERIFIED
        shown = ("–" if unverified else str(count) for count in counts)
        table.add_row(_name(verdict.image), state, *shown, verdict.reason)
    return table


def _verdicts(registry: Registry) -> QuerySet[ImageVerdict]:
    return (
        ImageVerdict.objects.filter(image__registry=registry)
        .select_related("image")
        .prefetch_related("image__tags__repository", "image__placements__repository")
        .order_by("-critical", "-high", "-medium", "-low", "state", "image_id")
    )


def _name(image: Image) -> str:
    """`repository:tag`, or the digest where the tag has moved on."""
    if tags := image.tags.all():
        return ", ".join(f"{tag.repository}:{tag}" for tag in tags)
    (placement, *_) = image.placements.all()
    return f"{placement.repository}@{image.digest[:15]}"


def _logins(folder: Path) -> list[str]:
    """How to log in, as far as the passwords are still the first ones."""
    people = {
        ADMIN: password_file(settings.DATA_DIR),
        "owner": folder / "password",
        "analyst": folder / "password",
    }
    lines = []
    for name, path in people.items():
        user = get_user_model().objects.filter(username=name).first()
        password = path.read_text() if path.exists() else ""
        if user and password and user.check_password(password):
            lines.append(f"  {name:<8} {password}")
    return lines


def main() -> int:
    console, folder = Console(), (settings.DATA_DIR / "demo").resolve()
    try:
        registry = load(folder, console)
    except DemoError as error:
        console.print(error, style="red")
        return 1
    console.print(verdicts(registry))
    console.print(f"Look at http://{settings.HOST}:{settings.PORT}/ and log in:")
    console.print(*_logins(folder), sep="\n", highlight=False, markup=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
