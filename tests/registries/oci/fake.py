"""A scripted server, for what no real registry can be made to do."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson


@dataclass(frozen=True)
class Answer:
    """One answer; `cut` closes the connection after so many bytes of the body."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: Mapping[str, str]


@dataclass
class Fake:
    """`answers` by path: each is given once, the last one for ever. `asked` is what came."""

    address: str
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def on(self, path: str, *answers: Answer) -> None:
        self.answers[path] = list(answers)

    def next_answer(self, path: str) -> Answer:
        queue = self.answers.get(path) or self.answers.get(path.partition("?")[0])
        if not queue:
            return Answer(404)
        return queue.pop(0) if len(queue) > 1 else queue[0]


def as_json(value: Any, status: int = 200, **headers: str) -> Answer:
    return Answer(status, orjson.dumps(value), headers)


@contextmanager
def fake_registry(host: str = "127.0.0.1") -> Iterator[Fake]:
    with serving(_Handler, host) as server:
        server.state = Fake(f"{host}:{server.server_port}")
        yield server.state


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler], host: str = "127.0.0.1") -> Iterator["Server"]:
    """Serve on a port of its own, in a thread, until the block is left."""
    server = Server((host, 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


class Server(ThreadingHTTPServer):
    """`state` is for the handlers, which find it by their `server`."""

    daemon_threads = True
    state: Any = None

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is part of what is tested."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.server.state.connections += 1

    def do_GET(self) -> None:
        fake = self.server.state
        fake.asked.append(Asked(self.command, self.path, dict(self.headers)))
        answer = fake.next_answer(self.path)
        self.send_response(answer.status)
        headers = {"Content-Length": str(len(answer.body)), **answer.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(answer.body[: answer.cut])
        self.close_connection = answer.cut is not None

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        pass
