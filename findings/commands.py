"""Command lines that upgrade packages, to paste into a shell or a Dockerfile.

Names, versions and paths come out of images and advisories, so a command is only made of ones a
package manager would take for a name and a version. Anything else could be a URL, an alias or an
option: "npm install left@npm:right", "pip install -r …".
"""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from shlex import quote

# No command of an image's own can upgrade its packages.
NO_MANAGER = "none"

# By the package that brings it, the better one first, where an image has several.
_MANAGERS = {
    "deb": {"apt": "apt"},
    "apk": {"apk-tools": "apk"},
    "rpm": {
        "dnf": "dnf", "dnf5": "dnf", "microdnf": "microdnf", "tdnf": "tdnf", "yum": "yum",
        "zypper": "zypper",
    },
}  # fmt: skip
MANAGER_PACKAGES = frozenset(name for names in _MANAGERS.values() for name in names)

_NAMES = {
    "npm": re.compile(r"(@[A-Za-z0-9_~][A-Za-z0-9._~-]*/)?[A-Za-z0-9_~][A-Za-z0-9._~-]*"),
    "go-module": re.compile(r"[A-Za-z0-9][A-Za-z0-9._~/-]*"),
    "composer": re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*"),
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_VERSION = re.compile(r"([0-9]+[:!])?[A-Za-z0-9][A-Za-z0-9._+~^-]*")
_PATH = re.compile(r"/?([A-Za-z0-9@_.+~-]+/)*[A-Za-z0-9@_.+~-]+")
_SITE_PACKAGES = re.compile(r"(/?.*)/lib(?:64)?/python[0-9.]+/(?:site|dist)-packages/.*")
_COMPOSER = re.compile(r"(/.*?)/vendor/composer/installed\.(?:json|php)")
_DEFAULT_GEM = "/specifications/default/"


@dataclass(frozen=True)
class Command:
    """`start`, the arguments and `end` in one line. In a Dockerfile `sparing` stands for `start`,
    and `tidy` comes last; without a `tidy` it is a command for a project's folder, not an image."""

    start: str
    arguments: tuple[str, ...]
    end: str = ""
    tidy: str | None = None
    sparing: str = ""

    @property
    def shell(self) -> str:
        return f"{self.start} {' '.join(map(quote, self.arguments))}{self.end}"

    @property
    def dockerfile(self) -> str:
        """The same as an instruction, which leaves no index and no download in its layer."""
        if self.tidy is None:
            return ""
        return f"RUN {replace(self, start=self.sparing or self.start).shell}{self.tidy}"


@dataclass(frozen=True)
class Affected:
    """A package to upgrade to `fixed`; `path` is absolute or ""."""

    type: str
    name: str
    source_name: str
    fixed: str
    path: str


def manager_of(type: str, present: Collection[str]) -> str:
    """The package manager of a distribution's packages, by the names of packages in the image."""
    managers = _MANAGERS.get(type, {})
    return next((managers[name] for name in managers if name in present), NO_MANAGER)


def command_for(affected: Affected, manager: str = "") -> Command | None:
    """Without a `manager`, of a distribution's package the usual one; None where there is none."""
    make = _COMMANDS.get(affected.type)
    if affected.type in _MANAGERS:
        make = _INSTALLERS.get(manager or _USUAL[affected.type])
    named = _NAMES.get(affected.type, _NAME).fullmatch(affected.name)
    plain = named and _VERSION.fullmatch(affected.fixed)
    return make(affected) if make and plain else None


def joined(commands: Iterable[Command]) -> list[Command]:
    """As few commands as do the same: those that differ in their arguments alone become one."""
    merged: dict[Command, dict[str, None]] = {}
    for command in commands:
        kind = replace(command, arguments=())
        merged.setdefault(kind, {}).update(dict.fromkeys(command.arguments))
    return [replace(kind, arguments=tuple(arguments)) for kind, arguments in merged.items()]


# --- distributions ---


def _apt(affected: Affected) -> Command:
    # Without "=version": the archive keeps only the newest, which is not older than the fix.
    return Command(
        "apt-get update && apt-get install --only-upgrade --yes",
        (affected.name,),
        tidy=" && rm -rf /var/lib/apt/lists/*",
    )


def _apk(affected: Affected) -> Command:
    wanted = f"{affected.name}>={affected.fixed}"
    return Command("apk add --no-cache --upgrade", (wanted,), tidy="")


def _rpm(start: str, tidy: str) -> Callable[[Affected], Command]:
    return lambda affected: Command(start, (affected.name,), tidy=f" && {tidy}")


_INSTALLERS: dict[str, Callable[[Affected], Command]] = {
    "apt": _apt,
    "apk": _apk,
    "dnf": _rpm("dnf upgrade --refresh --assumeyes", "dnf clean all"),
    "microdnf": _rpm("microdnf update --assumeyes", "microdnf clean all"),
    "yum": _rpm("yum update --assumeyes", "yum clean all"),
    "tdnf": _rpm("tdnf update --refresh --assumeyes", "tdnf clean all"),
    "zypper": _rpm("zypper --non-interactive update", "zypper clean --all"),
}
_USUAL = {"deb": "apt", "apk": "apk", "rpm": "dnf"}


# --- languages ---


def _pip(affected: Affected) -> Command:
    """With the Python whose packages these are, where the path tells."""
    found = _SITE_PACKAGES.fullmatch(affected.path)
    known = found and _PATH.fullmatch(found[1]) and found[1] not in ("", "/usr")
    pip = f"{quote(found[1])}/bin/python -m pip" if found and known else "pip"
    wanted = f"{affected.name}>={affected.fixed}"
    return Command(f"{pip} install", (wanted,), tidy="", sparing=f"{pip} install --no-cache-dir")


def _npm(affected: Affected) -> Command | None:
    """In the project, or the global tree; what depends on the package decides for a nested one."""
    wanted = f"{affected.name}@{affected.fixed}"
    root, found, _ = affected.path.partition("/node_modules/")
    if not found or not _PATH.fullmatch(root or "/"):
        return _of_npm("npm install", wanted)
    owner = npm_owner(affected.path)
    if root.endswith("/lib"):
        if not owner:
            return _of_npm("npm install --global", wanted)
        named = _NAMES["npm"].fullmatch(owner)
        return _of_npm("npm install --global", f"{owner}@latest") if named else None
    there = f"cd {quote(root)} && " if root else ""
    if owner:
        return _of_npm(f"{there}npm update", affected.name)
    return _of_npm(f"{there}npm install", wanted)


def _of_npm(start: str, wanted: str) -> Command:
    return Command(start, (wanted,), tidy=" && npm cache clean --force")


def npm_owner(path: str) -> str:
    """The outermost package of nested node_modules folders; "" where the package stands alone."""
    _, *folders = path.split("/node_modules/")
    if len(folders) < 2:
        return ""
    parts = folders[0].split("/")
    return "/".join(parts[: 2 if parts[0].startswith("@") else 1])


def _go(affected: Affected) -> Command | None:
    if affected.name == "stdlib":  # of the compiler: no command of a module's changes it
        return None
    wanted = f"{affected.name}@v{affected.fixed.removeprefix('v')}"
    return Command("go get", (wanted,), " && go mod tidy")


def _cargo(affected: Affected) -> Command:
    return Command(f"cargo update --precise {quote(affected.fixed)} --package", (affected.name,))


def _gem(affected: Affected) -> Command | None:
    """Of a bundle, in its project; gems that come with Ruby are upgraded with it alone."""
    if _DEFAULT_GEM in affected.path:
        return None
    if "/bundle/" in affected.path or "/bundler/" in affected.path:
        return Command("bundle update --conservative", (affected.name,))
    wanted = f"{affected.name}:{affected.fixed}"
    return Command("gem install --no-document", (wanted,), " && gem cleanup", tidy="")


def _composer(affected: Affected) -> Command:
    found = _COMPOSER.fullmatch(affected.path)
    known = found and _PATH.fullmatch(found[1])
    there = f"cd {quote(found[1])} && " if found and known else ""
    return Command(f"{there}composer update --with-dependencies", (affected.name,))


def _dotnet(affected: Affected) -> Command:
    return Command(f"dotnet add package --version {quote(affected.fixed)}", (affected.name,))


_COMMANDS: dict[str, Callable[[Affected], Command | None]] = {
    "python": _pip,
    "npm": _npm,
    "go-module": _go,
    "cargo": _cargo,
    "gem": _gem,
    "composer": _composer,
    "dotnet": _dotnet,
}
