"""A web server's worker whose main loop is taken one step at a time, with one connection and its client."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable
from types import SimpleNamespace

from gunicorn.config import Config

from common.shared import Shared
from runtime.connections import ClientSocket, Connection, Crowd
from runtime.gunicorn_worker import MAX_HEADS, Worker
from runtime.request_head import HeadLimits
from runtime.thread_pool import ThreadPool

LIMITS = HeadLimits(1000, 1000)


class MainLoop:
    """`may_be_at_once` says which heads the loop answers itself; the client has `patience_s` seconds left."""

    def __init__(self, may_be_at_once: Callable[[bytes], bool], patience_s: float) -> None:
        ours, self.client = socket.socketpair()
        self.client.settimeout(60)
        self.conn = Connection(Config(), ClientSocket.of(ours), ("127.0.0.1", 1), ("127.0.0.1", 2), "127.0.0.1")
        self.conn.expect(LIMITS, time.monotonic() + patience_s)
        self.handed_over: list[Connection] = []
        self.worker = worker = Worker.__new__(Worker)
        site = SimpleNamespace(may_be_at_once=may_be_at_once)
        worker.app = SimpleNamespace(client_timeout_s=30, shared=Shared(), processes=1, site=site)
        worker.cfg, worker.alive = Config(), True
        worker.tpool, worker.poller = ThreadPool(1, idle_s=0.05), selectors.DefaultSelector()
        worker.nr_conns, worker.enqueue_req = 1, self.handed_over.append
        worker._unasked, worker._heads, worker._at_work, worker._next_look = Crowd(), 0, {}, 0.0
        worker._max_of_address = worker._max_unasked = 10
        worker._max_heads, worker._head_limits = MAX_HEADS, LIMITS
        worker._watch(self.conn)

    def close(self) -> None:
        """Both ends of the connection."""
        self.worker.poller.close()
        self.client.close()
        self.conn.sock.close()
