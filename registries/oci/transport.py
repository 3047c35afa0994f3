"""One registry over HTTP: login, redirects, retries, bounds. Every failure is a RegistryError."""

import random
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TypeVar

import httpx
import tenacity

from registries.oci.auth import Authenticator, Credentials
from registries.oci.bodies import discard, read_bounded
from registries.oci.errors import BadContent, NotARegistry, RegistryError
from registries.oci.origins import admit, origin, place
from registries.oci.refusals import refusal, unreachable

# What registries see of us, and what they report back with a pull: see Event.own.
USER_AGENT = "Vigie/0.1"

_TIMEOUT = httpx.Timeout(20.0, connect=10.0)
_MAX_HOPS = 5
_MAX_TOKEN_ANSWER = 1024 * 1024

T = TypeVar("T")


@dataclass(frozen=True)
class Patience:
    """How often and how long (in seconds) to wait for a registry that fails or throttles."""

    attempts: int = 5
    first: float = 0.5
    longest: float = 30.0
    sleep: Callable[[float], None] = time.sleep


@cache
def _trust() -> ssl.SSLContext:
    """The authorities to trust (SSL_CERT_FILE names others); reading them takes a while."""
    return httpx.create_ssl_context()


class Transport:
    """Keeps connections open until closed; speaks as one login to the registry at `home`."""

    def __init__(
        self, home: httpx.URL, credentials: Credentials | None, patience: Patience
    ) -> None:
        self.home = home
        self.patience = patience
        self._has_login = credentials is not None
        self._auth = Authenticator(home, credentials, self._fetch_token)
        # Identity: bodies are bounded and digest-checked as they come, so none may be packed.
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
        # No cookies: nothing of ours needs them, and a jar has no bound.
        none = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        self._client = httpx.Client(
            headers=headers, cookies=none, timeout=_TIMEOUT, verify=_trust()
        )

    def close(self) -> None:
        self._client.close()

    def read(
        self, path: str, scope: str, limit: int, headers: Mapping[str, str] | None = None
    ) -> tuple[httpx.Headers, bytes]:
        """GET a body of at most `limit` bytes."""
        return self.patiently(lambda: self.read_once(path, scope, limit, headers))

    def read_once(
        self, path: str, scope: str, limit: int, headers: Mapping[str, str] | None = None
    ) -> tuple[httpx.Headers, bytes]:
        with closing(self._attempt("GET", path, scope, headers or {})) as response:
            return response.headers, read_bounded(response, limit)

    def head(self, path: str, scope: str, headers: Mapping[str, str]) -> httpx.Headers:
        def attempt() -> httpx.Headers:
            response = self._attempt("HEAD", path, scope, headers)
            discard(response)
            return response.headers

        return self.patiently(attempt)

    def open(self, path: str, scope: str, headers: Mapping[str, str]) -> httpx.Response:
        """GET a body to be streamed; the caller closes it."""
        return self.patiently(lambda: self._attempt("GET", path, scope, headers))

    def patiently(self, attempt: Callable[[], T]) -> T:
        """Try again after what may pass by itself, but never wait longer than patience allows."""
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self.patience.attempts),
            retry=tenacity.retry_if_exception(self._is_worth_waiting),
            wait=self._wait,
            sleep=self.patience.sleep,
            reraise=True,
        )
        return retrying(attempt)

    def _is_worth_waiting(self, error: BaseException) -> bool:
        if not isinstance(error, RegistryError) or error.permanent:
            return False
        return (error.retry_after or 0.0) <= self.patience.longest

    def _wait(self, state: tenacity.RetryCallState) -> float:
        """Twice as long each time, with jitter, and no less than the registry asks for."""
        error = state.outcome.exception() if state.outcome else None
        told = error.retry_after if isinstance(error, RegistryError) else None
        backoff = self.patience.first * 2.0 ** (state.attempt_number - 1)
        jittered: float = backoff * random.uniform(0.5, 1.5)  # noqa: S311
        return (told or 0.0) + min(jittered, self.patience.longest)

    def _attempt(
        self, method: str, path: str, scope: str, headers: Mapping[str, str]
    ) -> httpx.Response:
        response = self._follow(method, path, scope, headers)
        # Only the registry itself may challenge: a storage it sent us to gets no login.
        if response.status_code == 401 and self._is_home(response.url):
            body = discard(response)
            if self._auth.answer(response.headers.get("www-authenticate", ""), scope):
                response = self._follow(method, path, scope, headers)
            else:
                raise refusal(response, body, path, self._has_login)
        if response.is_success:
            return response
        raise refusal(response, discard(response), path, self._has_login)

    def _follow(
        self, method: str, path: str, scope: str, headers: Mapping[str, str]
    ) -> httpx.Response:
        """Ask, and go where redirects lead; the login is for the registry, not for its storage."""
        url = self.home.join(path)
        for _ in range(_MAX_HOPS):  # httpx works out where to, but would go without asking
            authorization = self._auth.header(scope) if self._is_home(url) else None
            response = self._send(method, url, headers, authorization)
            if response.next_request is None:
                return response
            discard(response)
            url = self._next_hop(response, response.next_request.url)
        raise BadContent(f"{place(self.home)} redirects in circles.")

    def _next_hop(self, response: httpx.Response, url: httpx.URL) -> httpx.URL:
        admit(url, self.home)
        if url == response.url.copy_with(scheme="https", port=url.port):
            raise NotARegistry(
                f"{place(self.home)} wants to be asked by TLS; give its address as "
                f"{url.scheme}://{place(url)}."
            )
        return url

    def _fetch_token(self, url: httpx.URL, authorization: str | None) -> bytes:
        """Ask the realm for a token. It may not send us on: what it gets may be the login."""
        with closing(self._send("GET", url, {}, authorization)) as response:
            if response.is_success:
                return read_bounded(response, _MAX_TOKEN_ANSWER)
            raise refusal(response, discard(response), "a token", authorization is not None)

    def _send(
        self, method: str, url: httpx.URL, headers: Mapping[str, str], authorization: str | None
    ) -> httpx.Response:
        sent = {**headers, "Authorization": authorization} if authorization else headers
        try:
            request = self._client.build_request(method, url, headers=sent)
            return self._client.send(request, stream=True)
        except httpx.TransportError as error:
            raise unreachable(error, url) from error
        except (httpx.InvalidURL, ValueError):
            raise BadContent(f"{place(self.home)} sends us to an impossible address.") from None

    def _is_home(self, url: httpx.URL) -> bool:
        return origin(url) == origin(self.home)
