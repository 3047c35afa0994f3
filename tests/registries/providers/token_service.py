"""A token service for a real docker-registry with `auth: token`, as Distribution specifies it."""

import base64
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.registries.oci.fake import serving
from tests.registries.providers.certificates import Authority

_ISSUER, _SERVICE = "tests issuer", "tests registry"


@dataclass
class TokenService:
    """`section` is the registry's `auth.token`; `asked` are the user and scopes of each request."""

    url: str
    authority: Authority
    login: tuple[str, str]
    asked: list[tuple[str, list[str]]] = field(default_factory=list)

    @property
    def section(self) -> dict[str, str]:
        return {
            "realm": self.url + "/token",
            "service": _SERVICE,
            "issuer": _ISSUER,
            "rootcertbundle": str(self.authority.files[0]),
        }

    def sign(self, access: list[dict[str, Any]]) -> str:
        """A JSON web token that grants `access` for five minutes."""
        chain = [base64.b64encode(self.authority.der).decode()]
        now = int(time.time())
        claims = {
            "iss": _ISSUER,
            "sub": self.login[0],
            "aud": _SERVICE,
            "iat": now,
            "nbf": now - 10,
            "exp": now + 300,
            "jti": uuid.uuid4().hex,
            "access": access,
        }
        header = {"typ": "JWT", "alg": "RS256", "x5c": chain}
        signed = f"{_part(orjson.dumps(header))}.{_part(orjson.dumps(claims))}"
        signature = self.authority.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_part(signature)}"


@contextmanager
def token_service(folder: Path, login: tuple[str, str]) -> Iterator[TokenService]:
    with serving(_Handler) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        server.state = TokenService(url, Authority(folder), login)
        yield server.state


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        service = self.server.state
        expected = base64.b64encode(":".join(service.login).encode()).decode()
        if self.headers.get("Authorization") != f"Basic {expected}":
            self._answer(401, {"details": "wrong login"})
            return
        scopes = parse_qs(urlsplit(self.path).query).get("scope", [])
        service.asked.append((service.login[0], scopes))
        self._answer(200, {"token": service.sign([_access(scope) for scope in scopes])})

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        body = orjson.dumps(document)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _access(scope: str) -> dict[str, Any]:
    kind, name, actions = scope.split(":")
    return {"type": kind, "name": name, "actions": actions.split(",")}


def _part(body: bytes) -> str:
    return base64.urlsafe_b64encode(body).rstrip(b"=").decode()
