"""`manage.py explain IMAGE CVE`: why a vulnerability is reported for an image, or why not."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from findings.api.explaining import as_json
from findings.explain import explain
from findings.explanation import Explanation, Line
from findings.management.commands.scan import shown
from registries.lookup import named
from registries.models import Placement


class Command(BaseCommand):
    help = "Say why a vulnerability is, or is not, reported for an image that was scanned."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "image",
            help="a digest or its beginning, or REGISTRY/REPOSITORY with @DIGEST or :TAG; the "
            "registry by its name here or its host",
        )
        parser.add_argument("vulnerability", help="any of its ids, such as CVE-2024-3094")
        parser.add_argument("--format", choices=("text", "json"), default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        placement = the_image(options["image"])
        explanation = explain(placement.image, options["vulnerability"])
        if options["format"] == "json":
            self.stdout.write(json.dumps(as_json(explanation), indent=2))
            return
        for line in _text(placement, explanation):
            self.stdout.write(shown(line))


def the_image(reference: str) -> Placement:
    """The one image that is meant; raises CommandError where it is none or several."""
    try:
        found = named(reference)
    except ValueError as error:
        raise CommandError(str(error)) from None
    if not found:
        raise CommandError(
            f"No image is known as {reference}. Name it by its digest, or as REGISTRY/REPOSITORY "
            "with :TAG or @DIGEST, the way it is stored here."
        )
    if len({placement.image.digest for placement in found}) > 1:
        meant = "\n".join(shown(f"  {_named(each)}  {each.image.platform}") for each in found)
        raise CommandError(f"{reference} may mean several images; name one of them:\n{meant}")
    return found[0]


def _named(placement: Placement) -> str:
    repository = placement.repository
    return f"{repository.registry.name}/{repository.name}@{placement.image.digest}"


def _text(placement: Placement, explanation: Explanation):
    yield _named(placement)
    yield explanation.sentence
    if explanation.aliases:
        yield f"Also known as {', '.join(explanation.aliases)}."
    for line in explanation.lines:
        yield ""
        yield f"* {line.sentence}"
        yield from (f"    {fact}" for fact in _facts(line))


def _facts(line: Line):
    for place in line.places:
        layer = f" in layer {place.layer}" if place.layer else ""
        yield f"file        /{place.path}{layer}"
        if place.instruction:
            yield f"made by     {place.instruction[:200]}"
    if line.source:
        yield f"source      {line.source}"
    if line.advisory:
        modified = f", as modified on {line.modified:%Y-%m-%d %H:%M}" if line.modified else ""
        yield f"advisory    {line.advisory} of {line.feed}{modified}"
    if line.range:
        yield f"range       {line.range}"
    if line.comparison:
        yield f"comparison  {line.comparison}"
