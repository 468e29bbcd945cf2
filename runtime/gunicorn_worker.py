"""gunicorn's worker with threads, hardened against slow and broken clients: none of them may block the others.

The main loop reads what clients say until a request's head is whole (`runtime.request_head`), and waits for them to go after their last
answer; only what lies between has a thread. Connections that have none are bounded: beyond the bound the oldest of the address that has
most is dropped. Where all threads are busy and requests wait, those that wait for their client go in the same order.

Of several processes each has its part of those bounds. They accept from one socket, which would leave a burst of connections to whichever
wakes first: so one that has more than another waits for a moment before it takes the next.
"""

from __future__ import annotations

import errno
import logging
import selectors
import signal
import socket
import threading
import time
from functools import partial
from typing import Any

from gunicorn.http.errors import ParseException
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker

from runtime import at_once
from runtime.arbiter import Place
from runtime.connections import ClientSocket, Connection, Crowd, Pace, Ready, origin_of
from runtime.refusals import refuse
from runtime.request_head import HeadLimits
from runtime.thread_pool import ThreadPool

log = logging.getLogger(__name__)

LINGER_S = 2.0  # for a client to close after our last answer, lest it lose the answer's end (RFC 9112, 9.6)
READ = 65_536  # bytes at once of what a client says
NO_FILE_S = 0.1  # before checking again whether a file descriptor is free
LOOK_S = 0.5  # between two looks at who is late
SETTLED_S = 1.0  # a younger request is not interrupted
ROOM_SHARE = 4  # at least one of so many connections is for clients that have not asked yet
UNASKED_SHARE, ADDRESS_SHARE = 0.75, 0.25  # of that room; of that, one address's
MAX_HEADS = 64 << 20  # bytes of all heads that are not whole, in all processes
YIELD_S = 0.001  # in which another process may take a connection
ASKING = 4  # so many WebSockets weigh what a connection does that asks
UNREAD = (
    32 << 10
)  # bytes of a body that nobody reads, before the connection ends with the answer; gunicorn passes over twice as many


