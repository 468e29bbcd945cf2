"""Redis between the processes: the RQ queue of tasks, and events that only make somebody look sooner.

The database is the truth: the queue may be wiped at any moment and every task still ends; whoever misses an event sees the same in the
database a few seconds later, so nothing here is retried.

Who can write to Redis must not be able to run code here. So nothing that a job says is read back: its id names the task, which the
database has or has not.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from redis import Redis
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError
from rq import Queue, worker_registration
from rq.exceptions import DuplicateJobError, NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import as_text

from common.errors import QueueFull, QueueUnavailable
from common.request_id import is_trace_id

log = logging.getLogger(__name__)

FORMAT = "v2"
"""Of what is in the queue; part of its keys, so that servers of different formats do not read each other's jobs. The first one, which
had pickled jobs, had no name."""
JOB = "task"  # what RQ's own tools show as the function; there is none of that name
RESULT_TTL_S = 0  # the row holds the result; a job that ran must not block its id for a retry of the same task

WRONG_TYPE = "WRONGTYPE"  # how Redis begins the refusal
TRACE_S = 7 * 86_400  # how long a trace is kept that does not follow from its request's id
CHECK_S = 60  # until the proof that Redis can be written to is gone
RECONNECT_S = 1.0
LISTEN_S = 0.5  # how soon a listener notices that it is to stop

Listener = Callable[[str, str], None]
"""Called with the event's name ("cancel" or "wake") and a task id, on the listening thread."""


class TaskJob(Job):
    """RQ's job without a word of what Redis holds about it: no function, arguments, callbacks, meta or dependencies, only the id."""

    redis_job_namespace_prefix = f"{Job.redis_job_namespace_prefix}{FORMAT}:"

    @classmethod
    def fetch(cls, id: str, connection: Redis | None = None, serializer: Any = None) -> TaskJob:
        """The job of this id, whether or not there is one. Raises `NoSuchJobError` for what cannot be an id, which RQ passes over."""
        try:
            return cls(id, connection=connection, serializer=serializer)
        except ValueError as error:
            raise NoSuchJobError(str(error)) from error


class TaskQueue:
    """Carries task ids to whichever processor is free; an id that waits already is not queued twice."""

    def __init__(self, redis: Redis, name: str) -> None:
        self.redis = redis
        self.name = name
        self.rq = Queue(
            f"{name}:{FORMAT}",
            connection=redis,
            default_timeout=-1,
            job_class=TaskJob,
            serializer=JSONSerializer,
        )

    def enqueue(self, task_id: str) -> bool:
        """Queue a task; returns False when it waits there already. Raises `QueueUnavailable`."""
        try:
            try:
                self._push(task_id)
            except ResponseError as error:
                if WRONG_TYPE not in str(error):
                    raise
                self.drop_strange()
                self._push(task_id)
        except DuplicateJobError:
            return False
        except OutOfMemoryError as error:
            raise QueueFull(f"Redis 的内存已满：{error}") from error
        except RedisError as error:  # away, or read-only, refusing the password
            raise QueueUnavailable(f"Redis 不可用：{error}") from error
        return True

    def _push(self, task_id: str) -> None:
        stale = TaskJob.exists(task_id, self.redis) and self.rq.get_job_position(task_id) is None
        if stale:  # an orphan of a killed processor; the row's lease decides who runs the task
            self.redis.delete(TaskJob.key_for(task_id))
        self.rq.enqueue(JOB, task_id, job_id=task_id, unique=True, result_ttl=RESULT_TTL_S, failure_ttl=RESULT_TTL_S)

    def drop_older(self) -> None:
        """Delete the jobs of the older format: the recoverer queues their rows here. A processor that still reads them loses nothing
        either, as its own recoverer queues them there again. Raises `RedisError`.
        """
        older = Queue(self.name, connection=self.redis)
        older.delete()
        self.redis.delete(older.intermediate_queue_key)

    def drop_strange(self) -> None:
        """Delete what stands in the place of a list or a set of RQ's and is none: nothing could be queued, and every worker would end
        at it. Raises `RedisError`.
        """
        queues = (self.rq, Queue(self.name, connection=self.redis))
        types = {key: "list" for queue in queues for key in (queue.key, queue.intermediate_queue_key)}
        of_workers = (worker_registration.REDIS_WORKER_KEYS, worker_registration.WORKERS_BY_QUEUE_KEY % self.rq.name)
        types |= dict.fromkeys((Queue.redis_queues_keys, *of_workers), "set")
        for key, wanted in types.items():
            found = as_text(self.redis.type(key))
            if found not in (wanted, "none"):
                log.warning("deleted %s from Redis, which is a %s there", key, found)
                self.redis.delete(key)

    def keep_trace(self, request: str, trace: str) -> None:
        """Keep the trace of what a request makes; without Redis its tasks have the one that follows from its id."""
        with suppress(RedisError):
            self.redis.set(self._trace_key(request), trace, ex=TRACE_S)

    def trace(self, request: str) -> str:
        """The trace of what this request made, where another was kept than follows from its id; else ""."""
        with suppress(RedisError):
            kept = self.redis.get(self._trace_key(request))
            if isinstance(kept, bytes) and is_trace_id(text := kept.decode("ascii", "replace")):
                return text
        return ""

    def _trace_key(self, request: str) -> str:
        return f"{self.name}:trace:{request}"

    def waiting(self) -> int:
        """How many tasks wait."""
        return len(self.rq)

    def check(self) -> str:
        """The server's version; raises `QueueUnavailable`, also where it answers and takes nothing: out of memory, or of disk (MISCONF)."""
        try:
            self.redis.set(f"{self.name}:check", 1, ex=CHECK_S)
            info = self.redis.info("server")
        except RedisError as error:
            raise QueueUnavailable(f"Redis 不可用：{error}") from error
        return f"valkey {info['valkey_version']}" if "valkey_version" in info else f"redis {info['redis_version']}"

    def close(self) -> None:
        """Close the connections."""
        self.redis.close()


