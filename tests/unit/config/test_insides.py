"""What the code leans on inside of libraries, beyond what they promise. The bounds in pyproject.toml hold the versions of which it is true.

A new version that fails here wants its bound raised only after the named places have been read beside it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import simple_websocket
import urllib3
from gunicorn import arbiter
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.http import message, parser, unreader, wsgi
from gunicorn.workers import base, gthread
from minio import Minio
from psycopg import Connection as PostgresqlConnection
from psycopg import Cursor as PostgresqlCursor
from pymysql.connections import Connection as MysqlConnection
from rq import Queue
from rq.job import Job
from rq.scripts import save_unique_job
from rq.worker import SimpleWorker
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from werkzeug.sansio.multipart import MultipartDecoder

from processor.worker import _RqWorker
from runtime.arbiter import Arbiter
from runtime.gunicorn_server import _Gunicorn, _Logger
from runtime.gunicorn_worker import Worker
from runtime.processor_worker import ProcessorWorker
from service.broker import TaskJob

OVERRIDDEN: list[tuple[type, type, str]] = [
    *(
        (_RqWorker, SimpleWorker, name)
        for name in (
            "dequeue_timeout",  # how long an idle worker's blocking pop takes
            "execute_job",  # runs a job without notes of its own
            "run_maintenance_tasks",  # goes through no job; run at the start and every ten minutes
            "heartbeat",  # made each time the pop returns; StopRequested from it ends the worker
            "_install_signal_handlers",  # signals are not for threads
            "subscribe",
            "unsubscribe",
            "procline",
            "death_penalty_class",
        )
    ),
    *(
        (TaskJob, Job, name)
        for name in (
            "fetch",  # how a worker makes a job of an id; nothing else reads what Redis holds about it
            "redis_job_namespace_prefix",
        )
    ),
    *(
        (Worker, gthread.ThreadWorker, name)
        for name in (
            "get_thread_pool",  # once, after the fork
            "accept",  # by the poller; counts connections
            "handle",  # in a thread; parses the head, calls handle_request; whether to keep the connection
            "handle_request",
            "handle_error",  # answers what the parser refuses
            "finish_request",  # in the main loop, after handle
            "murder_keepalived",  # by the main loop, at least once per second; and at its end
            "_cap_keepalive",  # at the signal to stop
            "init_signals",
            "handle_exit",
            "handle_quit",
        )
    ),
    *(
        (Arbiter, arbiter.Arbiter, name)
        for name in (
            "spawn_workers",
            "spawn_worker",  # returns in the parent alone
            "murder_workers",  # by the main loop, at least once per second
            "handle_usr1",
            "handle_hup",
            "handle_ttin",
            "handle_ttou",
        )
    ),
    *(
        (ProcessorWorker, base.Worker, name)
        for name in ("load_wsgi", "run", "init_signals", "handle_quit")  # the first two once each, after the fork
    ),
    *((_Gunicorn, BaseApplication, name) for name in ("load_config", "load", "run")),
    *((_Logger, Logger, name) for name in ("setup", "close_on_exec")),
]


@pytest.mark.parametrize(("ours", "theirs", "name"), OVERRIDDEN)
def test_what_is_overridden_is_there_with_the_same_parameters(ours: type, theirs: type, name: str) -> None:
    assert name in vars(ours)
    inner = getattr(theirs, name)
    if inspect.isfunction(inner) and name != "heartbeat":  # which takes whatever comes and hands it on
        assert list(inspect.signature(getattr(ours, name)).parameters) == list(inspect.signature(inner).parameters)


@pytest.mark.parametrize(
    ("inside", "names"),
    [
        # processor/worker.py
        (SimpleWorker.execute_job, ["self.set_state"]),
        (SimpleWorker.work, ["self._install_signal_handlers()", "else self.dequeue_timeout", "except StopRequested:"]),
        (SimpleWorker.work, ["self.execute_job(job, queue)"]),
        (SimpleWorker.bootstrap, ["self.subscribe()"]),
        (SimpleWorker.teardown, ["self.unsubscribe()"]),
        (SimpleWorker.dequeue_job_and_maintain_ttl, ["self.heartbeat()", "self.procline(", "self.log_job_description"]),
        (SimpleWorker.work, ["self.should_run_maintenance_tasks", "self.run_maintenance_tasks()"]),
        (SimpleWorker.dequeue_job_and_maintain_ttl, ["self.run_maintenance_tasks()", "job_class=self.job_class"]),
        # models/engines.py
        (vars(MysqlConnection)["_read_bytes"], ["settimeout(self._read_timeout)"]),
        # models/postgresql_engine.py
        (PostgresqlConnection.wait, ["timeout=timeout", "_WaitTimeout"]),
        (PostgresqlCursor.execute, ["self._conn.wait("]),
        # service/broker.py
        (Queue._fetch_dequeued_job, ["job_cls.fetch(", "except NoSuchJobError:"]),
        (Job.key_for, ["cls.redis_job_namespace_prefix"]),
        (Job.exists, ["cls.key_for("]),
        (save_unique_job, ["job.key"]),
        # runtime/gunicorn_worker.py
        (gthread.ThreadWorker.__init__, ["self.worker_connections", "self.nr_conns = 0"]),
        (gthread.ThreadWorker.init_process, ["self.tpool = self.get_thread_pool()", "self.poller = "]),
        (gthread.ThreadWorker.run, ["self.nr_conns < self.worker_connections", "while self.nr_conns > 0"]),
        (gthread.ThreadWorker.run, ["self.murder_keepalived(force=True)"]),
        (gthread.ThreadWorker.run, ["self._cap_keepalive(time.monotonic() + STOP_KEEPALIVE_LINGER)"]),
        (gthread.ThreadWorker.accept, ["errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK", "self.nr_conns += 1"]),
        (gthread.ThreadWorker.wait_for_and_dispatch_events, ["callback(key.fileobj)"]),
        (gthread.ThreadWorker.enqueue_req, ["self.tpool.submit(self.handle, conn)", "self.finish_request, conn, fut"]),
        (gthread.ThreadWorker.finish_request, ["self.nr_conns -= 1", "conn.parser.unreader.buf"]),
        (gthread.ThreadWorker.handle, ["not conn.initialized and", "conn.sock.setblocking(True)", "next(conn.parser)"]),
        (gthread.ThreadWorker.handle, ["self.handle_request(req, conn)", "self.handle_error(req, conn.sock, "]),
        (gthread.TConn.__init__, ["self.sock = sock", "self.parser = None"]),
        (gthread.TConn.init, ["self.initialized = True", "http.get_parser(self.cfg, self.sock, self.client)"]),
        (message.Message.__init__, ["self.limit_request_fields * \\", "(max_header_field_size + 2) + 4"]),
        (parser.Parser.finish_body, ["self.mesg.body.read(", "except (socket.timeout, TimeoutError):"]),
        (unreader.Unreader.read, ["if size is None and self.buf.tell():"]),  # what was unread comes first, all at once
        (unreader.SocketUnreader.chunk, ["self.sock.recv("]),
        (wsgi.Response.sendfile, ["self.sock.sendfile(", "self.sock.sendall("]),
        # runtime/arbiter.py
        (
            arbiter.Arbiter.spawn_worker,
            ["self.worker_class(", "self.cfg.pre_fork(self, worker)", "self.WORKERS[pid] = "],
        ),
        (arbiter.Arbiter.spawn_worker, ["self.cfg.post_fork(self, worker)", "self.cfg.worker_exit(self, worker)"]),
        (arbiter.Arbiter.reap_workers, ["self.WORKERS.pop(wpid, None)", "self.cfg.child_exit(self, worker)"]),
        (arbiter.Arbiter.run, ["self.murder_workers()", "except (StopIteration, KeyboardInterrupt):"]),
        # runtime/processor_worker.py
        (base.Worker.init_process, ["self.PIPE = os.pipe()", "self.load_wsgi()", "self.run()"]),
        (base.Worker.init_signals, ["signal.set_wakeup_fd(self.PIPE[1])"]),
        # runtime/gunicorn_server.py
        (message.Request.__init__, ["MAX_REQUEST_LINE"]),
        (message.Request.parse_request_line, ["RFC9112_TARGET_INVALID.search"]),
        (Logger.setup, ["self._access_log_enabled", "self.error_log"]),
        # routers/multipart.py
        (MultipartDecoder.next_event, ["self._parse_headers(self.buffer["]),
        (MultipartDecoder._parse_headers, ["line.decode()"]),
        # routers/websocket/route.py
        (simple_websocket.Server.choose_subprotocol, ["if subprotocol in self.subprotocols:"]),
        (simple_websocket.Server.__init__, ["self.subprotocols = subprotocols or []"]),
        # service/oss/limits.py
        (Minio._url_open, ["self._http.urlopen("]),
        (urllib3.PoolManager._new_pool, ["self.pool_classes_by_scheme["]),
        (HTTPConnectionPool._new_conn, ["self.ConnectionCls("]),
        (HTTPConnectionPool._make_request, ["self._validate_conn(conn)", "conn.request(", "conn.timeout = "]),
        (HTTPSConnectionPool._validate_conn, ["conn.connect()"]),
        (HTTPConnection.connect, ["self.sock = "]),
        (HTTPSConnection.connect, ["self.sock = sock = self._new_conn()"]),
        # routers/websocket/connections.py
        (simple_websocket.ws.Base.__init__, ["self.sock = sock", "self.event = ", "self.thread = "]),
        (simple_websocket.ws.Base._thread, ["self.sock.recv(", "self.sock.close()", "self.event.set()"]),
        (simple_websocket.ws.Base.send, ["self.sock.send("]),
        (simple_websocket.ws.Base.receive, ["self.event.wait(timeout=timeout)", "self.event.clear()"]),
    ],
)
def test_what_is_relied_upon_is_still_inside(inside: Callable[..., Any], names: list[str]) -> None:
    source = inspect.getsource(inside)
    assert [name for name in names if name not in source] == []


def test_the_keys_of_a_job_are_those_that_are_removed_by_hand() -> None:
    """`_RqWorker.execute_job` and `TaskQueue.enqueue` do that, so that an id can be queued again."""
    assert TaskJob.key_for("a") == "rq:job:v2:a"
    assert isinstance(Queue.intermediate_queue_key, property)
