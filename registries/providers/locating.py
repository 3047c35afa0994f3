"""From what a person types to an open source and the image meant in it."""

from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from registries.oci.auth import Credentials
from registries.oci.reference import is_tag, parse_reference
from registries.providers import archive, distribution, layout
from registries.providers.source import Source


class Located(NamedTuple):
    """An open source (leave it by `with`), and the repository and tag or digest in it."""

    source: Source
    repository: str
    reference: str


def locate(text: str, credentials: Credentials | None = None) -> Located:
    """Read `registry/name[:tag][@digest]`, `oci:FOLDER[:TAG][@digest]` or `docker-archive:FILE`.

    Raises ValueError where the text means no image, RegistryError where the place cannot be read.
    """
    if text.startswith("docker-archive:"):
        return _only_image(archive.ArchiveSource(text.removeprefix("docker-archive:")), "")
    if text.startswith("oci:"):
        folder, reference = _folder_and_reference(text.removeprefix("oci:"))
        return _only_image(layout.LayoutSource(folder), reference)
    image = parse_reference(text)
    source = distribution.open_source(image.registry, credentials)
    # Docker Hub keeps what is called by one word in a repository of its library.
    of_library = image.registry == "docker.io" and "/" not in image.repository
    repository = f"library/{image.repository}" if of_library else image.repository
    return Located(source, repository, image.target)


def _folder_and_reference(text: str) -> tuple[str, str]:
    """A folder may have colons in its name, so one that exists is taken whole."""
    if Path(text).is_dir():
        return text, ""
    folder, at, digest = text.rpartition("@")
    if at and ":" in digest:
        return folder, digest
    folder, colon, tag = text.rpartition(":")
    return (folder, tag) if colon and is_tag(tag) else (text, "")


def _only_image(source: Source, reference: str) -> Located:
    with ExitStack() as stack:
        stack.enter_context(source)
        located = Located(source, *_image_in(source, reference))
        stack.pop_all()  # from here on it is the caller's to leave
    return located


def _image_in(source: Source, reference: str) -> tuple[str, str]:
    source.verify()
    repositories = list(islice(source.repositories(), 2))
    if len(repositories) != 1:
        raise ValueError("The folder is not one OCI image layout; name the folder of one.")
    if reference:
        return repositories[0], reference
    found = [*islice(source.tags(repositories[0]), 6), *islice(source.digests(repositories[0]), 6)]
    if len({source.resolve(repositories[0], one).digest for one in found}) != 1:
        choice = ", ".join(found[:5]) or "nothing"
        raise ValueError(f"Say which image is meant; there is {choice}{' …' if found[5:] else ''}.")
    return repositories[0], found[0]
