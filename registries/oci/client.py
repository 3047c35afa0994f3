"""The pull side of the OCI distribution protocol, for one registry and one login.

Source: OCI distribution specification 1.1. Bodies are verified before they are handed out, blobs
by the time their block is left. Every method raises RegistryError and nothing else.
"""

import hashlib
import logging
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Self

import httpx
import orjson

from registries.oci.auth import Credentials
from registries.oci.bodies import check_digest, checked, received
from registries.oci.errors import (
    BadContent,
    DigestMismatch,
    NotARegistry,
    NotFound,
    Unreachable,
)
from registries.oci.manifest import MANIFEST_TYPES, MAX_BODY, Descriptor, read_object
from registries.oci.origins import place, refuse_link_local, registry_url
from registries.oci.reference import is_digest, is_repository, is_tag
from registries.oci.transport import USER_AGENT, Patience, Transport

__all__ = ["USER_AGENT", "Client", "Patience"]

MAX_PAGES = 10_000
PAGE_SIZE = 100  # more is refused by some
_MAX_BREAKS = 5
_CATALOGUE_SCOPE = "registry:catalog:*"
_ACCEPT = {"Accept": ", ".join(sorted(MANIFEST_TYPES))}
_NEXT = re.compile(r'<([^<>]{1,2000})>[^,<>]{0,100}?;\s*rel="?next"?')

logger = logging.getLogger(__name__)


class Client:
    """A context manager: connections are kept open and reused until it is left."""

    def __init__(
        self,
        location: str,
        credentials: Credentials | None = None,
        patience: Patience = Patience(),  # noqa: B008 (frozen)
    ) -> None:
        self.url = registry_url(location)
        refuse_link_local(self.url)
        self.name = place(self.url)
        self._http = Transport(self.url, credentials, patience)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def ping(self) -> None:
        """Connect and log in, once and without patience; NotARegistry if it is something else."""
        try:
            headers, body = self._http.read_once("/v2/", "", 64 * 1024)
        except (NotFound, BadContent) as error:
            tls = "; if it serves TLS, its address has to begin with https://"
            hint = tls if self.url.scheme == "http" else ""
            raise NotARegistry(f"What answers at {self.name} is no registry{hint}.") from error
        if "docker-distribution-api-version" not in headers and not _is_json(body):
            raise NotARegistry(f"What answers at {self.name} is no registry.")

    def repositories(self) -> Iterator[str]:
        """The whole catalogue, page by page."""
        path = f"/v2/_catalog?n={PAGE_SIZE}"
        return self._pages(path, _CATALOGUE_SCOPE, "repositories", is_repository)

    def tags(self, repository: str) -> Iterator[str]:
        """All tags; none for a repository the registry does not know (or whose last tag went)."""
        path = f"/v2/{_name(repository)}/tags/list?n={PAGE_SIZE}"
        try:
            yield from self._pages(path, _pull(repository), "tags", is_tag)
        except NotFound as error:
            if error.code != "NAME_UNKNOWN":
                raise

    def resolve(self, repository: str, reference: str) -> Descriptor:
        """What a tag or digest stands for now; a HEAD, which spends no pull quota."""
        path = _manifest_path(repository, reference)
        headers = self._http.head(path, _pull(repository), _ACCEPT)
        digest = _promised_digest(headers, reference)
        size = headers.get("content-length", "")
        if not digest or not size.isdecimal():  # some registries leave them out of a HEAD
            body, media_type, digest = self.manifest(repository, reference)
            return Descriptor(media_type, digest, len(body))
        return Descriptor(_media_type(headers), digest, int(size[:15]))

    def manifest(self, repository: str, reference: str) -> tuple[bytes, str, str]:
        """The body of a manifest or index, its media type and its digest, which it matches."""
        path = _manifest_path(repository, reference)
        headers, body = self._http.read(path, _pull(repository), MAX_BODY, _ACCEPT)
        digest = _promised_digest(headers, reference)
        digest = digest or "sha256:" + hashlib.sha256(body).hexdigest()
        check_digest(body, digest)
        return body, _media_type(headers), digest

    @contextmanager
    def blob(self, repository: str, descriptor: Descriptor) -> Iterator[Iterator[bytes]]:
        """Stream a blob in chunks of about 1 MiB.

        Leaving the block without an error means that every byte was read and the digest matches:
        what the block left unread is read on the way out.
        """
        path = f"/v2/{_name(repository)}/blobs/{descriptor.digest}"
        with closing(self._resuming(path, _pull(repository), descriptor.size)) as chunks:
            content = checked(chunks, descriptor)
            yield content
            for _ in content:
                pass

    def _resuming(self, path: str, scope: str, size: int) -> Generator[bytes, None, None]:
        """The bytes of a blob, going on where a broken connection stopped."""
        done = 0
        for _ in range(_MAX_BREAKS):
            # Suppressed is only the breaking off; what opening raises has been retried already.
            with closing(self._open_at(path, scope, done)) as response, suppress(Unreachable):
                for chunk in received(response):
                    done += len(chunk)
                    yield chunk
            if done >= size:
                return
        raise Unreachable(
            f"{self.name} broke off a blob {_MAX_BREAKS} times, last at {done:,} of {size:,} bytes."
        )

    def _open_at(self, path: str, scope: str, start: int) -> httpx.Response:
        if not start:
            return self._http.open(path, scope, {})
        response = self._http.open(path, scope, {"Range": f"bytes={start}-"})
        if response.status_code == 206 and response.headers.get("content-range", "").startswith(
            f"bytes {start}-"
        ):
            return response
        response.close()
        raise Unreachable(f"{self.name} broke off a blob and cannot resume it.")

    def _pages(
        self, path: str, scope: str, key: str, is_valid: Callable[[str], bool]
    ) -> Iterator[str]:
        for _ in range(MAX_PAGES):
            headers, body = self._http.read(path, scope, MAX_BODY)
            names = read_object(body, f"list of {key}").get(key) or []
            if not isinstance(names, list):
                raise BadContent(f"{self.name} sent a list of {key} that is none.")
            valid = [name for name in names if isinstance(name, str) and is_valid(name)]
            if len(valid) < len(names):  # nobody can pull what has no valid name
                logger.warning("%s lists %s with invalid names; left out", self.name, key)
            yield from valid
            following = self._next_page(headers.get("link", ""), path)
            if not following:
                return
            path = following
        raise BadContent(f"{self.name} has more than {MAX_PAGES:,} pages of {key}; refused.")

    def _next_page(self, link: str, path: str) -> str:
        """The path of the next page, or ""; a link elsewhere or back here is refused."""
        match = _NEXT.search(link)
        if not match:
            return ""
        here = self.url.join(path)
        try:
            url = here.join(match[1])
        except (httpx.InvalidURL, ValueError):
            raise BadContent(f"{self.name} links its next page to nowhere.") from None
        # A proxy before the registry may have changed scheme and port, so those may differ.
        if url.host != here.host or url.path != here.path or url.query == here.query:
            raise BadContent(f"{self.name} links its next page to another place; refused.")
        return url.raw_path.decode("ascii")


