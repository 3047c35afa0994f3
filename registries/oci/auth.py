"""Answer a registry's challenges: Basic, and bearer tokens from the realm it names.

Sources: RFC 9110 § 11.6.1 (the header), distribution's "Token Authentication Specification".
"""

import base64
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from registries.oci.errors import AccessDenied, BadContent
from registries.oci.manifest import read_object
from registries.oci.origins import admit, may_see_credentials, place

MAX_TOKENS = 64  # a walk over ten thousand repositories keeps the last few
_SHORTEST, _LONGEST, _MARGIN = 60.0, 3600.0, 10.0  # seconds a token lives; the specification's 60

_CHALLENGE = re.compile(
    r'([A-Za-z0-9!#$%&\'*+.^_`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?'
)
_TOKEN = re.compile(r"[\x21-\x7e]+")

# (url, authorization) → the body of a 200; raises RegistryError
Fetch = Callable[[httpx.URL, str | None], bytes]


@dataclass(frozen=True)
class Credentials:
    """A login of a registry: user name and password, or a token in the password's place."""

    username: str
    secret: str = field(repr=False)

    @property
    def basic(self) -> str:
        pair = f"{self.username}:{self.secret}".encode()
        return "Basic " + base64.b64encode(pair).decode()


@dataclass(frozen=True)
class Challenge:
    """One way in that a 401 offers; the scheme is in lower case."""

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict, hash=False)


def parse_challenges(header: str) -> list[Challenge]:
    """Read WWW-Authenticate, which may hold several challenges; what cannot be read is left out."""
    challenges: list[Challenge] = []
    for match in _CHALLENGE.finditer(header[:8192]):
        name, quoted, bare = match.groups()
        if quoted is None and bare is None:
            challenges.append(Challenge(name.lower()))
        elif challenges:
            value = bare if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            challenges[-1].parameters.setdefault(name.lower(), value)
    return challenges


class Authenticator:
    """Knows one registry's login and the tokens it won, one for each scope until it expires."""

    def __init__(self, home: httpx.URL, credentials: Credentials | None, fetch: Fetch) -> None:
        self._home = home
        self._credentials = credentials
        self._fetch = fetch
        self._basic = False
        self._tokens: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def header(self, scope: str) -> str | None:
        """The Authorization to send at once, without waiting to be challenged."""
        token, expires = self._tokens.get(scope, ("", 0.0))
        if token and time.monotonic() < expires:
            return f"Bearer {token}"
        return self._credentials.basic if self._basic and self._credentials else None

    def answer(self, header: str, scope: str) -> bool:
        """Do what a 401 asks for. False: there is nothing (more) to try; ask no second time."""
        tried = self.header(scope)
        self._tokens.pop(scope, None)
        offered = {challenge.scheme: challenge for challenge in parse_challenges(header)}
        if bearer := offered.get("bearer"):
            self._keep(scope, self._ask_realm(bearer.parameters, scope))
            return True
        if "basic" in offered and self._credentials and tried != self._credentials.basic:
            self._basic = True
            return True
        return False

    def _ask_realm(self, parameters: dict[str, str], scope: str) -> dict[str, object]:
        url = self._token_url(parameters, scope)
        if self._credentials and not may_see_credentials(url, self._home):
            raise AccessDenied(
                f"{place(self._home)} wants its login sent in the clear to {place(url)}; refused."
            )
        login = self._credentials.basic if self._credentials else None
        return read_object(self._fetch(url, login), "answer of the token service")

    def _token_url(self, parameters: dict[str, str], scope: str) -> httpx.URL:
        scopes = (parameters.get("scope") or scope).split()
        asked: dict[str, str | list[str]] = {"scope": scopes} if scopes else {}
        if service := parameters.get("service"):
            asked["service"] = service
        try:
            url = httpx.URL(parameters.get("realm", "")).copy_merge_params(asked)
        except (httpx.InvalidURL, ValueError, TypeError):
            raise BadContent(f"{place(self._home)} names no usable token service.") from None
        admit(url, self._home)
        return url

    def _keep(self, scope: str, answer: dict[str, object]) -> None:
        token = answer.get("token") or answer.get("access_token")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise BadContent(f"The token service of {place(self._home)} gave no usable token.")
        told = answer.get("expires_in")
        seconds = float(told) if isinstance(told, int) else _SHORTEST
        lifetime = min(max(seconds, _SHORTEST), _LONGEST) - _MARGIN
        self._tokens[scope] = (token, time.monotonic() + lifetime)
        while len(self._tokens) > MAX_TOKENS:
            self._tokens.popitem(last=False)