class _Body:
    """The body of a request as werkzeug is to see it: one that is malformed or too slow reads as if the client had gone."""

    def __init__(self, inner: Any, sock: ClientSocket, pace: Pace) -> None:
        self._inner, self._sock, self._pace = inner, sock, pace
        self._ended = False

    @property
    def is_unread(self) -> bool:
        """Whether so much is left that the next request would not be looked for behind it; of a body in chunks nobody knows how much is."""
        left = getattr(self._inner.reader, "length", None)
        return not self._ended if left is None else left > UNREAD

    def read(self, size: int | None = None) -> bytes:
        try:
            with self._sock.keeping(self._pace):
                data = bytes(self._inner.read(size))
        except ParseException as error:
            raise OSError(errno.EPROTO, str(error)) from error
        self._ended = not data
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn carries no types
    """Bounds how long it waits for a client, and how many clients it waits for.

    Closes its WebSockets and stops its work at the signal to stop, since those would delay it for the whole grace time.
    """

    place: Place

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ending: list[threading.Thread] = []
        room = max(self.worker_connections - self.cfg.threads, self.worker_connections // ROOM_SHARE)
        self.max_keepalived = self.worker_connections  # gunicorn's bound; ours are below
        self._threads = min(self.cfg.threads, self.worker_connections - room)
        self._max_unasked = max(1, int(UNASKED_SHARE * room))
        self._max_of_address = max(1, int(ADDRESS_SHARE * self._max_unasked))
        self._max_heads = MAX_HEADS // self.app.processes
        self._head_limits = HeadLimits(
            line=self.cfg.limit_request_line,
            headers=self.cfg.limit_request_fields * (self.cfg.limit_request_field_size + 2) + 4,  # as gunicorn counts
        )
        self._unasked = Crowd()  # those without a thread
        self._heads = 0  # bytes of theirs
        self._at_work: dict[Connection, None] = {}
        self._next_look = 0.0

    def get_thread_pool(self) -> ThreadPool:
        return ThreadPool(self._threads)

    # A connection's way: accept, _expect, _hear, _hand_over; in a thread: handle; then finish_request, and _expect again or _leave.

    def accept(self, listener: socket.socket) -> None:
        if self._has_more_than_another():
            time.sleep(YIELD_S)
        try:
            accepted, client = listener.accept()
        except OSError as error:
            self._not_accepted(error)
            return
        origin = origin_of(client, self.app.trusted_proxies)
        conn = Connection(self.cfg, ClientSocket.of(accepted), client, listener.getsockname(), origin)
        self._count(1)
        self._expect(conn, self.app.client_timeout_s)

    def _count(self, more: int) -> None:
        self.nr_conns += more
        self.app.shared.connections.own = self.nr_conns

    def _has_more_than_another(self) -> bool:
        """More connections. WebSockets, which do not ask, weigh less, but enough that one connection which stays does not keep all away."""
        if self.app.processes == 1:
            return False
        counts = zip(self.app.shared.connections.each(), self.app.shared.sockets.each(), strict=True)
        loads = [None if every < 0 else (every - sockets) * ASKING + sockets for every, sockets in counts]
        own = loads[self.app.shared.connections.number]
        return own is not None and any(load is not None and load < own for load in loads)

    def _not_accepted(self, error: OSError) -> None:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            log.warning("cannot accept connections for now: %s", error.strerror)
            time.sleep(NO_FILE_S)
        elif error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
            raise error

    def _expect(self, conn: Connection, patience_s: float, said: bytes = b"") -> None:
        """Wait for the next request, of which `said` has come already."""
        conn.expect(self._head_limits, time.monotonic() + patience_s)
        self._watch(conn)
        if said:
            self._hear(conn, said)
        else:
            self._on_readable(conn, conn.sock)  # most clients ask at once

    def _watch(self, conn: Connection) -> None:
        """Wait for the client without a thread, and drop somebody else where too many are waited for."""
        too_many = self._unasked.oldest_of(conn.origin, self._max_of_address - 1)
        if too_many is None and len(self._unasked) >= self._max_unasked:
            too_many = self._unasked.to_drop()
        if too_many is not None:
            self._drop(too_many)
        self._unasked.add(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._on_readable, conn))

    def _on_readable(self, conn: Connection, sock: ClientSocket) -> None:
        if conn not in self._unasked:  # dropped since the poller saw it
            return
        try:
            said = sock.recv(READ)
        except BlockingIOError:
            return
        except OSError:
            said = b""
        if not said:
            self._drop(conn)
        elif not conn.leaving:
            self._hear(conn, said)

    def _hear(self, conn: Connection, said: bytes) -> None:
        if not conn.head.data:  # it may be idle for less time than it may take to ask
            conn.deadline = max(conn.deadline, time.monotonic() + self.app.client_timeout_s)
        self._heads += len(said)
        if conn.head.add(said):
            if not self._answers_at_once(conn):
                self._hand_over(conn)
        elif self._heads > self._max_heads:
            self._drop(max(self._unasked, key=lambda one: len(one.head.data)))

    def _answers_at_once(self, conn: Connection) -> bool:
        """Whether the request was one whose answer lay ready. It needs no thread, but for what the client does not take at once."""
        if conn.head.fault is not None or not self.app.site.may_be_at_once(conn.head.data):
            return False
        ready = at_once.answer(self.cfg, self.wsgi, conn, stays=self.alive)
        if ready is None:
            return False
        try:
            sent = conn.sock.send(ready.data)
        except BlockingIOError:
            sent = 0
        except OSError:  # the client has gone
            self._drop(conn)
            return True
        if sent < len(ready.data):
            self._heads -= len(conn.head.data)
            conn.head.data.clear()
            conn.rest = Ready(ready.data[sent:], ready.closes)
            self._hand_over(conn)
        elif ready.closes:
            self._forget(conn)
            self._leave(conn)
        else:
            self._expect_another(conn)
        return True

    def _expect_another(self, conn: Connection) -> None:
        """Wait for the next request of a connection that is waited for already. It has its turn when the others had theirs."""
        self._unasked.remove(conn)
        self._heads -= len(conn.head.data)
        conn.expect(self._head_limits, time.monotonic() + self.cfg.keepalive)
        self._unasked.add(conn)

    def _hand_over(self, conn: Connection) -> None:
        self._forget(conn)
        self._at_work[conn] = None
        conn.begin()
        self.enqueue_req(conn)
        self._make_room()

    def _forget(self, conn: Connection) -> None:
        self._unasked.remove(conn)
        self._heads -= len(conn.head.data)
        self.poller.unregister(conn.sock)

    def _drop(self, conn: Connection) -> None:
        self._forget(conn)
        self._close(conn)

    def _close(self, conn: Connection) -> None:
        self._count(-1)
        conn.close()

    def handle(self, conn: Connection) -> Any:
        if conn.rest is not None:
            return self._send_rest(conn, conn.rest)
        if conn.head.fault is not None:
            self.handle_error(None, conn.sock, conn.client, conn.head.fault)
            return False
        return super().handle(conn)

    def _send_rest(self, conn: Connection, rest: Ready) -> bool:
        conn.rest = None
        conn.sock.settimeout(self.app.client_timeout_s)
        try:
            conn.sock.sendall(rest.data)
        except TimeoutError:
            return self._timed_out()
        except OSError:  # the client has gone
            return False
        return not rest.closes

    def handle_request(self, req: Any, conn: Connection) -> Any:
        patience_s = self.app.client_timeout_s
        conn.sock.settimeout(patience_s)  # of each read of the body, and of each write of the answer
        body = req.body = _Body(req.body, conn.sock, Pace(patience_s))
        asks_to_close = req.should_close
        req.should_close = lambda: (
            asks_to_close() or body.is_unread
        )  # asked when the answer's head is written, which has to say it
        try:
            return super().handle_request(req, conn)
        except TimeoutError:
            return self._timed_out()

    def _timed_out(self) -> bool:
        log.info("a client timed out after %d s", self.app.client_timeout_s)
        return False

    def handle_error(self, req: Any, client: ClientSocket, addr: Any, exc: BaseException) -> None:
        refuse(req, client, addr, exc, self.app.site.refused)

    def finish_request(self, conn: Connection, fs: Any) -> None:
        """Called in the main loop when the thread is done."""
        del self._at_work[conn]
        if fs.exception() is None and fs.result():
            patience_s = self.cfg.keepalive if self.alive else min(self.cfg.keepalive, STOP_KEEPALIVE_LINGER)
            self._expect(conn, patience_s, conn.parser.unreader.take_buffered())
        else:
            self._leave(conn)

    def _leave(self, conn: Connection) -> None:
        """Say that this was the last answer, and give the client a moment to close first."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:  # it has gone
            self._close(conn)
            return
        conn.leaving = True
        conn.expect(self._head_limits, time.monotonic() + LINGER_S)
        self._watch(conn)

    def murder_keepalived(self, force: bool = False) -> None:
        """Called by the main loop, at least once per second: drop who is late; all with `force`."""
        now = time.monotonic()
        if not force and now < self._next_look:
            return
        self._next_look = now + LOOK_S
        for conn in self._unasked:
            if conn.deadline <= now and not force and not conn.head.data:
                self._on_readable(conn, conn.sock)  # it may have asked while this loop was held up
            if conn in self._unasked and (force or conn.deadline <= now):
                self._drop(conn)
        self._make_room()

    def _make_room(self) -> None:
        """Interrupt as many threads that wait for their client as there are requests that wait for a thread."""
        backlog = self.tpool.backlog
        if not backlog:
            return
        backlog -= sum(conn.interrupted for conn in self._at_work)
        young = time.monotonic() - SETTLED_S
        waiting = Crowd(conn for conn in self._at_work if conn.waits and conn.since < young)
        while backlog > 0 and (conn := waiting.to_drop()) is not None:
            waiting.remove(conn)
            conn.interrupt()
            backlog -= 1

    def _cap_keepalive(self, deadline: float) -> None:
        """Called when the worker begins to stop."""
        for conn in self._unasked:
            conn.deadline = min(conn.deadline, deadline)

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
