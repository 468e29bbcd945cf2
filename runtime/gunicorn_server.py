"""gunicorn in this process: an arbiter and one worker process with a thread per connection at work.

The worker is forked before anything is connected; what it needs is built in it by `Site.build`. No preload: connections that two processes
share answer the wrong one.
"""

from __future__ import annotations

import logging
import os
import re
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.http import message

from common.parent_death import end_with_parent
from config.addresses import parse_network
from config.settings import ServerSettings
from runtime.gunicorn_worker import Worker

log = logging.getLogger(__name__)

GRACE_S = 3  # for requests at work when the server stops; the worker is killed after it
HANG_S = 120  # a worker whose main loop stood still for so long is replaced
KEEPALIVE_S = 5
# What no address of a request holds. gunicorn's own takes ASCII only, but curl sends Chinese as it is.
NO_TARGET = re.compile(r"[\x00-\x20\x7f]")
LINE_FACTOR = 4  # our own answer to a long request line is JSON; gunicorn cuts off what is longer still
IDLE_CONNECTIONS = 1000  # kept alive beside those at work
FILES_PER_CONNECTION = 2  # the socket, and what waits on it
OTHER_FILES = 256  # databases, Redis, logs, files that are sent, the processor's


@dataclass(frozen=True)
class Site:
    """What the worker process serves, and how it ends.

    At the signal to end, `close_sockets` and `stop_work` run beside the last requests; then `close` releases connections.
    The server stops by itself when `should_exit`, asked once per second, says that the embedded parts have exited.
    """

    app: Flask
    stop_work: Callable[[], None]
    close: Callable[[], None]
    should_exit: Callable[[], bool] = lambda: False

    def close_sockets(self) -> None:
        """Close every open WebSocket: a thread waits on each."""
        self.app.extensions["sockets"].close_all()


def serve(listener: socket.socket, settings: ServerSettings, build: Callable[[], Site]) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code. Call it from the main thread."""
    try:
        _Gunicorn(listener, settings, build).run()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


def connections_that_fit(wanted: int) -> int:
    """How many of the wanted connections this process may hold. Reaching the limit on open files would end gunicorn's worker.

    The soft limit, usually 1,024, is raised as far as the hard one lets us; where that is not enough, further clients wait to be accepted.
    """
    needed = FILES_PER_CONNECTION * wanted + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed == needed:
        return wanted
    fit = max(1, (allowed - OTHER_FILES) // FILES_PER_CONNECTION)
    log.warning(
        "only %d of %d connections fit into the limit of %d open files: raise it (ulimit -n)", fit, wanted, allowed
    )
    return fit


class _Gunicorn(BaseApplication):  # type: ignore[misc]  # gunicorn carries no types
    def __init__(self, listener: socket.socket, settings: ServerSettings, build: Callable[[], Site]) -> None:
        self._listener, self._settings, self._build = listener, settings, build
        self.site: Site | None = None
        self.client_timeout_s = settings.client_timeout_s
        self.trusted_proxies = tuple(map(parse_network, settings.trusted_proxies))
        super().__init__()

    def load_config(self) -> None:
        """gunicorn's settings; its own command line, file and environment are not read."""
        threads = self._settings.threads + self._settings.max_sockets
        line = LINE_FACTOR * self._settings.max_request_line
        message.MAX_REQUEST_LINE = line + 1  # gunicorn's own bound, which would clamp any larger limit to 8,190
        message.RFC9112_TARGET_INVALID = NO_TARGET
        values: dict[str, Any] = {
            "bind": [f"fd://{os.dup(self._listener.fileno())}"],  # a copy: gunicorn closes what it gets
            "workers": 1,
            "worker_class": Worker,
            "threads": threads,
            "worker_connections": connections_that_fit(threads + IDLE_CONNECTIONS),
            "keepalive": KEEPALIVE_S,
            "limit_request_line": line,
            "timeout": HANG_S,
            "graceful_timeout": GRACE_S,
            "logger_class": _Logger,
            "control_socket_disable": True,
            "forwarded_allow_ips": "",  # `routers.middleware` looks at these headers, and knows whom to believe
            "post_fork": _post_fork,
            "worker_exit": _worker_exit,
        }
        for name, value in values.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Called in the worker, after the fork."""
        self.site = self._build()
        return self.site.app


class _Logger(Logger):  # type: ignore[misc]  # gunicorn carries no types
    """gunicorn's lines among ours; it has no lines for single requests."""

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg
        self._access_log_enabled = False
        self.error_log.handlers.clear()
        self.error_log.propagate = True
        self.error_log.setLevel(logging.WARNING)

    def close_on_exec(self) -> None:
        """There are no files of its own."""


def _post_fork(arbiter: Any, _worker: Any) -> None:
    end_with_parent(arbiter.pid, signal.SIGKILL)


def _worker_exit(_arbiter: Any, worker: Any) -> None:
    site = worker.app.site
    if site is None:
        return
    for thread in worker.ending or [threading.Thread(target=site.stop_work, daemon=True)]:
        if not thread.ident:
            thread.start()
        thread.join(GRACE_S)
    site.close()
    sys.stderr.flush()
    # Threads of requests that are still at work would be waited for at an ordinary exit; no client waits for their answers any more.
    os._exit(0)
