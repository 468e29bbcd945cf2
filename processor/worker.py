"""An RQ worker that runs its jobs in its own thread.

RQ's workers fork, or run in the main thread. In a thread there are no signals: the handlers are not installed and the death penalty is a
timer. An idle worker is stopped at the heartbeat that it makes each time its blocking pop returns.

A job carries a task's id and nothing else; RQ calls `run_task`, which hands it to the processor that the thread belongs to.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from typing import Any

from redis.exceptions import RedisError
from rq import Queue
from rq.exceptions import StopRequested
from rq.job import Job
from rq.timeouts import TimerDeathPenalty
from rq.worker import SimpleWorker, WorkerStatus

from service.broker import TaskQueue

log = logging.getLogger(__name__)

IDLE_S = 1
RECONNECT_S = 1.0

_bound = threading.local()


def bind_thread(run: Callable[[str], None]) -> None:
    """Let jobs of this thread be run by `run`: the thread belongs to one processor."""
    _bound.run = run


def run_task(task_id: str) -> None:
    """Run a task (the dotted path of this function is in the queue; see `service.broker.JOB`)."""
    run: Callable[[str], None] = _bound.run
    run(task_id)


class _RqWorker(SimpleWorker):
    death_penalty_class = TimerDeathPenalty
    stopped: threading.Event

    @property
    def dequeue_timeout(self) -> int:
        return IDLE_S

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run a job of which RQ keeps no notes: who works on a task is said by its row.

        Notes, which go when a job ends, would take those of a new job with them that was queued under the same id meanwhile.
        """
        with self.connection.pipeline() as pipeline:
            self.set_state(WorkerStatus.BUSY, pipeline)
            pipeline.delete(job.key)
            pipeline.lrem(queue.intermediate_queue_key, 1, job.id)
            pipeline.execute()
        job.perform()

    def heartbeat(self, *args: Any, **kwargs: Any) -> None:
        if self.stopped.is_set():
            raise StopRequested
        super().heartbeat(*args, **kwargs)

    def _install_signal_handlers(self) -> None:
        """Signals belong to the process, not to one of its threads."""

    def subscribe(self) -> None:
        """No commands over RQ's channel: tasks are cancelled by their rows and by `service.broker`."""

    def unsubscribe(self) -> None:
        """See `subscribe`."""

    def procline(self, message: str) -> None:
        """The process keeps its name."""


class ThreadWorker:
    """Takes task ids from the queue and hands them to `run`, one at a time, until `stopped`."""

    def __init__(self, queue: TaskQueue, run: Callable[[str], None], stopped: threading.Event, number: int) -> None:
        self._queue = queue
        self._run = run
        self._stopped = stopped
        self._number = number

    def run_until_stopped(self) -> None:
        """The thread's body. A lost connection, or a fault in RQ's own maintenance, ends RQ's loop, not ours."""
        bind_thread(self._run)
        while not self._stopped.is_set():
            try:
                worker = _RqWorker(
                    [self._queue.rq],
                    name=f"{os.getpid()}-{self._number}-{os.urandom(4).hex()}",
                    connection=self._queue.redis,
                )
                worker.stopped = self._stopped
                worker.log_job_description = False
                worker.work(logging_level="WARNING")
            except RedisError as error:
                log.warning("worker %d lost its connection to Redis; reconnecting: %s", self._number, error)
            except Exception:
                log.exception("worker %d crashed; restarting", self._number)
            self._stopped.wait(RECONNECT_S)
