"""`manage.py scan REFERENCE`: the findings of one image, without storing anything."""

import json
import sys
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.table import Table

from findings.commands import manager_of
from findings.exports import FORMATS, export
from findings.feeds import FeedError
from findings.matching import Match
from findings.remediation import remediate
from findings.severity import NAMES
from findings.standalone import Examination, Progress, examine, name_of, parse_platform
from findings.upgrades import Flaw, Upgrade, plan
from registries.oci.auth import Credentials
from registries.oci.errors import RegistryError
from registries.oci.reference import parse_reference
from registries.providers import PROVIDERS
from registries.providers.locating import Located, locate
from scans.coalesce import Placed
from scans.sandbox import SandboxUnavailable

THRESHOLDS = NAMES[1:]
REACHED, FAILED = 1, 2
MOST_UNREAD = 20
_LOCAL = ("oci:", "docker-archive:")
_COLOURS = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "cyan"}
_LONGEST_SECRET = 100_000
_MOST_ACTIONS = 10


class Command(BaseCommand):
    help = (
        "Print the findings of one image, without storing anything and without a database. "
        "Exit code 0: no finding reaches --fail-on. 1: one does. 2: an error, or, with --fail-on, "
        "an image of which something could not be judged: what is not verified passes no gate."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "reference",
            help="registry/name[:tag][@digest], oci:FOLDER[:TAG] or docker-archive:FILE",
        )
        parser.add_argument(
            "--advisories",
            metavar="LOCATION",
            help="in OSV format: a folder of ECOSYSTEM/all.zip, a zip, a folder of JSON files or "
            "the URL of a zip (default: the folder advisories in VIGIE_DATA_DIR)",
        )
        parser.add_argument("--format", choices=("table", "json", *FORMATS), default="table")
        parser.add_argument("--fail-on", choices=THRESHOLDS, metavar="|".join(THRESHOLDS))
        parser.add_argument("--platform", help="of an index, such as linux/arm64 or linux/arm/v7")
        parser.add_argument("--username")
        parser.add_argument("--password-stdin", action="store_true")
        parser.add_argument("--insecure", action="store_true", help="speak http to the registry")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            image = self._examine(options)
        except (ValueError, RegistryError, FeedError, SandboxUnavailable) as error:
            raise CommandError(shown(str(error)), returncode=FAILED) from None
        self._warn(image, options["fail_on"])
        if options["format"] == "json":
            self.stdout.write(json.dumps(as_json(image), indent=2))
        elif options["format"] in FORMATS:
            self.stdout.write(export(image, options["reference"], options["format"]).decode())
        else:
            print_table(image, options["reference"], self.stdout)
        if code := exit_code(image, options["fail_on"]):
            sys.exit(code)

    def _examine(self, options: dict[str, Any]) -> Examination:
        advisories = advisories_location(options["advisories"])
        platform = parse_platform(options["platform"]) if options["platform"] else None
        found = located(options)
        with found.source as source, progress_on(self.stderr) as progress:
            return examine(
                source,
                found.repository,
                found.reference,
                advisories,
                platform,
                progress,
                strict=settings.SANDBOX_STRICT,
            )

    def _warn(self, image: Examination, fail_on: str | None) -> None:
        for ecosystem in image.not_judged:
            name = ecosystem or (image.distro and image.distro.name) or "an unknown distribution"
            self._say(f"no advisories are loaded for {name}; its packages are not judged.")
        if image.programs_not_judged:
            names = ", ".join(image.programs_not_judged)
            self._say(f"no package brought these programs, which are not judged: {names}.")
        if image.unknown_versions:
            count = len(image.unknown_versions)
            self._say(f"{count} packages have a version that cannot be compared; not judged.")
        for file in image.unread[:MOST_UNREAD]:
            self._say(f"/{file.path} could not be read: {file.sentence}")
        if image.unreadable_records:
            self._say(f"{image.unreadable_records} advisories could not be read.")
        if fail_on and fail_on != THRESHOLDS[0] and image.unrated:
            self._say(f"{image.unrated} findings have no severity; they count as low.")

    def _say(self, sentence: str) -> None:
        self.stderr.write(shown(f"warning: {sentence}"))


@contextmanager
def progress_on(err: Any) -> Iterator[Progress]:
    """A line on a terminal that says what is being done; nothing anywhere else."""
    if not err.isatty():
        yield lambda words: None
        return
    with Console(stderr=True).status("") as status:
        yield lambda words: status.update(f"{words} …")


def advisories_location(given: str | None) -> str:
    if given:
        return given
    default = Path(settings.DATA_DIR) / "advisories"
    if not default.is_dir():
        raise ValueError(
            f"No advisories: there is no folder {default}; name one with --advisories."
        )
    return str(default)


def located(options: dict[str, Any]) -> Located:
    reference = options["reference"]
    login = credentials(options)
    if not options["insecure"] or reference.startswith(_LOCAL):
        return locate(reference, login)
    parsed = parse_reference(reference)
    source = PROVIDERS["distribution"].open(f"http://{parsed.registry}", login)
    return Located(source, parsed.repository, parsed.target)


def credentials(options: dict[str, Any]) -> Credentials | None:
    if bool(options["username"]) != options["password_stdin"]:
        raise ValueError("--username and --password-stdin go together.")
    if not options["username"]:
        return None
    return Credentials(options["username"], sys.stdin.read(_LONGEST_SECRET).rstrip("\r\n"))


