"""HTTP as nodes in the field speak it, and as hostile ones could: the server under every stand-in."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, TypeVar

LONG_S = 60.0  # how long a behaviour that has no end goes on when nobody ends it
PIECE = 1 << 16  # bytes
This = TypeVar("This", bound="Node")


@dataclass(frozen=True)
class Asked:
    """One request as the node saw it."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


class Exchange(BaseHTTPRequestHandler):
    """One request, and the ways to answer it."""

    protocol_version = "HTTP/1.1"
    node: Node
    body: Any = None

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def answer(
        self,
        status: int,
        content: bytes = b"",
        content_type: str = "application/json",
        *,
        before_piece: Callable[[], None] = lambda: None,
        **headers: str,
    ) -> None:
        """An ordinary answer; a header's underscores stand for hyphens."""
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        for start in range(0, len(content), PIECE):
            before_piece()
            self.wfile.write(content[start : start + PIECE])

    def json(self, body: Any, status: int = 200) -> None:
        """An ordinary JSON answer."""
        self.answer(status, json.dumps(body).encode())

    def raw(self, *pieces: bytes, pause_s: float = 0.0) -> None:
        """Bytes as they are, a pause after each; then the connection ends."""
        self.close_connection = True
        for piece in pieces:
            self.wfile.write(piece)
            self.wfile.flush()
            if self.node.ended.wait(pause_s):
                return

    def trickle(self, start: bytes, piece: bytes) -> None:
        """`start`, then `piece` again and again, twenty times a second."""
        self.raw(start)
        until = time.monotonic() + LONG_S
        while time.monotonic() < until and not self.node.ended.wait(0.05):
            self.wfile.write(piece)
            self.wfile.flush()

    def flood(self, start: bytes, piece: bytes) -> None:
        """`start`, then `piece` again and again as fast as it goes."""
        self.raw(start)
        while not self.node.ended.is_set():
            self.wfile.write(piece)

    def handle(self) -> None:
        """Serve the connection; that the client ends it is no error."""
        with suppress(ConnectionError):
            super().handle()

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(length)
        self.body = json.loads(content) if content else None
        self.node.asked.append(Asked(self.command, self.path, dict(self.headers), self.body))
        respond = self.node.routes.get(f"{self.command} {self.path}") or self.node.routes.get(self.command)
        if respond is None:
            self.json({"detail": "Not Found"}, 404)
        else:
            respond(self)

    do_GET = do_POST = do_DELETE = _serve  # noqa: N815 - the base class's names


Respond = Callable[[Exchange], None]


class Node:
    """Serves at `addr` from the start.

    `routes` say what answers "GET /path", or every other "GET"; `asked` is what it was asked, in order. A server that speaks something else
    than a node's JSON has an `exchange_class` of its own.
    """

    exchange_class: ClassVar[type[Exchange]] = Exchange

    def __init__(self, routes: dict[str, Respond] | None = None) -> None:
        self.routes = routes or {}
        self.asked: list[Asked] = []
        self.ended = threading.Event()
        handler = type("BoundExchange", (self.exchange_class,), {"node": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.port = self._server.server_port
        self.addr = f"127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def __enter__(self: This) -> This:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the server, and what goes on without an end."""
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def paths(self) -> list[str]:
        """What was asked for by GET, in order."""
        return [asked.path for asked in self.asked if asked.method == "GET"]

    def job(self, **said: Any) -> None:
        """Let every job say this."""
        self.routes["GET /v1/jobs/j1"] = lambda exchange: exchange.json(said)

    def serve(self, path: str, content: bytes, content_type: str = "application/octet-stream") -> None:
        """Serve a file."""
        self.routes[f"GET {path}"] = lambda exchange: exchange.answer(200, content, content_type)
