"""gunicorn's worker with threads, hardened against slow and broken clients: none of them may block the others."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import signal
import socket
import threading
import time
from typing import Any

from gunicorn.http.errors import ParseException
from gunicorn.workers.gthread import ThreadWorker

log = logging.getLogger(__name__)

LINGER_S = 2.0  # for a client to close after our last answer
DRAIN = 65_536  # bytes read at once of what it still says
NO_FILE_S = 0.1  # before checking again whether a file descriptor is free


class _Body:
    """The body of a request as werkzeug is to see it: where it is malformed, reading fails as it does where the client has gone."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def read(self, size: int | None = None) -> bytes:
        try:
            return bytes(self._inner.read(size))
        except ParseException as error:
            raise OSError(errno.EPROTO, str(error)) from error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def _linger_close(sock: socket.socket) -> None:
    """Wait until the client has closed too, lest it lose the end of our answer (RFC 9112, 9.6).

    gunicorn would do that in its main loop and so block all clients; it finds the socket shut down already.
    """
    deadline = time.monotonic() + LINGER_S
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_WR)
        while (left := deadline - time.monotonic()) > 0:
            sock.settimeout(left)
            if not sock.recv(DRAIN):
                break
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn carries no types
    """Bounds how long it waits for a client, since each holds a thread.

    Closes its sockets and stops its work at the signal to stop, since those would delay it for the whole grace time.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ending: list[threading.Thread] = []
        self._asking: dict[
            socket.socket, float
        ] = {}  # clients whose request has not come to the end of its head, and since when

    def accept(self, listener: socket.socket) -> None:
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            log.warning("cannot accept connections for now: %s", error.strerror)
            time.sleep(NO_FILE_S)

    def handle(self, conn: Any) -> Any:
        self._asking[conn.sock] = time.monotonic()
        try:
            result = super().handle(conn)
        finally:
            self._asking.pop(conn.sock, None)
        if result is False:
            _linger_close(conn.sock)
        return result

    def handle_request(self, req: Any, conn: Any) -> Any:
        self._asking.pop(conn.sock, None)
        conn.sock.settimeout(self.app.client_timeout_s)  # of each read of the body, and of each write of the answer
        req.body = _Body(req.body)
        try:
            return super().handle_request(req, conn)
        except TimeoutError:
            log.info("a client timed out after %d s", self.app.client_timeout_s)
            return False

    def murder_pending(self) -> None:
        """Called once per second."""
        super().murder_pending()
        self._drop_slow_clients()
        if self.alive and self.app.site.should_exit():
            os.kill(self.ppid, signal.SIGTERM)

    def _drop_slow_clients(self) -> None:
        """The thread that reads then finds the end of its input."""
        latest = time.monotonic() - self.app.client_timeout_s
        for sock, since in list(self._asking.items()):
            if since < latest:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RD)

    def init_signals(self) -> None:
        super().init_signals()
        signal.signal(
            signal.SIGINT, signal.SIG_IGN
        )  # a terminal's Ctrl-C goes to the arbiter too, which ends us in order

    def handle_exit(self, sig: int, frame: Any) -> None:
        site = self.app.site
        if self.alive and site is not None:  # in threads: a signal handler must not wait for locks
            self.ending = [threading.Thread(target=end, daemon=True) for end in (site.close_sockets, site.stop_work)]
            for thread in self.ending:
                thread.start()
        super().handle_exit(sig, frame)

    def handle_quit(self, sig: int, frame: Any) -> None:
        """What the arbiter sends after Ctrl-C; it ends the same way."""
        self.handle_exit(sig, frame)
