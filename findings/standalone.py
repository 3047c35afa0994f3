"""One image judged on its own, with no database: the whole way through the core in one file.

Find the image, read its layers, stack them, and match the packages that survive with advisories.
`manage.py scan` prints what comes out.
"""

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

from findings.feeds import MalformedRecord, NotAdvisories, eol, osv
from findings.feeds.sources import open_source
from findings.matching import Judgement, Match, match
from findings.severity import LOW, UNKNOWN
from findings.versions import family
from registries.oci.errors import BadContent
from registries.oci.manifest import (
    Descriptor,
    ImageConfig,
    Index,
    Manifest,
    Platform,
    parse_manifest,
)
from registries.providers import Source, read_config
from scans.coalesce import Placed, UnreadFile, stack
from scans.osrelease import Distro
from scans.sandbox import read_layer
from scans.support import Unsupported, after_stacking, before_reading

DEFAULT_PLATFORM = Platform("linux", "amd64")
_MAX_INDEX_DEPTH = 3

# Called with a few words on what is being done.
Progress = Callable[[str], None]


@dataclass
class Examination:
    """What is known of one image. `verdict` is healthy, unhealthy or unverified; the last has a
    `reason` (a code of `scans.support.Reason` or of `findings.verdicts.DOUBTS`) and a `detail` of a
    line for each that holds. An unhealthy one has them too, where not all of it is known.
    """

    digest: str
    platform: Platform
    layers: tuple[str, ...] = ()
    distro: Distro | None = None
    packages: tuple[Placed, ...] = ()
    matches: tuple[Match, ...] = ()
    unknown_versions: tuple[Placed, ...] = ()
    # Ecosystems in the image that no advisory loaded speaks of; "" is an unknown distribution.
    not_judged: tuple[str, ...] = ()
    # Programs that no package brought and no advisory speaks of.
    programs_not_judged: tuple[str, ...] = ()
    # Packages that an advisory names in a range that cannot be compared.
    unknown_ranges: tuple[Placed, ...] = ()
    # Findings of kernel packages, which do not count.
    kernel: int = 0
    unreadable_records: int = 0
    # Files that tell of packages and could not be read.
    unread: tuple[UnreadFile, ...] = ()
    # The last day on which its distribution got security fixes, once that is past.
    end_of_life: date | None = None
    verdict: str = "unverified"
    reason: str = ""
    detail: str = ""

    @property
    def complete(self) -> bool:
        """Whether all that stands in the image could be judged."""
        return self.verdict != "unverified" and not self.reason

    def reaches(self, severity: int) -> bool:
        """Whether some finding is this bad. One of unknown severity counts as low, as outside."""
        return any(max(found.severity, LOW) >= severity for found in self.matches)

    @property
    def unrated(self) -> int:
        return sum(found.severity == UNKNOWN for found in self.matches)


@dataclass
class _Advisories:
    """The records of a feed that may concern some ecosystems, and what they speak of."""

    location: str
    ecosystems: frozenset[str]
    spoken: set[str] = field(default_factory=set)
    unreadable: int = 0

    def __iter__(self) -> Iterator[osv.Record]:
        for location in self._locations():
            with open_source(location) as source:
                for _, raw in source:
                    yield from self._record(raw)

    def _locations(self) -> Sequence[str]:
        """Of a folder of dumps, those of the ecosystems; anything else whole."""
        dumps = sorted(Path(self.location).glob("*/all.zip"))
        families = {family(ecosystem) for ecosystem in self.ecosystems}
        wanted = [str(dump) for dump in dumps if family(dump.parent.name) in families]
        return wanted if dumps else [self.location]

    def _record(self, raw: bytes) -> Iterator[osv.Record]:
        try:
            record = osv.parse(raw)
        except MalformedRecord:
            self.unreadable += 1
            return
        self.spoken.update(a.ecosystem for a in record.affected if not a.unreadable)
        yield record


def examine(
    source: Source,
    repository: str,
    reference: str,
    advisories: str,
    platform: Platform | None = None,
    progress: Progress = lambda words: None,
    *,
    strict: bool = False,
) -> Examination:
    """Judge one image of an open registry by the advisories at a location `open_source` knows.

    `strict` is the sandbox's. Raises RegistryError where the image, FeedError where the advisories
    and SandboxUnavailable where no image can be read. An image that can be read but not judged is
    no error: it is unverified.
    """
    progress("looking for the image")
    manifest = _manifest(source, repository, reference, platform)
    config = read_config(source, repository, manifest)
    image = Examination(manifest.digest, config.platform)
    try:
        _read(image, source, repository, manifest, config, progress, strict)
    except Unsupported as error:
        image.reason, image.detail = error.reason, str(error)
        return image
    progress("matching with advisories")
    _judge(image, advisories)
    return image


def _manifest(
    source: Source, repository: str, reference: str, platform: Platform | None
) -> Manifest:
    """The manifest meant; of an index the one for the platform."""
    for _ in range(_MAX_INDEX_DEPTH):
        body, media_type, digest = source.manifest(repository, reference)
        found = parse_manifest(body, media_type, digest)
        if isinstance(found, Manifest):
            return found
        reference = _of_platform(found, platform).digest
    raise BadContent(f"An index of indexes, more than {_MAX_INDEX_DEPTH} deep, is refused.")


