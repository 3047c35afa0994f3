"""What to do about a finding: a sentence, and a command to paste into a Dockerfile or a shell.

Names, versions and paths come out of images and advisories, so a command is only made of ones a
package manager would take for a name and a version. Anything else could be a URL, an alias or an
option: "npm install left@npm:right", "pip install -r …".
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from shlex import quote

_REBUILD = "Then build the image again and push it: an image is replaced, never patched in place."
_NEWER_BASE = "A newer base image often brings it: build with --pull and without the build cache."

_NAMES = {
    "npm": re.compile(r"(@[A-Za-z0-9_~][A-Za-z0-9._~-]*/)?[A-Za-z0-9_~][A-Za-z0-9._~-]*"),
    "go-module": re.compile(r"[A-Za-z0-9][A-Za-z0-9._~/-]*"),
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_VERSION = re.compile(r"([0-9]+[:!])?[A-Za-z0-9][A-Za-z0-9._+~^-]*")
_PATH = re.compile(r"/?([A-Za-z0-9@_.+~-]+/)*[A-Za-z0-9@_.+~-]+")
_SITE_PACKAGES = re.compile(r"(/?.*)/lib(?:64)?/python[0-9.]+/(?:site|dist)-packages/.*")


@dataclass(frozen=True)
class Remediation:
    """`command` is for a shell, `dockerfile` the line that does the same in a build; each is ""
    where there is none to give."""

    sentence: str
    command: str
    dockerfile: str
    rebuild: str


@dataclass(frozen=True)
class _Affected:
    name: str
    source_name: str
    fixed: str
    path: str


def remediate(
    type: str, name: str, source_name: str, fixed_version: str, path: str = ""
) -> Remediation:
    """The advice for one package; `path` is the file in the image that told of it, if known."""
    if not fixed_version:
        return Remediation(
            f"No fixed version is published yet; remove {name} if the image can do without it, or "
            "keep watching: the finding tells when a fix appears.",
            "",
            "",
            "",
        )
    affected = _Affected(name, source_name, fixed_version, f"/{path.lstrip('/')}" if path else "")
    rebuild = f"{_NEWER_BASE} {_REBUILD}" if type in ("deb", "apk", "rpm") else _REBUILD
    command = _command(type, affected)
    return Remediation(_sentence(type, affected), command, _dockerfile(type, command), rebuild)


def _sentence(type: str, affected: _Affected) -> str:
    name, source, fixed = affected.name, affected.source_name, affected.fixed
    if type == "deb" and source and source != name:
        # Debian's advisories give the version of the source; a binary may carry another.
        return f"Upgrade {name} to a build of {source} {fixed} or later."
    if type == "npm" and (owner := _owner(affected.path)):
        return f"Upgrade {name} to {fixed} or later; here it is a dependency of {owner}."
    return f"Upgrade {name} to {fixed} or later."


def _command(type: str, affected: _Affected) -> str:
    make = _COMMANDS.get(type)
    plain = _NAMES.get(type, _NAME).fullmatch(affected.name) and _VERSION.fullmatch(affected.fixed)
    return make(affected) if make and plain else ""


def _dockerfile(type: str, command: str) -> str:
    """The same as an instruction, which leaves no index and no download behind in its layer."""
    if type not in _TIDY or not command:
        return ""
    sparing = command.replace("pip install ", "pip install --no-cache-dir ", 1)
    return f"RUN {sparing}{_TIDY[type]}"


_TIDY = {
    "deb": " && rm -rf /var/lib/apt/lists/*",
    "apk": "",
    "rpm": " && dnf clean all",
    "python": "",
    "npm": " && npm cache clean --force",
}


def _apt(affected: _Affected) -> str:
    # Without "=version": the archive keeps only the newest, which is not older than the fix.
    return f"apt-get update && apt-get install --only-upgrade --yes {quote(affected.name)}"


def _apk(affected: _Affected) -> str:
    return f"apk add --no-cache --upgrade {quote(f'{affected.name}>={affected.fixed}')}"


def _dnf(affected: _Affected) -> str:
    return f"dnf upgrade --refresh --assumeyes {quote(affected.name)}"


def _pip(affected: _Affected) -> str:
    """With the Python whose packages these are, where the path tells."""
    found = _SITE_PACKAGES.fullmatch(affected.path)
    known = found and _PATH.fullmatch(found[1]) and found[1] not in ("", "/usr")
    pip = f"{quote(found[1])}/bin/python -m pip" if found and known else "pip"
    return f"{pip} install {quote(f'{affected.name}>={affected.fixed}')}"


def _npm(affected: _Affected) -> str:
    """In the project, or the global tree; what depends on the package decides for a nested one."""
    wanted = quote(f"{affected.name}@{affected.fixed}")
    root, found, _ = affected.path.partition("/node_modules/")
    if not found or not _PATH.fullmatch(root or "/"):
        return f"npm install {wanted}"
    owner = _owner(affected.path)
    if root.endswith("/lib"):
        if not owner:
            return f"npm install --global {wanted}"
        return f"npm install --global {quote(f'{owner}@latest')}" if _is_npm(owner) else ""
    action = f"npm update {quote(affected.name)}" if owner else f"npm install {wanted}"
    return f"cd {quote(root)} && {action}" if root else action


def _go(affected: _Affected) -> str:
    wanted = f"{affected.name}@v{affected.fixed.removeprefix('v')}"
    return f"go get {quote(wanted)} && go mod tidy"


def _owner(path: str) -> str:
    """The outermost package of nested node_modules folders; "" where the package stands alone."""
    _, *folders = path.split("/node_modules/")
    if len(folders) < 2:
        return ""
    parts = folders[0].split("/")
    return "/".join(parts[: 2 if parts[0].startswith("@") else 1])


def _is_npm(name: str) -> bool:
    return bool(_NAMES["npm"].fullmatch(name))


_COMMANDS: dict[str, Callable[[_Affected], str]] = {
    "deb": _apt,
    "apk": _apk,
    "rpm": _dnf,
    "python": _pip,
    "npm": _npm,
    "go-module": _go,
}
