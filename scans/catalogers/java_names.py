"""What a Java archive says it is: by pom.properties, by its manifest, and by its file's name.

Source: Maven Archiver (pom.properties), the JAR File Specification (manifest), OSGi Core 3.2.1
(bundle headers), and for bundles the default names of the Maven Bundle Plugin.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from scans.catalogers.component import UNKNOWN_VERSION
from scans.catalogers.java_groups import group_of

# Those of the archive itself; Specification-Version is of what it implements, and is asked last.
_VERSIONS = (
    "implementation-version",
    "bundle-version",
    "plugin-version",
    "specification-version",
)
_PROPERTIES = ("groupId", "artifactId", "version")
_ARTIFACT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", re.ASCII)
_GROUP = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)+", re.ASCII)
_BY_GRADLE = re.compile(r"([^#;\s]+)#([^#;\s]+);(\S+)")  # what Nebula writes for a title
_SCALA = re.compile(r"_[23](\.[0-9]+)?$")  # the Scala that an artifact was built for
_JDK = "Java Runtime Environment"  # whose own archives are no packages
_TOMCAT = "org.apache.tomcat"
# Organisations that publish nothing under their own name alone.
_NO_GROUPS = frozenset({"org.apache", "com.sun", "com.oracle", "org.eclipse", "com.ibm"})
_BEGINS = re.compile(r"[vr]?[0-9]", re.ASCII)  # how versions do
# What may go on in a version after a dash; whatever else does is the name's, or a classifier's.
_QUALIFIER = re.compile(
    r"(alpha|beta|milestone|m|rc|cr|b|snapshot|ga|final|release|sp|pre|jre|jdk|java|android|redhat"
    r"|incubating|hadoop|empty|public|r|v)[0-9]*",
    re.ASCII,
)
_MAX_TEXT = 300  # characters


@dataclass(frozen=True, slots=True)
class Coordinates:
    """As Maven has them; "" for what is not known."""

    group: str
    artifact: str
    version: str

    @property
    def name(self) -> str:
        return f"{self.group}:{self.artifact}" if self.group else self.artifact


@dataclass(frozen=True)
class Facts:
    """What stands in one archive. `poms` are of pom.properties, `paths` the group and artifact of
    each folder below META-INF/maven; `holds` says whether there is a folder in it."""

    file_name: str
    manifest: Mapping[str, str]
    poms: Collection[Coordinates]
    paths: Collection[tuple[str, str]]
    holds: Callable[[bytes], bool]


def coordinates(facts: Facts) -> Iterator[Coordinates]:
    """Of the archive itself, and of all that was shaded into it.

    A pom.properties is the archive's own where it has the archive's name, or is alone and has its
    version. Where none is, manifest and file name tell; a file name that carries a version is
    Maven's, and comes first: manifests have titles for people, and versions Maven never had.
    """
    told = _told(facts)
    own = next((pom for pom in facts.poms if told and _is_same(pom, told, facts)), None)
    if own is None and told:
        yield from _of_tomcat(told) if _is_tomcat(told, facts) else [told]
    for pom in facts.poms:
        version = pom.version or (told.version if told and pom is own else "")
        yield replace(pom, version=version or UNKNOWN_VERSION)


def properties(body: bytes) -> Coordinates | None:
    """A pom.properties, or None where it names nothing."""
    found = {}
    for line in body.decode("utf-8", "replace").splitlines():
        key, _, value = line.partition("=")
        found[key.strip()] = value.strip()
    group, artifact, version = (_given(found.get(key)) for key in _PROPERTIES)
    return Coordinates(group, artifact, version) if artifact else None


def manifest(body: bytes) -> dict[str, str]:
    """The main section, its keys in lower case. A line that begins with a blank goes on."""
    text = body.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    main = text.lstrip("\n").partition("\n\n")[0].replace("\n ", "")
    found: dict[str, str] = {}
    for line in main.split("\n"):
        key, _, value = line.partition(":")
        found.setdefault(key.lower(), _given(value))
    return found


def _given(value: str | None) -> str:
    """What was never filled in by the build was not given, nor was what is no name or version."""
    value = (value or "").strip()
    return "" if len(value) > _MAX_TEXT or "${" in value or value[:1] == "@" else value


def _is_same(pom: Coordinates, told: Coordinates, facts: Facts) -> bool:
    alone = len(facts.poms) == 1
    return pom.artifact == told.artifact or (alone and pom.version == told.version)


def _told(facts: Facts) -> Coordinates | None:
    """What manifest and file name say, or None where they give no name or no version."""
    fields = facts.manifest
    if fields.get("implementation-title") == _JDK:
        return None
    by_gradle = _BY_GRADLE.fullmatch(fields.get("implementation-title", ""))
    if by_gradle:
        fields = {**fields, "implementation-version": by_gradle[3]}
    versions = [version for key in _VERSIONS if (version := fields.get(key))]
    stem = facts.file_name.rpartition(".")[0]
    artifact, version = _split(stem, versions)
    if not version and versions:
        artifact = by_gradle[2] if by_gradle else _titled(fields, stem)
        version = versions[0]
    if not _ARTIFACT.fullmatch(artifact) or not version:
        return None
    if by_gradle:
        return Coordinates(by_gradle[1], artifact, version)
    # A manifest that has another version is that of something that was shaded into the archive.
    if not any(each.startswith(version) for each in versions):
        fields = {}
    return Coordinates(_group(artifact, fields, facts), artifact, version)


def _titled(fields: Mapping[str, str], stem: str) -> str:
    """The name of an archive whose file was given another: app.jar, catalina.jar."""
    symbolic = fields.get("bundle-symbolicname", "").partition(";")[0].strip()
    for name in (
        fields.get("artifact-id", ""),
        fields.get("short-name", ""),
        fields.get("implementation-title", ""),
    ):
        if _ARTIFACT.fullmatch(name) and not _GROUP.fullmatch(name):
            return name
    return stem if _ARTIFACT.fullmatch(stem) else symbolic


def _split(stem: str, versions: Collection[str]) -> tuple[str, str]:
    """ARTIFACT-VERSION, or NAME_VERSION as OSGi has it; no version where there is none to see."""
    parts = stem.split("-") if len(stem) <= _MAX_TEXT else []
    splits = [(at, "-".join(parts[at:])) for at in range(1, len(parts)) if _BEGINS.match(parts[at])]
    if not splits:
        name, _, version = stem.rpartition("_")
        return (name, version) if name and version[:1].isdigit() else (stem, "")
    at = next(
        (at for at, version in splits if version in versions),
        next((at for at, _ in splits if _is_version(parts[at + 1 :])), splits[-1][0]),
    )
    return "-".join(parts[:at]), _version(parts[at:], versions)


def _is_version(parts: Collection[str]) -> bool:
    return all(part[:1].isdigit() or _QUALIFIER.fullmatch(part.lower()) for part in parts)


def _version(parts: list[str], versions: Collection[str]) -> str:
    """Without the classifier: "2.0.1.Final-linux-x86_64"."""
    whole = "-".join(parts)
    if whole in versions:
        return whole
    until = next((at for at in range(1, len(parts)) if not _is_version(parts[at : at + 1])), None)
    return "-".join(parts[:until])


def _group(artifact: str, fields: Mapping[str, str], facts: Facts) -> str:
    """From the surest fact to the least; "" rather than a guess."""
    for group, other in facts.paths:
        if other == artifact:
            return group
    if (group := fields.get("group-id", "")) and _ARTIFACT.fullmatch(group):
        return group
    if group := group_of(artifact, facts.holds):
        return group
    symbolic = fields.get("bundle-symbolicname", "").partition(";")[0].strip()
    vendor = fields.get("implementation-vendor-id", "")
    groups = (_of_bundle(symbolic, _SCALA.sub("", artifact)), vendor)
    return next((group for group in groups if _is_group(group)), "")


def _is_group(text: str) -> bool:
    return bool(_GROUP.fullmatch(text)) and text not in _NO_GROUPS


def _of_bundle(symbolic: str, artifact: str) -> str:
    """The group that the bundle plugin would have made this symbolic name of: it joins group and
    artifact, and names only once what the one ends and the other begins with."""
    if symbolic.endswith(f".{artifact}"):
        before = symbolic.removesuffix(f".{artifact}")
        return before if _is_group(before) else symbolic
    group, _, rest = symbolic.rpartition(".")
    shared = group.rpartition(".")[2]
    return group if artifact in (f"{shared}-{rest}", f"{shared}.{rest}") else ""


def _is_tomcat(told: Coordinates, facts: Facts) -> bool:
    return not told.group and facts.manifest.get("implementation-title") == "Apache Tomcat"


def _of_tomcat(told: Coordinates) -> Iterator[Coordinates]:
    """In a Tomcat the files are called otherwise than as artifacts, and catalina.jar is what the
    server as a whole is known by."""
    artifact = told.artifact
    if artifact == "catalina":
        yield Coordinates(_TOMCAT, "tomcat", told.version)
    yield Coordinates(_TOMCAT, f"tomcat-{artifact.removeprefix('tomcat-')}", told.version)
