"""Hear what a registry announces."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from tests.registries.oci.fake import serving


@dataclass
class Heard:
    url: str
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    news: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, is_last: Callable[[bytes], bool]) -> list[bytes]:
        """All that came, as soon as one of them is the last to be expected."""
        with self.news:
            assert self.news.wait_for(lambda: any(map(is_last, self.bodies)), 20), self.bodies
            return list(self.bodies)


@contextmanager
def listener() -> Iterator[Heard]:
    with serving(_Handler) as server:
        server.state = Heard(f"http://127.0.0.1:{server.server_port}/events")
        yield server.state


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        heard = self.server.state
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with heard.news:
            heard.bodies.append(body)
            heard.headers.append(dict(self.headers))
            heard.news.notify_all()
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass
