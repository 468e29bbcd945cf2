"""The open WebSockets: how many there may be in all processes, and how all of this one end."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any

from simple_websocket import ConnectionClosed

from common.shared_counts import SharedCounts
from routers.websocket.follow import SocketClosed

NORMAL = 1000
GOING_AWAY = 1001
INTERNAL_ERROR = 1011
IDLE_S = 2.0  # a look at the connection even without a wake: the library may close just after its own
CLOSE_TIMEOUT_S = 1.0  # for the client's answer to our close


class _WholeSends:
    """The web server's socket as the library is to see it.

    Sends are whole and one at a time, since the library sends pings from a thread of its own. Closing is left to the web server, whose
    count of connections goes wrong when somebody else has done it.
    """

    def __init__(self, inner: socket.socket) -> None:
        self._inner = inner
        self._lock = threading.Lock()

    def send(self, data: bytes) -> int:
        with self._lock:
            self._inner.sendall(data)
        return len(data)

    def close(self) -> None:
        """Do nothing."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class ClientSocket:
    """The library's server socket, as `routers.websocket.follow` wants it."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._connection.sock = _WholeSends(connection.sock)
        self._leaving = threading.Event()

    def send(self, text: str) -> None:
        """Send a text message; raises `SocketClosed`."""
        try:
            self._connection.send(text)
        except (ConnectionClosed, OSError) as error:
            raise SocketClosed from error

    def wake(self) -> None:
        """Make `wait` return."""
        self._connection.event.set()

    def wait(self) -> bool:
        """Wait for `wake`, dropping whatever the client says; False once the client has gone or the server is to end."""
        self._connection.event.wait(IDLE_S)
        try:
            while self._connection.receive(timeout=0) is not None:
                continue
        except ConnectionClosed:
            return False
        return not self._leaving.is_set()

    def leave(self) -> None:
        """Ask the thread that serves this socket to close it because the server is going away."""
        self._leaving.set()
        self.wake()

    def close(self, code: int = NORMAL) -> None:
        """Send a close frame, and give the client a moment to answer, so that it never sees a reset."""
        with contextlib.suppress(ConnectionClosed, OSError):
            self._connection.close(GOING_AWAY if self._leaving.is_set() else code)
            self._connection.thread.join(CLOSE_TIMEOUT_S)
        self.cut()

    def cut(self) -> None:
        """End the connection under whoever uses it."""
        with contextlib.suppress(OSError):
            self._connection.sock.shutdown(socket.SHUT_RDWR)


class Sockets:
    """At most `limit` at once in all processes: each holds a thread of the web server, and plain requests must find one too.

    `counts` has those of each process, open or about to be.
    """

    def __init__(self, limit: int, counts: SharedCounts) -> None:
        self.limit = limit
        self._counts = counts
        self._changed = threading.Condition()
        self._reserved = 0
        self._open: set[ClientSocket] = set()
        self._closing = False

    @property
    def count(self) -> int:
        """How many are open or about to be."""
        return self._reserved

    def reserve(self) -> bool:
        """Take a place before the upgrade; False when there is none."""
        with self._changed:
            if self._closing:
                return False
            self._count(
                1
            )  # before the look: of two processes that take the last place at once, neither misses the other
            if self._counts.total > self.limit:
                self._count(-1)
                return False
            return True

    def _count(self, more: int) -> None:
        self._reserved += more
        self._counts.own = self._reserved

    def release(self) -> None:
        """Give the place back."""
        with self._changed:
            self._count(-1)
            self._changed.notify_all()

    def add(self, client: ClientSocket) -> None:
        """An open socket that `close_all` must reach."""
        with self._changed:
            self._open.add(client)
            if self._closing:
                client.leave()

    def remove(self, client: ClientSocket) -> None:
        """A socket that is closed."""
        with self._changed:
            self._open.discard(client)

    def close_all(self, timeout: float = 2.0) -> None:
        """Close every socket with 1001 and take no new ones; those still there after `timeout` seconds are cut."""
        with self._changed:
            self._closing = True
            for client in self._open:
                client.leave()
            self._changed.wait_for(lambda: self._reserved == 0, timeout)
            for client in self._open:
                client.cut()
