"""What is known of an image and a vulnerability, as far as it explains anything."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Place:
    """The file that told of a package, the layer it came with and the instruction that made it."""

    path: str
    layer: str
    instruction: str = ""


@dataclass(frozen=True)
class Package:
    """A package of the image. It is judged by `key_name`, its source's where that is what
    advisories name; `compared` is the version that `key` stands for."""

    id: int
    ecosystem: str
    name: str
    version: str
    key_name: str
    compared: str
    key: bytes | None
    type: str = ""
    flavour: str = ""
    source_name: str = ""
    source_version: str = ""
    places: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Range:
    """An interval of an advisory: low <= key < high."""

    advisory: str
    feed: str
    modified: datetime
    withdrawn: datetime | None
    ecosystem: str
    name: str
    low: bytes
    high: bytes | None
    introduced: str = ""
    fixed: str = ""
    last_affected: str = ""
    flavour: str = ""
    unreadable: bool = False


@dataclass(frozen=True)
class Finding:
    """An open finding; without `proof`, its match is just being judged again."""

    package: int
    severity: str
    counted: bool
    opened_at: datetime
    proof: Range | None


@dataclass(frozen=True)
class Closed:
    name: str
    version: str
    at: datetime
    cause: str


@dataclass(frozen=True)
class Owned:
    """A language package that was left out, as a package of the distribution brought its file."""

    name: str
    version: str
    path: str
    owner: str


@dataclass(frozen=True)
class Withdrawal:
    advisory: str
    feed: str
    at: datetime


@dataclass(frozen=True)
class Image:
    digest: str
    scanned: bool = True
    judged: bool = True
    # Why it could not be read: a code of `scans.support.Reason` and a sentence.
    reason: str = ""
    detail: str = ""
    distribution: str = ""
    packages: int = 0
    unread_files: int = 0


@dataclass(frozen=True)
class Facts:
    """`named` is every (ecosystem, name) that an advisory of the vulnerability speaks of;
    `packages` those of the image that bear such a name, `ranges` what is said of these names;
    `spoken` the ecosystems that some feed speaks of."""

    asked: str
    image: Image
    vulnerability: str = ""
    aliases: tuple[str, ...] = ()
    in_force: int = 0
    withdrawals: tuple[Withdrawal, ...] = ()
    named: tuple[tuple[str, str], ...] = ()
    packages: tuple[Package, ...] = ()
    ranges: tuple[Range, ...] = ()
    findings: tuple[Finding, ...] = ()
    closed: tuple[Closed, ...] = ()
    owned: tuple[Owned, ...] = ()
    spoken: tuple[str, ...] = ()
