"""The web server's connections: who they come from, whether a thread waits for their client, and which goes when there are too many."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import IPv4Network, IPv6Address, IPv6Network
from typing import Any, NamedTuple

from gunicorn.workers.gthread import TConn

from config.addresses import parse_address
from runtime.request_head import HeadLimits, RequestHead

SLOWEST_BODY = 4096  # bytes a second, on the average after the first patience
BROWSER_SHARE = 8  # an address with no more connections is no reason to drop one of them: browsers open 6
IPV6_PREFIX = 64  # whoever has one address of such a network has them all


class Pace:
    """How long one may wait for a body: `left_s` seconds, and one more for every `SLOWEST_BODY` bytes that come."""

    def __init__(self, patience_s: float) -> None:
        self.left_s = patience_s

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """What the block takes is waited; raises `TimeoutError` when there is no time left."""
        if self.left_s <= 0:
            raise TimeoutError("the body comes too slowly")
        began = time.monotonic()
        try:
            yield
        finally:
            self.left_s -= time.monotonic() - began


class ClientSocket(socket.socket):
    """A client's socket that says whether a thread waits on it, and for what; `keeping` bounds what it reads meanwhile by a pace."""

    receiving = sending = False
    _pace: Pace | None = None

    @classmethod
    def of(cls, accepted: socket.socket) -> ClientSocket:
        """The accepted socket's connection; the given object is left without it."""
        return cls(accepted.family, accepted.type, accepted.proto, fileno=accepted.detach())

    @contextmanager
    def keeping(self, pace: Pace) -> Iterator[None]:
        """Read at this pace until the block ends."""
        self._pace = pace
        try:
            yield
        finally:
            self._pace = None

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """See `socket.socket.recv`; raises `TimeoutError` at a slower pace than what `keeping` allows."""
        self.receiving = True
        try:
            return super().recv(size, flags) if self._pace is None else self._recv_at(self._pace, size, flags)
        finally:
            self.receiving = False

    def _recv_at(self, pace: Pace, size: int, flags: int) -> bytes:
        timeout = self.gettimeout()
        with pace.waiting():
            self.settimeout(pace.left_s if timeout is None else min(timeout, pace.left_s))
            try:
                data = super().recv(size, flags)
            finally:
                self.settimeout(timeout)
        pace.left_s += len(data) / SLOWEST_BODY
        return data

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """See `socket.socket.sendall`."""
        self.sending = True
        try:
            super().sendall(data, flags)
        finally:
            self.sending = False

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """See `socket.socket.sendfile`."""
        self.sending = True
        try:
            return super().sendfile(file, offset, count)
        finally:
            self.sending = False


class Ready(NamedTuple):
    """What is to be sent, and whether the connection ends with it."""

    data: bytes
    closes: bool


class Connection(TConn):  # type: ignore[misc]  # gunicorn carries no types
    """One client's connection. `origin` is whom it counts for, None for a trusted proxy, which stands for many."""

    sock: ClientSocket

    def __init__(self, cfg: Any, sock: ClientSocket, client: Any, server: Any, origin: str | None) -> None:
        super().__init__(cfg, sock, client, server)
        self.origin = origin
        self.head = RequestHead(HeadLimits(0, 0))
        self.since = self.deadline = 0.0  # of the monotonic clock; until then the head has come, or the client gone
        self.rest: Ready | None = None  # of an answer that the client did not take at once
        self.leaving = False  # answered for the last time
        self.interrupted = False

    def expect(self, limits: HeadLimits, deadline: float) -> None:
        """Begin with the next request's head."""
        self.sock.setblocking(False)
        self.head, self.since, self.deadline = RequestHead(limits), time.monotonic(), deadline

    def begin(self) -> None:
        """Give what was read to gunicorn's parser, which a thread is to go on with."""
        self.init()
        self.parser.unreader.unread(bytes(self.head.data))
        self.head.data.clear()
        self.since = time.monotonic()

    def interrupt(self) -> None:
        """Let the thread that waits for the client find the end of its input, or that nothing can be sent any more."""
        self.interrupted = True
        with suppress(OSError):  # the client has gone by itself
            self.sock.shutdown(socket.SHUT_RDWR if self.sock.sending else socket.SHUT_RD)

    @property
    def waits(self) -> bool:
        """Whether a thread waits for the client."""
        return (self.sock.receiving or self.sock.sending) and not self.interrupted


class Crowd:
    """Connections by whom they count for, the oldest of each first."""

    def __init__(self, connections: Iterable[Connection] = ()) -> None:
        self._by_origin: dict[str | None, dict[Connection, None]] = {}
        for connection in connections:
            self.add(connection)

    def __len__(self) -> int:
        return sum(map(len, self._by_origin.values()))

    def __iter__(self) -> Iterator[Connection]:
        for of_origin in list(self._by_origin.values()):
            yield from list(of_origin)

    def __contains__(self, connection: Connection) -> bool:
        return connection in self._by_origin.get(connection.origin, ())

    def add(self, connection: Connection) -> None:
        """Add the youngest."""
        self._by_origin.setdefault(connection.origin, {})[connection] = None

    def remove(self, connection: Connection) -> None:
        """Take one out."""
        of_origin = self._by_origin[connection.origin]
        del of_origin[connection]
        if not of_origin:
            del self._by_origin[connection.origin]

    def oldest_of(self, origin: str | None, most: int) -> Connection | None:
        """The oldest of an address that has more than `most`; trusted proxies may have any number."""
        of_origin = self._by_origin.get(origin, {})
        return next(iter(of_origin)) if origin is not None and len(of_origin) > most else None

    def to_drop(self) -> Connection | None:
        """The oldest of the address that has most, of trusted proxies' only where there is no other.

        Addresses with no more than a browser's share are alike.
        """

        def by_claim(item: tuple[str | None, dict[Connection, None]]) -> tuple[bool, int, float]:
            origin, connections = item
            return origin is not None, max(len(connections), BROWSER_SHARE), -next(iter(connections)).since

        if not self._by_origin:
            return None
        _, connections = max(self._by_origin.items(), key=by_claim)
        return next(iter(connections))


def origin_of(client: Any, proxies: Iterable[IPv4Network | IPv6Network]) -> str | None:
    """Whom a connection from this socket address counts for: its IPv4 address, its IPv6 network, or None for one of the proxies."""
    address = parse_address(client[0]) if isinstance(client, tuple) else None
    if address is None:
        return ""
    if any(address in network for network in proxies):
        return None
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address), IPV6_PREFIX), strict=False))
    return str(address)
