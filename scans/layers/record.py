"""What is kept of a layer: enough to stack it under or over any other without reading it again."""

from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, field
from typing import Any

from scans.catalogers import Component
from scans.osrelease import Distro
from scans.support import Reason

# What a wanted file says: the packages of a database, or the distribution of an os-release.
Content = tuple[Component, ...] | Distro


@dataclass(frozen=True)
class Problem:
    """Why a file that tells of packages could not be read, or not wholly."""

    reason: Reason
    sentence: str


@dataclass(frozen=True)
class LayerRecord:
    """Paths are relative to the root, as the layer spells them; stacking resolves links.

    `files`     wanted files and what they say
    `problems`  those of them that could not be read, or not wholly: who has one is not healthy
    `owned`     those of them that a distribution's package brought, and which
    `links`     symbolic links that stacking may have to follow, with their targets
    `hidden`    other non-folders that may hide what lower layers have below the same path
    `whiteouts` paths removed from lower layers
    `opaques`   folders of which lower layers show nothing
    `bare`      folders above the wanted files that have no entry of their own: where a lower layer
                has a link in such a place, it is followed; a folder's own entry would replace it
    `unread`    files that wanted hard links lead to and that were passed by before they were known
                to be wanted: read the layer again with `also_read` of these
    """

    entries: int = 0
    bytes: int = 0
    diff_id: str = ""
    files: Mapping[str, Content] = field(default_factory=dict)
    problems: Mapping[str, Problem] = field(default_factory=dict)
    owned: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()
    whiteouts: tuple[str, ...] = ()
    opaques: tuple[str, ...] = ()
    bare: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values, without what is empty: most layers have little to say."""
        plain = {key: value for key, value in vars(self).items() if value}
        for key in _LISTS & plain.keys():
            plain[key] = list(plain[key])
        if self.files:
            plain["files"] = {path: _to_json(content) for path, content in self.files.items()}
        if self.problems:
            plain["problems"] = {path: asdict(each) for path, each in self.problems.items()}
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "LayerRecord":
        values = dict(plain)
        for key in _LISTS & values.keys():
            values[key] = tuple(values[key])
        if files := values.get("files"):
            values["files"] = {path: _from_json(content) for path, content in files.items()}
        if problems := values.get("problems"):
            values["problems"] = {
                path: Problem(Reason(each["reason"]), each["sentence"])
                for path, each in problems.items()
            }
        return cls(**values)


_LISTS = frozenset({"hidden", "whiteouts", "opaques", "bare", "unread"})


def _to_json(content: Content) -> list[list[str]] | dict[str, str]:
    if isinstance(content, Distro):
        return asdict(content)
    return [_row(component) for component in content]


def _row(component: Component) -> list[str]:
    """The fields in order, without the empty ones at the end."""
    row = list(astuple(component))
    while row and not row[-1]:
        row.pop()
    return row


def _from_json(content: list[list[str]] | dict[str, str]) -> Content:
    if isinstance(content, dict):
        return Distro(**content)
    return tuple(Component(*row) for row in content)