def exit_code(image: Examination, fail_on: str | None) -> int:
    if fail_on is None:
        return 0
    if image.reaches(NAMES.index(fail_on)):
        return REACHED
    return 0 if image.complete else FAILED


def as_json(image: Examination) -> dict[str, Any]:
    distro = image.distro
    present = _names(image)
    return {
        "digest": image.digest,
        "platform": name_of(image.platform),
        "distro": distro and {"id": distro.id, "version": distro.version_id, "name": distro.name},
        "verdict": image.verdict,
        "reason": image.reason,
        "detail": image.detail,
        "packages": [_package(image, package) for package in image.packages],
        "findings": [
            _finding(image.packages[found.package], found, present) for found in image.matches
        ],
        "unknown_versions": [_package(image, package) for package in image.unknown_versions],
        "not_judged": list(image.not_judged),
        "programs_not_judged": list(image.programs_not_judged),
        "end_of_life": image.end_of_life and image.end_of_life.isoformat(),
        "unread_files": [
            {"path": f"/{file.path}", "reason": file.reason, "sentence": file.sentence}
            for file in image.unread
        ],
    }


def _package(image: Examination, package: Placed) -> dict[str, Any]:
    return {
        "type": package.type,
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
        "path": f"/{package.path}",
        "layer": image.layers[package.layer],
    }


def _finding(package: Placed, found: Match, present: Set[str]) -> dict[str, Any]:
    advice = remediate(
        package.type,
        package.name,
        package.source_name,
        found.fixed_version,
        package.path,
        manager_of(package.type, present),
        found.fix_state,
    )
    return {
        "id": found.vulnerability,
        "aliases": list(found.aliases),
        "advisory": found.advisory,
        "type": package.type,
        "package": package.name,
        "version": package.version,
        "path": f"/{package.path}",
        "fixed_version": found.fixed_version,
        "severity": NAMES[found.severity],
        "cvss": None if found.cvss is None else float(found.cvss),
        "summary": found.summary,
        "remediation": advice.sentence,
        "command": advice.command,
    }


def _names(image: Examination) -> Set[str]:
    return {package.name for package in image.packages}


def print_table(image: Examination, reference: str, out: Any) -> None:
    # Away from a terminal nothing is gained by lines cut to its width.
    console = Console(file=out, width=None if out.isatty() else 200, highlight=False, markup=False)
    distro = image.distro.name if image.distro else "no distribution"
    detail = " ".join(image.detail.splitlines())
    reason = f" ({image.reason}): {detail}" if image.reason else "."
    before = (
        f"{reference}  {image.digest}",
        f"{name_of(image.platform)}, {distro}, {len(image.packages)} packages",
    )
    for line in before:
        console.print(shown(line), soft_wrap=True)
    if image.matches:
        console.print(_table(image))
    console.print(shown(f"{image.verdict.capitalize()}{reason} {_counts(image)}"), soft_wrap=True)
    for line in _what_to_do(image):
        console.print(shown(line), soft_wrap=True)


def _what_to_do(image: Examination) -> Iterator[str]:
    """The upgrades that close most, and what has to wait."""
    flaws = [_flaw(image.packages[found.package], found) for found in image.matches]
    made = plan(flaws, _names(image))
    if flaws:
        yield ""
        yield "What to do"
    for upgrade in made.upgrades[:_MOST_ACTIONS]:
        yield from _action(upgrade)
    if more := made.upgrades[_MOST_ACTIONS:]:
        yield f"* {len(more)} more places, which close {sum(each.closes.total for each in more)}."
    if waiting := made.waiting.total + made.wont_fix.total:
        yield f"* Nothing available yet for {waiting}."


def _action(upgrade: Upgrade) -> Iterator[str]:
    place = f" of {upgrade.place}" if upgrade.place else ""
    yield f"* {upgrade.type} packages{place}: closes {upgrade.closes.total} ({upgrade.closes})"
    yield f"    {upgrade.command or upgrade.sentence}"


def _flaw(package: Placed, found: Match) -> Flaw:
    return Flaw(
        type=package.type,
        ecosystem=package.ecosystem,
        name=package.name,
        version=package.version,
        severity=found.severity,
        vulnerability=found.vulnerability,
        source_name=package.source_name,
        fixed=found.fixed_version,
        fix_state=found.fix_state,
        paths=(package.path,),
    )


def _table(image: Examination) -> Table:
    table = Table("Severity", "Vulnerability", "Package", "Installed", "Fixed in")
    for column in table.columns:
        column.overflow = "fold"
    # A package that stands in several places is one line.
    for severity, found_id, name, version, fixed in sorted(
        {_line(image.packages[found.package], found) for found in image.matches},
        key=lambda line: (-line[0], line[2], line[1]),
    ):
        cells = (NAMES[severity], found_id, name, version, fixed or "no fix yet")
        table.add_row(*map(shown, cells), style=_COLOURS.get(NAMES[severity]))
    return table


def _line(package: Placed, found: Match) -> tuple[int, str, str, str, str]:
    return (
        found.severity,
        found.vulnerability,
        package.name,
        package.version,
        found.fixed_version,
    )


def _counts(image: Examination) -> str:
    severities = [found.severity for found in image.matches]
    counts = ((name, severities.count(NAMES.index(name))) for name in reversed(NAMES))
    return ", ".join(f"{count} {name}" for name, count in counts if count)


def shown(text: str) -> str:
    """Without control characters: what an image calls itself must not steer a terminal."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
