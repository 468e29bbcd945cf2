"""gunicorn in this process: an arbiter, web processes with a thread per connection at work, and where there are several a processor's.

They are forked with everything imported and before anything is connected, so that they share the memory of the first and no connection;
what each needs is built in it. All accept from one listening socket: see `runtime.gunicorn_worker`.
"""

from __future__ import annotations

import gc
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
from common.request_id import Served
from common.shared import Shared
from config.addresses import parse_network
from config.settings import ServerSettings
from runtime import logging_setup
from runtime.arbiter import Arbiter, Gate, Place
from runtime.gunicorn_worker import Worker
from runtime.logging_setup import name_process
from runtime.processor_worker import ProcessorWorker
from service.metrics import instruments

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
class Work:
    """What a process runs, and how it ends: at the signal to end `stop_work`, then `close`, which releases connections."""

    stop_work: Callable[[], None]
    close: Callable[[], None]


@dataclass(frozen=True)
class Site(Work):
    """What a web process serves. At the signal to end `close_sockets` and `stop_work` run beside the last requests."""

    app: Flask

    def refused(self, method: str, client: str, status: int, size: int, served: Served) -> None:
        """See `Observed.refused`."""
        self.app.extensions["observed"].refused(method, client, status, size, served)

    def may_be_at_once(self, head: bytes | bytearray) -> bool:
        """See `HotReads.may_be_at_once`."""
        return bool(self.app.extensions["hot_reads"].may_be_at_once(head))

    def close_sockets(self) -> None:
        """Close every open WebSocket: a thread waits on each."""
        self.app.extensions["sockets"].close_all()


@dataclass(frozen=True)
class Plan:
    """What the processes are to run: each web process `web`, which is given what all of them share; one of its own `work`, if any.

    The server stops by itself when `should_exit`, asked once per second, says that the embedded parts have exited.
    """

    web: Callable[[Shared], Site]
    work: Callable[[], Work] | None = None
    should_exit: Callable[[], bool] = lambda: False


def serve(listener: socket.socket, settings: ServerSettings, plan: Plan) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code. Call it from the main thread.

    Of the settings `processes` and `threads` are what `config.processes.shared_out` made of them.
    """
    try:
        _Gunicorn(listener, settings, plan).run()
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
    """The application as gunicorn's arbiter and workers know it."""

    def __init__(self, listener: socket.socket, settings: ServerSettings, plan: Plan) -> None:
        self._listener, self._settings, self._plan = listener, settings, plan
        self.site: Site | None = None
        self.held: Work | None = None  # the site or, in the processor's process, the work
        self.should_exit = plan.should_exit
        self.client_timeout_s = settings.client_timeout_s
        self.trusted_proxies = tuple(map(parse_network, settings.trusted_proxies))
        self.processes = max(1, settings.processes)
        self.places = _places(self.processes, with_work=plan.work is not None)
        self.numbers = instruments.share(len(self.places))
        self.shared = Shared(self.processes, settings.answer_cache)
        self.gate = Gate()
        if plan.work is None:
            self.gate.let_go()
        super().__init__()

    def run(self) -> None:
        if len(self.places) > 1:
            name_process("main")
        _let_the_collector_pass_over_what_stays()
        Arbiter(self).run()

    def load_config(self) -> None:
        """gunicorn's settings; its own command line, file and environment are not read."""
        threads = self._settings.threads + self._settings.max_sockets
        line = LINE_FACTOR * self._settings.max_request_line
        message.MAX_REQUEST_LINE = line + 1  # gunicorn's own bound, which would clamp any larger limit to 8,190
        message.RFC9112_TARGET_INVALID = NO_TARGET
        values: dict[str, Any] = {
            "bind": [f"fd://{os.dup(self._listener.fileno())}"],  # a copy: gunicorn closes what it gets
            "workers": len(self.places),
            "worker_class": Worker,
            "threads": threads,
            "worker_connections": connections_that_fit(threads + IDLE_CONNECTIONS // self.processes),
            "keepalive": KEEPALIVE_S,
            "limit_request_line": line,
            "timeout": HANG_S,
            "graceful_timeout": GRACE_S,
            "logger_class": _Logger,
            "control_socket_disable": True,
            "forwarded_allow_ips": "",  # `routers.middleware` looks at these headers, and knows whom to believe
            "pre_fork": _pre_fork,
            "post_fork": _post_fork,
            "child_exit": _child_exit,
            "worker_exit": _worker_exit,
        }
        for name, value in values.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Called in a web process, after the fork."""
        self.held = self.site = self._plan.web(self.shared)
        _let_the_collector_pass_over_what_stays()
        self.gate.wait()
        return self.site.app

    def begin_work(self) -> None:
        """Called in the processor's process."""
        if self._plan.work is not None:
            self.held = self._plan.work()
        self.gate.let_go()


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


def _let_the_collector_pass_over_what_stays() -> None:
    """Modules, classes and routes stay as long as the process does: looking through them takes time, and memory that was shared."""
    gc.collect()
    gc.freeze()


def _places(processes: int, *, with_work: bool) -> tuple[Place, ...]:
    """The processor first, as in the start order. A process that is alone has no name."""
    alone = processes == 1 and not with_work
    web = (Place("" if alone else f"web-{number + 1}", Worker, number) for number in range(processes))
    return (Place("processor", ProcessorWorker, None), *web) if with_work else tuple(web)


def _pre_fork(arbiter: Any, worker: Any) -> None:
    worker.place = arbiter.next_place


def _post_fork(arbiter: Any, worker: Any) -> None:
    end_with_parent(arbiter.pid, signal.SIGKILL)
    worker.app.numbers.join(worker.app.places.index(worker.place))
    if worker.place.name:
        name_process(worker.place.name)
        log.info("process %d", os.getpid())
    if worker.place.number is not None:
        worker.app.shared.join(worker.place.number)


def _child_exit(arbiter: Any, worker: Any) -> None:
    """In the arbiter, when it has seen a process's end."""
    instruments.ended(arbiter.app.places.index(worker.place))
    if worker.place.number is not None:
        arbiter.app.shared.leave(worker.place.number)


def _worker_exit(_arbiter: Any, worker: Any) -> None:
    held = worker.app.held
    if held is None:  # it did not get that far; or this is the arbiter, for one that is gone already
        return
    for thread in worker.ending or [threading.Thread(target=held.stop_work, daemon=True)]:
        if not thread.ident:
            thread.start()
        thread.join(GRACE_S)
    held.close()
    logging_setup.flush()
    sys.stderr.flush()
    # Threads of requests that are still at work would be waited for at an ordinary exit; no client waits for their answers any more.
    os._exit(0)
