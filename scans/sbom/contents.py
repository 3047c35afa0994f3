"""What an SBOM tells of an image, whatever the format."""

from dataclasses import dataclass
from hashlib import blake2b
from uuid import NAMESPACE_URL, UUID, uuid5

TOOL = "vigie"


@dataclass(frozen=True)
class Place:
    """The file that told of a package, relative to the root, and the layer that brought it."""

    path: str
    layer: str


@dataclass(frozen=True)
class Item:
    """A package, with every place where it stands."""

    type: str
    ecosystem: str
    name: str
    version: str
    architecture: str
    source_name: str
    source_version: str
    purl: str
    module: str
    places: tuple[Place, ...]

    @property
    def reference(self) -> str:
        """The same for the same package, and another for any other."""
        told = (
            self.type, self.ecosystem, self.name, self.version, self.architecture,
            self.source_name, self.source_version, self.purl, self.module,
        )  # fmt: skip
        return blake2b("\0".join(told).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True)
class Subject:
    """The image: `name` is where it stands, with the registry and without tag and digest."""

    digest: str
    name: str
    tags: tuple[str, ...] = ()
    architecture: str = ""
    distro_id: str = ""
    distro_version: str = ""
    distro_name: str = ""

    @property
    def serial_number(self) -> UUID:
        """Of the SBOM: the same image has the same."""
        return uuid5(NAMESPACE_URL, f"{TOOL}:{self.name}@{self.digest}")


@dataclass(frozen=True)
class Contents:
    """`unread` files may tell of packages that are not among the items."""

    subject: Subject
    items: tuple[Item, ...]
    unread: int = 0
