"""Whoever can write to Redis makes a processor look for a task, and nothing else."""

from __future__ import annotations

import json
import os
import pickle
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from rq import Callback, Queue, Repeat, Retry
from rq.job import Dependency

from processor.worker import ThreadWorker
from service.broker import Events, TaskQueue
from tests.support.wait import wait_until

PLANTED = "tests.support.planted"
CALL = f"{PLANTED}.call"
PREFIXES = ("rq:job:", "rq:job:v2:")
QUEUES = ("test", "test:v2")


@dataclass(frozen=True)
class Harm:
    """Runs a command where it is unpickled."""

    command: str

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (self.command,)


def push(redis: Redis, **fields: Any) -> None:
    """A job by hand, wherever a worker might look for it."""
    for prefix in PREFIXES:
        for name, value in fields.items():
            redis.hset(f"{prefix}forged", name, value)
    for name in QUEUES:
        redis.rpush(f"rq:queue:{name}", "forged")


def pickled(redis: Redis, command: str) -> None:
    harm = pickle.dumps(Harm(command))
    push(redis, data=zlib.compress(harm), meta=harm, result=harm, status="queued")


def json_that_names_a_command(redis: Redis, command: str) -> None:
    push(redis, data=json.dumps(["os.system", None, [command], {}]), status="queued", timeout="-1")


def json_that_names_a_module(redis: Redis, _command: str) -> None:
    push(redis, data=json.dumps([CALL, None, ["a"], {}]), meta=json.dumps({"a": CALL}), timeout="-1")


def json_that_calls_a_method(redis: Redis, command: str) -> None:
    push(redis, data=json.dumps(["system", "os", [command], {}]), status="queued", timeout="-1")


def with_callbacks(redis: Redis, _command: str) -> None:
    names = {f"{when}_callback_name": CALL for when in ("success", "failure", "stopped")}
    limits = {f"{when}_callback_timeout": 60 for when in ("success", "failure", "stopped")}
    push(redis, data=json.dumps(["builtins.len", None, [[]], {}]), status="started", timeout="-1", **names, **limits)


def with_more_to_come(redis: Redis, _command: str) -> None:
    more = {"repeats_left": 3, "repeat_intervals": "[0]", "retries_left": 3, "retry_intervals": "[0]"}
    push(redis, data=json.dumps([CALL, None, [], {}]), dependency_ids='["forged"]', **more)
    for prefix in PREFIXES:
        redis.sadd(f"{prefix}forged:dependents", "forged")


def abandoned(redis: Redis, _command: str) -> None:
    """What RQ's maintenance calls back: a job in the registry of those being run whose worker is gone, or in the intermediate queue."""
    with_callbacks(redis, "")
    for name in QUEUES:
        redis.delete(f"rq:queue:{name}")
        redis.zadd(f"rq:wip:{name}", {"forged:execution": 1})
        redis.rpush(f"rq:queue:{name}:intermediate", "forged")
        redis.set(f"rq:queue:{name}:intermediate:first_seen:forged", 1)


def by_rq_itself(redis: Redis, command: str) -> None:
    for name in QUEUES:
        for serializer in ("pickle", "json"):
            queue = Queue(name, connection=redis, serializer=serializer)
            queue.enqueue("os.system", command)
            first = queue.enqueue(CALL, on_success=Callback(CALL), on_failure=Callback(CALL), retry=Retry(2))
            queue.enqueue(CALL, depends_on=Dependency(first, allow_failure=True), meta={"a": CALL})
            queue.enqueue("builtins.len", [], on_success=Callback(CALL), repeat=Repeat(2))


def names_that_are_no_ids(redis: Redis, _command: str) -> None:
    for name in QUEUES:
        redis.rpush(f"rq:queue:{name}", "../task", "a b", "", "a:b", "x" * 100_000, b"\xff\xfe")


FORGERIES = (
    pickled,
    json_that_names_a_command,
    json_that_names_a_module,
    json_that_calls_a_method,
    with_callbacks,
    with_more_to_come,
    abandoned,
    by_rq_itself,
    names_that_are_no_ids,
)


@pytest.fixture
def queue(redis_url: str) -> Iterator[TaskQueue]:
    made = TaskQueue(Redis.from_url(redis_url), "test")
    yield made
    made.close()


@pytest.mark.parametrize("forge", FORGERIES)
def test_nothing_that_a_forged_job_names_is_imported_or_called(
    queue: TaskQueue, tmp_path: Path, forge: Callable[[Redis, str], None]
) -> None:
    mark = tmp_path / "mark"
    sys.modules.pop(PLANTED, None)
    forge(queue.redis, f"touch {mark}")
    queue.enqueue("honest")  # behind it, and there is one worker
    ran: list[str] = []
    stopped = threading.Event()
    thread = threading.Thread(target=ThreadWorker(queue, ran.append, stopped, 0).run_until_stopped)
    thread.start()
    try:
        wait_until(lambda: "honest" in ran, 30)
    finally:
        stopped.set()
        thread.join()
    assert not mark.exists()
    assert PLANTED not in sys.modules
    assert queue.waiting() == 0
    assert queue.redis.exists("rq:queue:test", *(f"rq:queue:{name}:intermediate" for name in QUEUES)) <= 1


def test_a_malformed_event_does_not_end_the_listening(redis_url: str) -> None:
    """Words for the processors come over Redis, too."""
    events = Events(Redis.from_url(redis_url), "test")
    heard: list[tuple[str, str]] = []
    events.listen(lambda event, task_id: heard.append((event, task_id)))
    with Redis.from_url(redis_url) as redis:
        wait_until(lambda: redis.publish("test:events", "no JSON"))
        for message in (b"\xff", "[" * 100_000, "1", '["wake"]', '{"a": 1}', pickle.dumps(Harm("false"))):
            redis.publish("test:events", message)
        redis.publish("test:events", '["wake", "a"]')
    wait_until(lambda: ("wake", "a") in heard, 30)
    events.close()
