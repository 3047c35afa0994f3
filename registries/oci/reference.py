"""Names of images, by the grammar of the OCI distribution specification (§ Pulling manifests)."""

import re
from dataclasses import dataclass

MAX_REPOSITORY = 255

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_HOST = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9.-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


@dataclass(frozen=True)
class Reference:
    """`registry/repository[:tag][@digest]`; tag and digest are "" where not given."""

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def target(self) -> str:
        """What to ask the registry for: the digest wins, no tag means "latest"."""
        return self.digest or self.tag or "latest"

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"


def is_digest(text: str) -> bool:
    """A digest that can be checked: sha256 or sha512 in lower-case hexadecimal."""
    return bool(_DIGEST.fullmatch(text))


def is_repository(text: str) -> bool:
    return len(text) <= MAX_REPOSITORY and bool(_REPOSITORY.fullmatch(text))


def is_tag(text: str) -> bool:
    return bool(_TAG.fullmatch(text))


def parse_reference(text: str) -> Reference:
    """Read `host[:port]/name[:tag][@digest]`; ValueError with a sentence where it is none."""
    registry, _, rest = text.partition("/")
    if not rest or not _names_a_host(registry):
        raise ValueError(
            f"{_quoted(text)} names no registry; write it in full, "
            "such as registry.example/team/app:1.0."
        )
    if not _HOST.fullmatch(registry):
        raise ValueError(f"{_quoted(registry)} is not the name of a host.")
    name, at, digest = rest.partition("@")
    if at and not is_digest(digest):
        raise ValueError(f"{_quoted(digest)} is not a sha256 or sha512 digest.")
    repository, colon, tag = name.partition(":")
    if colon and not is_tag(tag):
        raise ValueError(f"{_quoted(tag)} is not a tag.")
    if not is_repository(repository):
        raise ValueError(f"{_quoted(repository)} is not the name of a repository.")
    return Reference(registry, repository, tag, digest)


def _names_a_host(text: str) -> bool:
    """The usual rule: a first part with a dot or a colon, or `localhost`, is a registry."""
    return "." in text or ":" in text or text == "localhost"


def _quoted(text: str) -> str:
    return repr(text[:100])
