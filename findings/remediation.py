"""What to do about a finding: a sentence, and a command to paste into a Dockerfile or a shell."""

from dataclasses import dataclass

from findings.commands import NO_MANAGER, Affected, command_for, npm_owner
from scans.catalogers import DISTRIBUTION_TYPES

_REBUILD = "Then build the image again and push it: an image is replaced, never patched in place."
_NEWER_BASE = "A newer base image often brings it: build with --pull and without the build cache."
_WONT_FIX = "wont-fix"


@dataclass(frozen=True)
class Remediation:
    """`command` is for a shell, `dockerfile` the line that does the same in a build; each is ""
    where there is none to give."""

    sentence: str
    command: str
    dockerfile: str
    rebuild: str


def remediate(
    type: str,
    name: str,
    source_name: str,
    fixed_version: str,
    path: str = "",
    manager: str = "",
    fix_state: str = "",
) -> Remediation:
    """The advice for one package; `path` is the file in the image that told of it, if known, and
    `manager` what upgrades packages in the image (`commands.manager_of`), if known."""
    if not fixed_version:
        return Remediation(_without_fix(name, fix_state), "", "", "")
    path = f"/{path.lstrip('/')}" if path else ""
    affected = Affected(type, name, source_name, fixed_version, path)
    rebuild = f"{_NEWER_BASE} {_REBUILD}" if type in DISTRIBUTION_TYPES else _REBUILD
    if type in DISTRIBUTION_TYPES and manager == NO_MANAGER:
        sentence = (
            f"{_sentence(affected)} The image has no package manager to do it with: build it again "
            "on a newer base."
        )
        return Remediation(sentence, "", "", rebuild)
    command = command_for(affected, manager)
    return Remediation(
        _sentence(affected),
        command.shell if command else "",
        command.dockerfile if command else "",
        rebuild,
    )


def _without_fix(name: str, fix_state: str) -> str:
    if fix_state == _WONT_FIX:
        return (
            f"The distribution will not fix it in this release; remove {name} if the image can do "
            "without it, or build on a newer release."
        )
    return (
        f"No fixed version is published yet; remove {name} if the image can do without it, or keep "
        "watching: the finding tells when a fix appears."
    )


def _sentence(affected: Affected) -> str:
    """What brings the fix, where that is not the package's own upgrade."""
    name, source, fixed = affected.name, affected.source_name, affected.fixed
    plain = f"Upgrade {name} to {fixed} or later"
    if affected.type == "deb" and source and source != name:
        # Debian's advisories give the version of the source; a binary may carry another.
        return f"Upgrade {name} to a build of {source} {fixed} or later."
    if affected.type == "npm" and (owner := npm_owner(affected.path)):
        return f"{plain}; here it is a dependency of {owner}."
    if affected.type == "go-module" and name == "stdlib":
        return f"Build the program again with Go {fixed} or later, whose standard library it has."
    if affected.type == "maven":
        return f"{plain} where the archive is built, or what brings it, and build it again."
    if affected.type == "gem" and "/specifications/default/" in affected.path:
        return f"{plain}; it comes with Ruby, so use a newer one."
    if affected.type == "binary":
        return f"{plain}; no package manager knows it, so change what puts it into the image."
    return f"{plain}."
