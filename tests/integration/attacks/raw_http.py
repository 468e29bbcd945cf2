"""HTTP as bytes."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from typing import Any

PATIENCE_S = 20.0


@dataclass(frozen=True)
class Answer:
    """One answer, read to the end of its connection."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Its body."""
        return json.loads(self.body)


def exchange(port: int, request: bytes, *, end: bool = True) -> Answer:
    """Send it on a connection of its own, say that nothing follows unless told not to, and read the answer; a status of 0 is none."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        connection.sendall(request)
        if end:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while piece := connection.recv(1 << 16):
            received += piece
    return parsed(received)


def parsed(received: bytes) -> Answer:
    """The answer in these bytes."""
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    whole = unchunked(body) if headers.get("transfer-encoding") == "chunked" else body
    return Answer(int(first.split()[1]) if first else 0, headers, whole)


def unchunked(body: bytes) -> bytes:
    """What the chunks hold."""
    whole = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        whole += body[: int(size, 16)]
        body = body[int(size, 16) + 2 :]
    return whole
