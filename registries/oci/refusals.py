"""From a failed exchange to the one error, and the one sentence, that says why."""

import email.utils
import re
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import orjson

from registries.oci.errors import (
    AccessDenied,
    BadContent,
    DigestMismatch,
    NotFound,
    RegistryError,
    ServerFailed,
    Throttled,
    Unreachable,
)
from registries.oci.origins import place

_MAX_WAIT = 24 * 3600.0  # nobody is believed who asks for more
_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_TARGET = re.compile(r"/v2/(?P<name>.+?)/(?:manifests|blobs|tags)/(?P<reference>[^/?]+)")


def refusal(response: httpx.Response, body: bytes, path: str, login: bool) -> RegistryError:
    """The error for an answer that is no success; `path` is what the registry was asked for."""
    status, host = response.status_code, place(response.url)
    code, what = _code(body), _what(path)
    said = f"{status} {code}".strip()
    if status in (401, 403):
        return AccessDenied(_denied(status, host, what, login, said), code=code)
    if status in (404, 410):
        return NotFound(f"{host} does not have {what} ({said}).", code=code)
    if status == 416:  # we only ask to go on where a broken blob stopped
        return DigestMismatch(f"{what} on {host} is shorter than its manifest says.", code=code)
    wait = _retry_after(response.headers.get("retry-after", ""))
    if status == 429:
        sentence = f"{host} asks for fewer requests ({said}); it is tried again later."
        return Throttled(sentence, code=code, retry_after=wait)
    if status >= 500 or status in (408, 425):
        sentence = f"{host} failed to answer for {what} ({said}); it is tried again later."
        return ServerFailed(sentence, code=code, retry_after=wait)
    return BadContent(f"{host} gave an unexpected answer for {what} ({said}).", code=code)


def unreachable(error: httpx.TransportError, url: httpx.URL) -> Unreachable:
    """Look for the cause below httpx's error: it is what a person can act on."""
    where = place(url)
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            reason = cause.verify_message or "verification failed"
            return Unreachable(f"The certificate of {where} is not trusted: {reason}.")
        if isinstance(cause, ssl.SSLError):
            return Unreachable(
                f"{where} does not speak TLS as expected; "
                "if it serves plain HTTP, its address has to begin with http://."
            )
        if isinstance(cause, socket.gaierror):
            return Unreachable(f"The host {url.host} is not found; check the name and the DNS.")
        if isinstance(cause, ConnectionRefusedError):
            return Unreachable(f"Nothing answers at {where}: the connection was refused.")
    if isinstance(error, httpx.ConnectTimeout):
        return Unreachable(f"{where} cannot be reached: the connection timed out.")
    if isinstance(error, httpx.TimeoutException):
        return Unreachable(f"{where} stopped answering.")
    return Unreachable(f"The connection to {where} broke off.")


def _denied(status: int, host: str, what: str, login: bool, said: str) -> str:
    if not login:
        return f"{host} needs a login for {what} ({said})."
    if status == 401:
        return f"{host} refused the login for {what} ({said}); check user name and secret."
    return f"The login has no right to {what} on {host} ({said})."


def _what(path: str) -> str:
    """What a request was for, in the words of a reader."""
    if match := _TARGET.match(path):
        name, reference = match["name"], match["reference"]
        if "/tags/" in path:
            return f"repository {name}"
        return f"{name}@{reference}" if ":" in reference else f"{name}:{reference}"
    if path == "/v2/":
        return "access"
    return "the catalogue" if path.startswith("/v2/_catalog") else path


def _code(body: bytes) -> str:
    """The first error code of the body (distribution specification, § Error Codes), or ""."""
    try:
        code = orjson.loads(body)["errors"][0]["code"]
    except (orjson.JSONDecodeError, RecursionError, LookupError, TypeError):
        return ""
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""


def _retry_after(text: str) -> float | None:
    """Seconds from a Retry-After of either form (RFC 9110 § 10.2.3)."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:12]), _MAX_WAIT)
    try:
        moment = email.utils.parsedate_to_datetime(text)
        seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return min(max(seconds, 0.0), _MAX_WAIT)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(10):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__
