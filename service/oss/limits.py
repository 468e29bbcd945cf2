"""HTTP to object storage within limits: one that accepts and says nothing, or trickles, holds no thread for long.

urllib3's timeouts are for each wait on a socket: a byte now and then outlives them for ever. So an operation has an end besides, at which
the sockets that it uses are shut down; whatever waits on them returns.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, TimeoutError

from common.request_id import upstream

CONNECTIONS = 16  # that are kept
SLOWEST = 128 << 10  # bytes a second: an operation has this much more time than its answer needs
LATE = "no answer in time"
BUSY = [500, 502, 503, 504]


@dataclass(frozen=True)
class Patience:
    """Seconds: until a connection stands, of silence within an operation, and of the whole, beside the time that its bytes take."""

    connect_s: float
    silence_s: float
    total_s: float
    retries: int


PATIENT = Patience(connect_s=5, silence_s=30, total_s=60, retries=3)
HURRIED = Patience(connect_s=1.5, silence_s=3, total_s=3.5, retries=0)
"""For those who wait for an answer; it comes within 5 s, tidying up included."""


class Limit:
    """One operation's end, and the connections that it uses."""

    def __init__(self, patience: Patience, size: int) -> None:
        self._patience = patience
        self._lock = threading.Lock()
        self._used: set[_Http] = set()
        self._gave_up = False
        self.expired = False
        self.kept = False
        self._set_end(size)

    def _set_end(self, size: int) -> None:
        seconds = self._patience.total_s + size / SLOWEST
        self._ends_at = time.monotonic() + seconds
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True
        self._timer.start()

    def options(self) -> dict[str, Any]:
        """How urllib3 is to make the next request; raises its `TimeoutError` when there is no time for one."""
        self.check()
        left = max(0.01, self._ends_at - time.monotonic())
        patience = self._patience
        timeout = urllib3.Timeout(connect=min(patience.connect_s, left), read=min(patience.silence_s, left))
        if not patience.retries:
            return {"timeout": timeout, "retries": False}
        retries = urllib3.Retry(total=patience.retries, backoff_factor=0.2, status_forcelist=BUSY)
        return {"timeout": timeout, "retries": retries}

    def check(self) -> None:
        """Raise urllib3's `TimeoutError` when nothing more is to be asked."""
        if self.expired or self._gave_up:
            raise TimeoutError(LATE)

    def failed(self) -> None:
        """A request failed. Who is in a hurry makes no further one, such as to tidy up an upload in parts."""
        self._gave_up = not self._patience.retries

    def adopt(self, connection: _Http) -> None:
        """The connection is about to be used by this operation."""
        with self._lock:
            self.check()
            self._used.add(connection)
            connection.limit = self

    def keep(self, size: int) -> None:
        """The operation goes on, until `end`, with an answer of `size` bytes."""
        self._timer.cancel()
        self.kept = True
        self._set_end(size)

    def end(self) -> None:
        """The operation is done; its connections are free for others."""
        self._timer.cancel()
        with self._lock:
            self._used.clear()

    def _expire(self) -> None:
        with self._lock:
            self.expired = True
            for connection in self._used:
                if connection.limit is self:  # it may be in another's hands by now
                    connection.shut_down()


_current: ContextVar[Limit | None] = ContextVar("limit", default=None)


@contextmanager
def limited(patience: Patience, size: int = 0) -> Iterator[Limit]:
    """Limit what the block asks of storage, with `size` bytes to be sent. Raises urllib3's `TimeoutError` when that took too long.

    What such a block returned or raised counts for nothing: to its reader an answer that was cut off may look like a whole one.
    """
    limit = Limit(patience, size)
    token = _current.set(limit)
    try:
        yield limit
        limit.check()
    except Exception as error:
        if limit.expired:
            raise TimeoutError(LATE) from error
        raise
    finally:
        _current.reset(token)
        if not limit.kept:
            limit.end()


class _Http(HTTPConnection):
    limit: Limit | None = None
    _wire: socket.socket | None = None

    def connect(self) -> None:
        self._wire = None
        _adopt(self)
        super().connect()
        self._wire = self.sock  # `sock` is gone where the answer is the last on its connection

    def request(self, *args: Any, **options: Any) -> None:
        _adopt(self)
        super().request(*args, **options)

    def shut_down(self) -> None:
        """Make whoever waits for this connection's peer return."""
        _shut_down(self._wire or self.sock)


class _Https(_Http, HTTPSConnection):
    pass


def _adopt(connection: _Http) -> None:
    limit = _current.get()
    if limit is not None:
        limit.adopt(connection)


def _shut_down(wire: socket.socket | None) -> None:
    if wire is not None:
        with suppress(OSError):  # closed already
            socket.socket.shutdown(wire, socket.SHUT_RDWR)  # TLS's own would touch what a reader has in its hands


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


class LimitedPool(urllib3.PoolManager):
    """A pool of connections whose requests keep to the operation that they are made in (`limited`)."""

    def __init__(self) -> None:
        super().__init__(maxsize=CONNECTIONS)
        self.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}

    def urlopen(  # type: ignore[override]  # as the class that it is of has it
        self, method: str, url: str, redirect: bool = True, **options: Any
    ) -> urllib3.BaseHTTPResponse:
        """See urllib3."""
        limit = _current.get()
        with upstream():
            if limit is None:
                return super().urlopen(method, url, redirect, **options)
            try:
                return super().urlopen(method, url, redirect, **{**options, **limit.options()})
            except HTTPError:
                limit.failed()
                raise