class Events:
    """Tells every process that a task was cancelled, or that the model node has news of it."""

    def __init__(self, redis: Redis, name: str) -> None:
        self._redis = redis
        self._channel = f"{name}:events"
        self._listeners: list[Listener] = []
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def cancelled(self, task_ids: Iterable[str]) -> None:
        """These tasks are cancelled in the database; whoever works on them stops."""
        ids = list(task_ids)
        for task_id in ids:
            self._tell_listeners("cancel", task_id)
        for task_id in ids:
            if not self._publish("cancel", task_id):
                return  # without Redis each publish would block until its timeout

    def wake(self, task_id: str) -> None:
        """The model node has news of this task: its poll runs now."""
        self._tell_listeners("wake", task_id)
        self._publish("wake", task_id)

    def listen(self, listener: Listener) -> None:
        """Call `listener` for every event of every process, this one included."""
        self._listeners.append(listener)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="events", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _tell_listeners(self, event: str, task_id: str) -> None:
        """This process at once, even without Redis."""
        for listener in self._listeners:
            listener(event, task_id)

    def _publish(self, event: str, task_id: str) -> bool:
        try:
            self._redis.publish(self._channel, json.dumps([event, task_id]))
        except RedisError as error:
            log.warning("cannot publish %s of task %s: %s", event, task_id, error)
            return False
        return True

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                with self._redis.pubsub(ignore_subscribe_messages=True) as pubsub:  # type: ignore[no-untyped-call]  # redis-py
                    pubsub.subscribe(self._channel)
                    while not self._closed.is_set():
                        message = pubsub.get_message(timeout=LISTEN_S)
                        if message is not None:
                            self._receive(message)
            except RedisError as error:
                if not self._closed.is_set():
                    log.warning("lost the event channel; reconnecting: %s", error)
                self._closed.wait(RECONNECT_S)

    def _receive(self, message: dict[str, Any]) -> None:
        try:
            event, task_id = json.loads(message["data"])
        except (ValueError, TypeError, RecursionError):
            log.warning("ignored a malformed event: %r", message.get("data"))
            return
        self._tell_listeners(str(event), str(task_id))
