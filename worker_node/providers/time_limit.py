"""How long a call may take as a whole: at its end the sockets that it uses are shut down, and whatever waits on them returns.

A socket's own timeout is for each wait: a byte now and then outlives it for ever.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from worker_node.providers.deadline import Deadline


class Wires:
    """The sockets of one client, which makes its connections by `pools`."""

    def __init__(self) -> None:
        self._open: set[Any] = set()
        self._lock = threading.Lock()
        self.pools: dict[str, Any] = {
            "http": _pool(HTTPConnectionPool, HTTPConnection, self),
            "https": _pool(HTTPSConnectionPool, HTTPSConnection, self),
        }

    def add(self, wire: Any) -> None:
        """Another one."""
        with self._lock:
            self._open = {each for each in self._open if each.fileno() >= 0} | {wire}

    @contextmanager
    def until(self, deadline: Deadline) -> Iterator[None]:
        """Shut all of them down where the block takes longer."""
        timer = threading.Timer(deadline.left(), self._shut_down)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _shut_down(self) -> None:
        with self._lock:
            for wire in self._open:
                with suppress(OSError):  # closed already
                    socket.socket.shutdown(
                        wire, socket.SHUT_RDWR
                    )  # TLS's own would touch what a reader has in its hands


def _pool(pool: type, connection: type, wires: Wires) -> type:
    """A connection pool's class whose connections tell their sockets."""

    def connect(self: Any) -> None:
        connection.connect(self)  # type: ignore[attr-defined]  # of urllib3's HTTPConnection
        wires.add(self.sock)

    return type(
        pool.__name__, (pool,), {"ConnectionCls": type(connection.__name__, (connection,), {"connect": connect})}
    )
