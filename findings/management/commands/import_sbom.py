"""`manage.py import_sbom FILE --repository R --registry NAME`: an SBOM in place of an image."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError

from findings.evaluation import evaluate
from registries.models import Registry, Subscription
from scans.importing import Refused, import_sbom
from scans.sbom.reading import MAX_BYTES


class Command(BaseCommand):
    help = (
        "Store an SBOM (CycloneDX in JSON or XML, SPDX in JSON) like an image that was scanned, in "
        "a registry of the kind Imported SBOMs, and judge it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--registry", required=True, help="its name; made if there is none")
        parser.add_argument("--repository", required=True, help="such as team/app")
        parser.add_argument("--tag", default="")
        parser.add_argument("--subscription", help="name or id, where there are several")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with options["file"].open("rb") as file:
                body = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from None
        registry = _registry(options["registry"], _subscription(options["subscription"]))
        try:
            image = import_sbom(registry, options["repository"], body, options["tag"])
        except Refused as error:
            raise CommandError(str(error)) from None
        evaluate()
        self.stdout.write(f"{registry.name}/{options['repository']}@{image.digest}")


def _subscription(text: str | None) -> Subscription:
    found = [
        subscription
        for subscription in Subscription.objects.all()
        if not text or text in (str(subscription.pk), subscription.display_name)
    ]
    if len(found) != 1:
        names = ", ".join(subscription.display_name for subscription in found)
        raise CommandError(
            f"Say which subscription is meant with --subscription: {names}."
            if found
            else f"There is no subscription {text or 'yet'}."
        )
    return found[0]


def _registry(name: str, subscription: Subscription) -> Registry:
    known = subscription.registries.filter(name__iexact=name)
    if registry := known.filter(kind=Registry.Kind.SBOM).first() or known.first():
        return registry
    try:
        return Registry.objects.create(
            subscription=subscription, name=name, kind=Registry.Kind.SBOM, location="sbom:"
        )
    except IntegrityError:  # made by someone else just now
        return known.get(kind=Registry.Kind.SBOM)
