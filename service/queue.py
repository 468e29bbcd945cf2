"""The RQ queue of tasks. The database is the truth: the queue may be wiped at any moment and every task still ends."""

from __future__ import annotations

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.exceptions import DuplicateJobError
from rq.job import Job

from common.errors import QueueUnavailable

JOB = "processor.worker.run_task"
RESULT_TTL_S = 0  # the row holds the result; a job that ran must not block its id for a retry of the same task


class TaskQueue:
    """Carries task ids to whichever processor is free; an id that waits already is not queued twice."""

    def __init__(self, redis: Redis, name: str) -> None:
        self.redis = redis
        self.name = name
        self.rq = Queue(name, connection=redis, default_timeout=-1)

    def enqueue(self, task_id: str) -> bool:
        """Queue a task; returns False when it waits there already. Raises `QueueUnavailable`."""
        try:
            stale = Job.exists(task_id, self.redis) and self.rq.get_job_position(task_id) is None
            if stale:  # left behind by a processor that was killed; the row's lease decides who works, not the job
                self.redis.delete(Job.key_for(task_id))  # not Job.fetch: what is left may be a heartbeat without a job
            self.rq.enqueue(
                JOB, task_id, job_id=task_id, unique=True, result_ttl=RESULT_TTL_S, failure_ttl=RESULT_TTL_S
            )
        except DuplicateJobError:
            return False
        except RedisError as error:  # away, or out of memory, read-only, refusing the password
            raise QueueUnavailable(f"Redis 不可用：{error}") from error
        return True

    def waiting(self) -> int:
        """How many tasks wait."""
        return len(self.rq)

    def check(self) -> str:
        """The server's version; raises `QueueUnavailable`."""
        try:
            info = self.redis.info("server")
        except RedisError as error:
            raise QueueUnavailable(f"Redis 不可用：{error}") from error
        return f"redis {info['redis_version']}"

    def close(self) -> None:
        """Close the connections."""
        self.redis.close()
