"""The load of `bench.http`: kept connections that send prebuilt requests, one after the other, from one thread without a library.

What it takes itself is some 15 µs of processor time a request, so that it is the server that is measured where both share the cores.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import NamedTuple

RECEIVE = 1 << 18
PATIENCE_S = 60.0
HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length: "


class Load(NamedTuple):
    """What came of a round: good answers a second, their latencies in ms (sorted), and how often each other status came."""

    rate: float
    latencies: list[float]
    others: dict[bytes, int]

    def percentile(self, share: float) -> float:
        """Of the latencies, in ms."""
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


class _Client:
    """One connection and the answer that it waits for."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.since = 0.0
        self._got = bytearray()
        self._missing = -1

    def ask(self, request: bytes) -> None:
        self._got.clear()
        self._missing = -1
        self.since = time.perf_counter()
        self.socket.sendall(request)

    def hear(self) -> bytes:
        """The status once the answer is whole, b"" before."""
        piece = self.socket.recv(RECEIVE)
        if not piece:
            raise ConnectionError("the server closed a connection")
        self._got += piece
        if self._missing < 0:
            end = self._got.find(HEAD_END)
            if end < 0:
                return b""
            head = bytes(self._got[:end]).lower()
            at = head.find(LENGTH)
            length = int(head[at + len(LENGTH) :].partition(b"\r\n")[0]) if at >= 0 else 0
            self._missing = end + len(HEAD_END) + length
        return bytes(self._got[9:12]) if len(self._got) >= self._missing else b""


def load(host: str, next_request: Callable[[], bytes], *, connections: int, seconds: float) -> Load:
    """Ask for so long, each connection again as soon as it has been answered."""
    with ExitStack() as opened, select.epoll() as poll:
        clients = {}
        for _ in range(connections):
            client = _Client(_address(host))
            opened.callback(client.socket.close)
            clients[client.socket.fileno()] = client
            poll.register(client.socket, select.EPOLLIN)
        latencies: list[float] = []
        others: dict[bytes, int] = {}
        began = time.perf_counter()
        end = began + seconds
        for client in clients.values():
            client.ask(next_request())
        waiting = len(clients)
        while waiting:
            ready = poll.poll(PATIENCE_S)
            if not ready:
                raise TimeoutError("no answer came")
            for number, _ in ready:
                client = clients[number]
                status = client.hear()
                if not status:
                    continue
                now = time.perf_counter()
                if status in (b"200", b"304"):
                    latencies.append(1000 * (now - client.since))
                else:
                    others[status] = others.get(status, 0) + 1
                if now < end:
                    client.ask(next_request())
                else:
                    waiting -= 1
        took = time.perf_counter() - began
    return Load(len(latencies) / took, sorted(latencies) or [float("nan")], others)


def request(method: str, host: str, path: str, key: str = "", body: bytes = b"") -> bytes:
    """The bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    if key:
        lines.append(f"Authorization: Bearer {key}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _address(host: str) -> tuple[str, int]:
    name, _, port = host.rpartition(":")
    return name, int(port)
