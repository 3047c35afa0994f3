"""Stack layer records: which packages survive, and which layer brought each.

Source of the rules: the OCI image specification, layer.md ("Applying Changesets").
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from posixpath import dirname, normpath

from packageurl import PackageURL

from scans import osrelease
from scans.catalogers import DISTRIBUTION_TYPES, Component
from scans.layers import LayerRecord
from scans.layers.record import Content, Problem
from scans.osrelease import Distro
from scans.support import Reason, Unsupported

_MAX_HOPS = 40  # links followed for one path, as in Linux
_MAX_PURL = 1000  # characters
_MAX_PACKAGES = 300_000  # of one image
_MAX_REMEMBERED = 128 * 1024 * 1024  # characters of the paths of one image's files and links
_OVERHEAD = 100  # that a path in memory costs beside its text
_MAX_PATH = 2048  # bytes; longer ones no index of the database holds

# What advisories call the ecosystems of language packages.
_LANGUAGES = {
    "python": "PyPI",
    "npm": "npm",
    "go-module": "Go",
    "maven": "Maven",
    "cargo": "crates.io",
    "gem": "RubyGems",
    "composer": "Packagist",
    "dotnet": "NuGet",
}
# The programs that the records of Bitnami name; what others advise on, no feed speaks of.
_BITNAMI = frozenset(
    {
        "apache",
        "haproxy",
        "java",
        "mariadb",
        "memcached",
        "nginx",
        "node",
        "php",
        "postgresql",
        "python",
        "redis",
        "ruby",
        "valkey",
    }
)
# Where a package URL's type is another than ours, and where its namespace is part of our name.
_PURL_TYPES = {"python": "pypi", "go-module": "golang", "dotnet": "nuget", "binary": "generic"}
_NAMESPACE_ENDS = {"npm": "/", "go-module": "/", "composer": "/", "maven": ":"}


@dataclass(frozen=True, slots=True)
class Placed:
    """A package in an image: the file that names it, and the index of the layer that brought it.
    The path goes on inside an archive after "!/"."""

    type: str
    name: str
    version: str
    architecture: str
    source_name: str
    source_version: str
    ecosystem: str
    purl: str
    path: str
    layer: int
    module: str = ""


@dataclass(frozen=True)
class UnreadFile:
    """A file that stands in the image and could not be read, or not wholly."""

    path: str
    layer: int
    reason: Reason
    sentence: str


@dataclass(frozen=True)
class Stack:
    """`owned` counts the language packages that are left out because a distribution's package
    brought their files."""

    distro: Distro | None
    packages: tuple[Placed, ...]
    unread: tuple[UnreadFile, ...] = ()
    owned: int = 0


def stack(records: Iterable[LayerRecord]) -> Stack:
    """The image that these layers make, the lowest first.

    A distribution's package belongs to the lowest layer of the unbroken run in which its database
    named it in this version; another package to the layer that its file is from. Raises Unsupported
    for an image that holds more than any real one, at the layer with which it does.
    """
    view = _View()
    for number, record in enumerate(records):
        view.apply(number, record)
        view.check_size()
    distro = view.distro()
    return Stack(
        distro,
        tuple(_placed(view.files, distro)),
        tuple(_unread(view.files)),
        sum(len(file.layers) for file in view.files.values() if file.owner),
    )


@dataclass
class _File:
    content: Content
    layers: Mapping[Component, int]  # what each package was brought by
    layer: int  # that the file is from
    problem: Problem | None
    owner: str  # the distribution's package that brought it, or ""


@dataclass
class _View:
    """The merged file system, as far as the records tell. Keys are real paths: links resolved."""

    files: dict[str, _File] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def apply(self, number: int, record: LayerRecord) -> None:
        """Removals first: they never concern what the same layer adds."""
        bare = frozenset(record.bare)
        self._remove(gone={self._place(path, bare) for path in record.whiteouts})
        self._remove(emptied={self._place(f"{path}/.", bare)[:-2] for path in record.opaques})
        hidden = {self._place(path, bare) for path in record.hidden}
        links = {self._place(path, bare): target for path, target in record.links.items()}
        self._remove(gone=hidden | links.keys())
        self.links.update(links)
        places = {self._place(path, bare): path for path in record.files}
        self._remove(emptied=places.keys())
        for place, path in places.items():
            self._put(number, place, path, record)

    def check_size(self) -> None:
        packages = sum(len(file.layers) for file in self.files.values())
        if packages > _MAX_PACKAGES:
            raise _too_large(f"more than {_MAX_PACKAGES:,} packages")
        paths = sum(map(len, (*self.files, *self.links, *self.links.values())))
        if paths + _OVERHEAD * (len(self.files) + len(self.links)) > _MAX_REMEMBERED:
            raise _too_large("more package files and links than can be remembered")

    def distro(self) -> Distro | None:
        for path in osrelease.PATHS:
            file = self.files.get(self._followed(path))
            found = file.content if file else None
            if isinstance(found, Distro) and (found.id or found.name):
                return found
        return None

    def _put(self, number: int, place: str, path: str, record: LayerRecord) -> None:
        """A file that a layer only copied, to change its owner or mode, stays the package's."""
        content = record.files[path]
        old = self.files.get(place)
        before = old.layers if old else {}
        components = () if isinstance(content, Distro) else content
        layers = {
            component: before.get(component, number)
            if component.type in DISTRIBUTION_TYPES
            else number
            for component in components
        }
        unchanged = old is not None and old.content == content
        owner = record.owned.get(path, "") or (old.owner if old and unchanged else "")
        self.links.pop(place, None)
        for folder in _above(place):
            self.files.pop(folder, None)
        self.files[place] = _File(content, layers, number, record.problems.get(path), owner)

    def _remove(self, gone: Collection[str] = (), emptied: Collection[str] = ()) -> None:
        """Forget these paths and all below them, and all below the emptied ones."""
        if gone or emptied:
            known: dict[str, _File] | dict[str, str]
            for known in (self.files, self.links):
                for path in [path for path in known if _is_removed(path, gone, emptied)]:
                    del known[path]

    def _place(self, path: str, bare: Collection[str]) -> str:
        """Where a path of a layer comes to lie: the links above it are followed, or, where the
        layer has an entry for the folder itself, give way to it."""
        if self.links:
            for folder in _above(path):
                if folder in self.links:
                    if folder in bare:
                        return self._followed(path, last=False)
                    del self.links[folder]
        return path

    def _followed(self, path: str, last: bool = True) -> str:
        """The path with links followed; as it is where they lead in a circle."""
        real = path
        for _ in range(_MAX_HOPS):
            steps = (*_above(real), real) if last else _above(real)
            link = next((step for step in steps if step in self.links), None)
            if link is None:
                return real
            real = (_joined(dirname(link), self.links[link]) + real[len(link) :]).lstrip("/")
            if len(real.encode()) > _MAX_PATH:
                raise _too_large(f"links that lead to a path of more than {_MAX_PATH:,} bytes")
        return path


