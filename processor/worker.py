"""An RQ worker that runs its jobs in its own thread.

RQ's workers fork, or run in the main thread. In a thread there are no signals: the handlers are not installed and the death penalty is a
timer. An idle worker is stopped at the heartbeat that it makes each time its blocking pop returns.

A job is its id, a task's id. Whatever else Redis holds about a job is neither read nor run: see `service.broker`.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from typing import Any

from redis.exceptions import RedisError
from rq import Queue, worker_registration
from rq.exceptions import StopRequested
from rq.job import Job
from rq.timeouts import TimerDeathPenalty
from rq.utils import now
from rq.worker import SimpleWorker, WorkerStatus

from service.broker import TaskQueue

log = logging.getLogger(__name__)

IDLE_S = 1
RECONNECT_S = 1.0


class _RqWorker(SimpleWorker):
    death_penalty_class = TimerDeathPenalty

    def __init__(self, queue: TaskQueue, run: Callable[[str], None], stopped: threading.Event, name: str) -> None:
        rq = queue.rq
        super().__init__([rq], name, connection=queue.redis, job_class=rq.job_class, serializer=rq.serializer)
        self.log_job_description = False
        self._queue = queue
        self._run = run
        self._stopped = stopped

    @property
    def dequeue_timeout(self) -> int:
        return IDLE_S

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run the task of this id. RQ keeps no notes of it: who works on a task is said by its row.

        Notes, which go when a job ends, would take those of a new job with them that was queued under the same id meanwhile.
        """
        with self.connection.pipeline() as pipeline:
            self.set_state(WorkerStatus.BUSY, pipeline)
            pipeline.delete(job.key)
            pipeline.lrem(queue.intermediate_queue_key, 1, job.id)
            pipeline.execute()
        self._run(job.id)

    def run_maintenance_tasks(self) -> None:
        """Forget workers and ids that a killed process left, and older formats.

        RQ's own goes through its registries, and would call back what the jobs in there name; ours are in none.
        """
        for queue in self.queues:
            worker_registration.clean_worker_registry(queue)
            # Whoever is about to remove its id from there does not miss it.
            self.connection.delete(queue.intermediate_queue_key)
        self._queue.drop_older()
        self.last_cleaned_at = now()  # type: ignore[assignment]  # which RQ declares as None

    def heartbeat(self, *args: Any, **kwargs: Any) -> None:
        if self._stopped.is_set():
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
        while not self._stopped.is_set():
            try:
                self._queue.drop_strange()
                name = f"{os.getpid()}-{self._number}-{os.urandom(4).hex()}"
                worker = _RqWorker(self._queue, self._run, self._stopped, name)
                worker.work(logging_level="WARNING")
            except RedisError as error:
                log.warning("worker %d lost its connection to Redis; reconnecting: %s", self._number, error)
            except Exception:
                log.exception("worker %d crashed; restarting", self._number)  # or there would be one less for good
            self._stopped.wait(RECONNECT_S)