def _pull(repository: str) -> str:
    return f"repository:{repository}:pull"


def _name(repository: str) -> str:
    """Names go into paths, so only valid ones leave."""
    if not is_repository(repository):
        raise NotFound(f"{repository[:100]!r} is not the name of a repository.")
    return repository


def _manifest_path(repository: str, reference: str) -> str:
    if not is_digest(reference) and not is_tag(reference):
        raise NotFound(f"{reference[:150]!r} is neither a tag nor a digest.")
    return f"/v2/{_name(repository)}/manifests/{reference}"


def _is_json(body: bytes) -> bool:
    try:
        orjson.loads(body or b"{}")
    except orjson.JSONDecodeError:
        return False
    return True


def _media_type(headers: httpx.Headers) -> str:
    declared: str = headers.get("content-type", "")
    return declared.partition(";")[0].strip().lower()[:255]


def _promised_digest(headers: httpx.Headers, reference: str) -> str:
    """The digest asked for, or the one the registry claims; "" where there is neither."""
    claimed: str = headers.get("docker-content-digest", "").strip()
    if not is_digest(reference):
        return claimed if is_digest(claimed) else ""
    if is_digest(claimed) and claimed != reference and _algorithm(claimed) == _algorithm(reference):
        raise DigestMismatch(f"Asked for {reference}, the registry answered with {claimed}.")
    return reference


def _algorithm(digest: str) -> str:
    return digest.partition(":")[0]
