"""Bodies as streams: bounded in time and size, checked against digest and size as they pass."""

import hashlib
import time
from collections.abc import Iterable, Iterator

import httpx

from registries.oci.errors import BadContent, DigestMismatch, RegistryError, ServerFailed
from registries.oci.manifest import Descriptor
from registries.oci.origins import place
from registries.oci.refusals import unreachable

CHUNK = 1024 * 1024
# A body may take this many seconds, and one more for every so many bytes received: a registry that
# dribbles holds nobody up for ever.
_GRACE, _SLOWEST = 60.0, 16 * 1024


def received(response: httpx.Response) -> Iterator[bytes]:
    """The body as sent, in pieces of about 1 MiB; only the time spent on waiting for it counts."""
    if response.headers.get("content-encoding", "identity") != "identity":
        raise BadContent(f"{place(response.url)} packed an answer although asked not to.")
    pieces: list[bytes] = []
    held = total = 0
    waited, since = 0.0, time.monotonic()
    broken: httpx.TransportError | None = None
    try:
        for piece in response.iter_raw():
            pieces.append(piece)
            held += len(piece)
            total += len(piece)
            if waited + time.monotonic() - since > _GRACE + total / _SLOWEST:
                raise ServerFailed(f"{place(response.url)} sends too slowly to wait for.")
            if held >= CHUNK:
                waited += time.monotonic() - since
                yield b"".join(pieces)
                pieces, held, since = [], 0, time.monotonic()
    except httpx.TransportError as error:
        broken = error
    if pieces:
        yield b"".join(pieces)
    if broken:
        raise unreachable(broken, response.url) from broken


def read_bounded(response: httpx.Response, limit: int) -> bytes:
    """The whole body, or BadContent once it is larger than `limit` bytes."""
    body = bytearray()
    for chunk in received(response):
        body += chunk
        if len(body) > limit:
            raise BadContent(f"{place(response.url)} sent more than {limit:,} bytes; refused.")
    return bytes(body)


def discard(response: httpx.Response) -> bytes:
    """Close an answer whose body hardly matters; read if short, which keeps the connection."""
    try:
        return read_bounded(response, 64 * 1024)
    except RegistryError:
        return b""
    finally:
        response.close()


def checked(chunks: Iterable[bytes], descriptor: Descriptor) -> Iterator[bytes]:
    """Pass the chunks on; DigestMismatch as soon as they are not what the descriptor promises."""
    algorithm, _, expected = descriptor.digest.partition(":")
    digest = hashlib.new(algorithm, usedforsecurity=True)
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > descriptor.size:
            break
        digest.update(chunk)
        yield chunk
    if size != descriptor.size:
        more = "more" if size > descriptor.size else "fewer"
        raise DigestMismatch(
            f"{descriptor.digest} has {more} bytes than the {descriptor.size:,} promised."
        )
    if digest.hexdigest() != expected:
        raise DigestMismatch(f"The content of {descriptor.digest} does not match its digest.")


def check_digest(body: bytes, digest: str) -> None:
    for _ in checked([body], Descriptor("", digest, len(body))):
        pass