def _too_large(what: str) -> Unsupported:
    return Unsupported(
        Reason.TOO_LARGE,
        f"The image holds {what}; split it, or remove what is not needed in it.",
    )


def _is_removed(path: str, gone: Collection[str], emptied: Collection[str]) -> bool:
    return path in gone or any(
        folder in gone or folder in emptied for folder in (*_above(path), "")
    )


def _above(path: str) -> Iterator[str]:
    """The folders a path lies in, the outermost first."""
    at = path.find("/")
    while at >= 0:
        yield path[:at]
        at = path.find("/", at + 1)


def _joined(folder: str, target: str) -> str:
    """Where a link leads; no link leads out of the image."""
    return normpath(f"/{folder}/{target}" if not target.startswith("/") else target).lstrip("/")


def _placed(files: Mapping[str, _File], distro: Distro | None) -> Iterable[Placed]:
    for path, file in sorted(files.items()):
        for component, layer in () if file.owner else file.layers.items():
            own = _own_distro(component, distro)
            yield Placed(
                type=component.type,
                name=component.name,
                version=component.version,
                architecture=component.architecture,
                source_name=component.source_name,
                source_version=component.source_version,
                ecosystem=_ecosystem(component, own),
                purl=package_url(component, own),
                path=f"{path}!/{component.inside}" if component.inside else path,
                layer=layer,
                module=component.module,
            )


def _ecosystem(component: Component, own: Distro | None) -> str:
    if component.type == "binary":
        return "Bitnami" if component.name in _BITNAMI else ""
    return _LANGUAGES.get(component.type, own.ecosystem if own else "")


def _unread(files: Mapping[str, _File]) -> Iterator[UnreadFile]:
    for path, file in sorted(files.items()):
        if file.problem and not file.owner:
            yield UnreadFile(path, file.layer, file.problem.reason, file.problem.sentence)


def _own_distro(component: Component, distro: Distro | None) -> Distro | None:
    """The distribution, if the package is of the kind it is made of: a dpkg database in an Alpine
    image is not Alpine's."""
    return distro if distro and distro.package_type == component.type else None


@lru_cache(maxsize=50_000)  # images share most of their packages
def package_url(component: Component, distro: Distro | None) -> str:
    """The package URL (purl specification), or "" where none can be made or stored."""
    namespace, name = "", component.name
    qualifiers = {}
    if component.type in DISTRIBUTION_TYPES:
        namespace = distro.id if distro else ""
        qualifiers = {"arch": component.architecture, "distro": _release(distro)}
    elif separator := _NAMESPACE_ENDS.get(component.type):
        namespace, _, name = name.rpartition(separator)
    try:
        purl = PackageURL(
            _PURL_TYPES.get(component.type, component.type),
            namespace or None,
            name,
            component.version,
            {key: value for key, value in qualifiers.items() if value},
        ).to_string()
    except (ValueError, TypeError):  # of a name like "@scope/" or "@scope/ "
        return ""
    return purl if len(purl) <= _MAX_PURL else ""


def _release(distro: Distro | None) -> str:
    return f"{distro.id}-{distro.version_id}" if distro and distro.version_id else ""
