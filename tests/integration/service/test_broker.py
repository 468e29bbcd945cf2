"""The queue of task ids on a real Redis."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis

from common.errors import QueueFull, QueueUnavailable
from service.broker import TaskJob, TaskQueue
from tests.support.servers.process import silent_port
from tests.support.servers.redis_server import RedisServer


@pytest.fixture
def queue(redis_url: str) -> Iterator[TaskQueue]:
    made = TaskQueue(Redis.from_url(redis_url), "test")
    yield made
    made.close()


def test_an_id_that_waits_is_not_queued_twice(queue: TaskQueue) -> None:
    assert queue.enqueue("a")
    assert not queue.enqueue("a")
    assert queue.waiting() == 1


def test_an_id_that_a_killed_worker_took_is_queued_again(queue: TaskQueue) -> None:
    queue.enqueue("a")
    assert queue.redis.lpop(queue.rq.key) == b"a"
    assert queue.enqueue("a")
    assert queue.waiting() == 1


def test_the_heartbeat_of_a_job_that_is_gone_does_not_keep_its_id_from_the_queue(queue: TaskQueue) -> None:
    queue.redis.hset(TaskJob.key_for("a"), "last_heartbeat", "2026-01-01T00:00:00Z")
    assert queue.enqueue("a")
    assert queue.waiting() == 1


def test_a_redis_that_is_away_is_named() -> None:
    with silent_port() as port:
        queue = TaskQueue(Redis(host="127.0.0.1", port=port), "test")
        with pytest.raises(QueueUnavailable):
            queue.enqueue("a")
        with pytest.raises(QueueUnavailable):
            queue.check()
        queue.close()


def test_a_redis_that_refuses_is_one_that_is_away() -> None:
    """The row is committed by then: out of memory must leave it to the recoverer, and not look like a failed request."""
    server = RedisServer()
    queue = TaskQueue(Redis.from_url(server.url), "test")
    queue.redis.config_set("maxmemory", 1)
    with pytest.raises(QueueFull):
        queue.enqueue("a")
    with pytest.raises(QueueUnavailable):
        queue.check()
    queue.redis.config_set("maxmemory", 0)
    assert queue.enqueue("a")
    assert queue.check()
    queue.close()
    server.close()