def _of_platform(index: Index, platform: Platform | None) -> Descriptor:
    wanted = platform or DEFAULT_PLATFORM
    for entry in index.images:
        if entry.platform and _fits(entry.platform, wanted):
            return entry
    if index.images and platform is None:
        return index.images[0]
    offered = ", ".join(name_of(entry.platform) for entry in index.images if entry.platform)
    raise BadContent(f"The index has no image for {name_of(wanted)}; it has {offered or 'none'}.")


def _fits(offered: Platform, wanted: Platform) -> bool:
    same = (offered.os, offered.architecture) == (wanted.os, wanted.architecture)
    return same and wanted.variant in ("", offered.variant)


def parse_platform(text: str) -> Platform:
    """ "linux/arm64" or "linux/arm/v7"; raises ValueError."""
    parts = text.split("/")
    if len(parts) not in (2, 3) or not all(parts):
        raise ValueError(f"{text!r} is not a platform; write it like linux/amd64 or linux/arm/v7.")
    return Platform(*parts)


def name_of(platform: Platform) -> str:
    parts = (platform.os, platform.architecture, platform.variant)
    return "/".join(part for part in parts if part)


def _read(
    image: Examination,
    source: Source,
    repository: str,
    manifest: Manifest,
    config: ImageConfig,
    progress: Progress,
    strict: bool,
) -> None:
    """Read the layers, the lowest first, and stack what they hold."""
    before_reading(manifest, config)
    image.layers = tuple(layer.digest for layer in manifest.layers)
    records = []
    for number, layer in enumerate(manifest.layers, 1):
        progress(f"reading layer {number} of {len(manifest.layers)}")
        blob = partial(source.blob, repository, layer)
        records.append(read_layer(blob, layer.media_type, strict=strict))
    stacked = stack(records)
    image.distro, image.packages = stacked.distro, stacked.packages
    image.unread = stacked.unread
    after_stacking(stacked)


def _judge(image: Examination, location: str) -> None:
    ecosystems = frozenset(package.ecosystem for package in image.packages)
    advisories = _Advisories(location, ecosystems)
    found: Judgement = match(image.packages, advisories)
    if advisories.unreadable and not advisories.spoken:
        raise NotAdvisories(f"{location} holds no OSV record that can be read.")
    image.matches = tuple(match for match in found.matches if not match.kernel)
    image.kernel = len(found.matches) - len(image.matches)
    image.unknown_versions = tuple(image.packages[index] for index in found.unknown)
    image.unknown_ranges = tuple(image.packages[index] for index in found.uncertain)
    _name_not_judged(image, advisories.spoken)
    image.unreadable_records = advisories.unreadable
    image.end_of_life = _ended(image.distro) if image.distro else None
    _decide(image)


def _name_not_judged(image: Examination, spoken: Set[str]) -> None:
    left = [package for package in image.packages if package.ecosystem not in spoken]
    programs = {each.name for each in left if each.type == "binary" and not each.ecosystem}
    others = {each.ecosystem for each in left if each.type != "binary" or each.ecosystem}
    image.programs_not_judged, image.not_judged = tuple(sorted(programs)), tuple(sorted(others))


def _decide(image: Examination) -> None:
    """As `findings.verdicts` decides: what was found counts first, then what is not known."""
    doubts = list(_doubts(image))
    image.verdict = "unhealthy" if image.matches else "unverified" if doubts else "healthy"
    image.reason = doubts[0][0] if doubts else ""
    image.detail = "\n".join(sentence for _, sentence in doubts)


def _doubts(image: Examination) -> Iterator[tuple[str, str]]:
    """What keeps it from being healthy, the gravest first: the reason, and a sentence."""
    if image.not_judged:
        names = ", ".join(name or "an unknown distribution" for name in image.not_judged)
        yield "not-judged", f"Read, but not judged: no advisory was loaded for {names}."
    if image.programs_not_judged:
        names = ", ".join(image.programs_not_judged)
        yield (
            "not-judged",
            f"Read, but not judged: programs that no package brought ({names}), of which no "
            "advisory speaks. Install them as packages.",
        )
    if image.end_of_life and image.distro:
        yield (
            "end-of-life",
            f"Security fixes for {image.distro.name or image.distro.id} ended on "
            f"{image.end_of_life:%-d %B %Y}: what became known since is not fixed, and may not be "
            "told here. Build on a release that still gets them.",
        )
    if image.unread:
        first = image.unread[0]
        yield (
            "partly-read",
            f"{_many(image.unread, 'file that tells', 'files that tell')} of packages could not be "
            f"read, first /{first.path.lstrip('/')}: {first.sentence}",
        )
    if image.unknown_versions:
        packages = _many(image.unknown_versions, "package has", "packages have")
        yield "unknown-version", f"{packages} a version that cannot be compared; not judged."
    if image.unknown_ranges:
        packages = _many(image.unknown_ranges, "package is", "packages are")
        yield (
            "unknown-range",
            f"{packages} named by an advisory in a range that cannot be compared: affected or not "
            "is not known.",
        )


def _many(things: Sequence[object], one: str, more: str) -> str:
    return f"{len(things)} {one if len(things) == 1 else more}"


def _ended(distro: Distro) -> date | None:
    """The last day of its release, once that is past: by our own list, as there is no database."""
    releases = eol.parse(eol.SHIPPED.read_bytes()).releases
    ends = eol.end_of(releases, distro.id, distro.version_id, distro.name)
    return ends if ends and ends < today() else None


def today() -> date:
    return datetime.now(UTC).date()
