"""What every kind of registry offers, and the values that cross from it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, Self

from registries.oci.auth import Credentials
from registries.oci.errors import BadContent
from registries.oci.manifest import MAX_BODY, Descriptor, ImageConfig, Manifest, parse_config
from registries.oci.transport import USER_AGENT

Action = Literal["push", "pull", "mount", "delete-manifest", "delete-tag", "delete-repository"]


class Source(Protocol):
    """A registry that is open for reading. Every method raises RegistryError and nothing else."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def verify(self) -> None:
        """Return if images can be discovered and read here; else the error says why not."""

    def repositories(self) -> Iterator[str]: ...

    def tags(self, repository: str) -> Iterator[str]: ...

    def digests(self, repository: str) -> Iterator[str]:
        """Manifests that no tag names, as far as this kind of registry can list them."""

    def resolve(self, repository: str, reference: str) -> Descriptor:
        """What a tag or a digest stands for now."""

    def manifest(self, repository: str, reference: str) -> tuple[bytes, str, str]:
        """Body (at most 4 MiB, verified), media type and digest of a manifest or an index."""

    def blob(
        self, repository: str, descriptor: Descriptor
    ) -> AbstractContextManager[Iterator[bytes]]:
        """Stream a blob; leaving the block without an error means that it was read and verified."""


@dataclass(frozen=True)
class Event:
    """Something a registry says has happened to a manifest, a tag or a repository.

    `delivery` is the registry's id of the event, the same however often it is delivered. `digest`,
    `tag` and `media_type` are "" where the registry does not tell.
    """

    delivery: str
    action: Action
    repository: str
    digest: str
    tag: str
    media_type: str
    actor: str
    user_agent: str
    occurred_at: datetime

    @property
    def own(self) -> bool:
        """Vigie's own doing: such a pull is no use of the image."""
        return self.user_agent.startswith(USER_AGENT.partition("/")[0] + "/")


@dataclass(frozen=True)
class Provider:
    """A kind of registry. `tells_pulls`: its events say when an image was last pulled."""

    kind: str
    label: str
    tells_pulls: bool
    open: Callable[[str, Credentials | None], Source]
    parse_events: Callable[[bytes], list[Event]] | None = None


def read_config(source: Source, repository: str, manifest: Manifest) -> ImageConfig:
    """Fetch and read an image's configuration, which is a blob of bounded size."""
    if manifest.config.size > MAX_BODY:
        raise BadContent(f"The image configuration is larger than {MAX_BODY:,} bytes.")
    with source.blob(repository, manifest.config) as chunks:
        body = b"".join(chunks)
    return parse_config(body)
