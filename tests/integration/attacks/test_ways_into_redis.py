"""Whoever can write to Redis gets nothing run by it, and stops no work for longer than what he wrote stays."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
import requests

from tests.support.server_process import ServerUnderTest
from tests.support.wait import wait_until

QUEUE = "attacked"
LATER = "story_text=从前有座山。&shot_count=1"


@pytest.fixture(scope="module")
def server(_redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    """One whose Redis anybody may write to."""
    parts = urlsplit(_redis_server)
    settings = {"redis.addr": f"{parts.hostname}:{parts.port}", "redis.db": 9, "redis.queue": QUEUE}
    with ServerUnderTest(tmp_path_factory.mktemp("redis"), settings) as running:
        yield running


@pytest.fixture
def attacker(_redis_server: str, server: ServerUnderTest) -> Iterator[redis.Redis]:
    """A connection to the server's Redis, in bytes."""
    with redis.Redis.from_url(f"{_redis_server[:-1]}9") as client:
        yield client


class Evil:
    """Unpickling it leaves a file."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.trace,))


def queue_keys(attacker: redis.Redis) -> set[bytes]:
    """The lists that ours are, or could be."""
    found = {key for key in attacker.scan_iter(f"rq:queue:{QUEUE}*") if attacker.type(key) in (b"list", b"none")}
    names = [QUEUE, *(f"{QUEUE}:v{version}" for version in range(5)), "default", "high"]
    return found | {f"rq:queue:{name}".encode() for name in names}


def job(trace: Path, data: bytes, **more: Any) -> Any:
    """A job's hash as RQ writes it."""
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {
        "data": data,
        "status": "queued",
        "origin": QUEUE,
        "created_at": now,
        "enqueued_at": now,
        "timeout": "600",
        "description": f"touch {trace}",
        **more,
    }


def names_a_program(trace: Path) -> Any:
    return job(trace, json.dumps(["os.system", None, [f"touch {trace}"], {}]).encode())


def pickled(trace: Path) -> Any:
    return job(trace, pickle.dumps(Evil(trace)))


def calls_back(trace: Path) -> Any:
    named = {f"{when}_callback_name": "os.system" for when in ("success", "failure", "stopped")}
    return job(trace, b"{}", **named, meta=pickle.dumps(Evil(trace)), serializer="rq.serializers.DefaultSerializer")


def names_an_instance(trace: Path) -> Any:
    return job(trace, json.dumps(["touch", f"pathlib.Path:{trace}", [], {}]).encode())


def depends_and_repeats(trace: Path) -> Any:
    return job(
        trace,
        pickle.dumps(("os.system", None, (f"touch {trace}",), {})),
        dependency_ids=json.dumps(["x"]),
        repeats_left="9",
        retries_left="9",
        retry_intervals="[0]",
        result=pickle.dumps(Evil(trace)),
        exc_info=pickle.dumps(Evil(trace)),
        worker_name="x",
        ttl="-1",
    )


HASHES = [names_a_program, pickled, calls_back, names_an_instance, depends_and_repeats]


def a_task_ends(server: ServerUnderTest) -> None:
    """Ask for a story and wait for its storyboard."""
    created = requests.post(f"{server.url}/v1/api/projects?{LATER}", timeout=20).json()
    task = f"{server.url}/v1/api/tasks/{created['text_task_id']}"
    wait_until(
        lambda: requests.get(task, timeout=20).json()["task"]["status"] == "finished", 30, "a story's storyboard"
    )


def test_nothing_that_a_job_holds_is_run_on_any_queue(
    server: ServerUnderTest, attacker: redis.Redis, tmp_path: Path
) -> None:
    for make in HASHES:
        for number, key in enumerate(sorted(queue_keys(attacker))):
            id_ = f"forged-{make.__name__}-{number}"
            attacker.hset(f"rq:job:{id_}", mapping=make(tmp_path / make.__name__))
            attacker.sadd("rq:queues", key)
            attacker.lpush(key, id_)
            attacker.zadd(key.replace(b"rq:queue:", b"rq:scheduled:"), {id_: 0})
            attacker.zadd(key.replace(b"rq:queue:", b"rq:wip:"), {id_: 0})
            attacker.rpush(key.replace(b"rq:queue:", b"rq:intermediate:"), id_)

    a_task_ends(server)

    assert list(tmp_path.iterdir()) == []
    assert server.process.poll() is None


ENTRIES = [
    b"",
    b"\xff\xfe\x00\x80",
    b"../../etc/passwd",
    b"a\r\nDEL rq:queues\r\n2026-01-01 00:00:00,000 ERROR main: all is lost",
    b"\x07\x1b]0;title\x07",
    b"a" * (8 << 20),
    pickle.dumps(("os.system", None, ("true",), {})),
    b'{"id": {"$gt": ""}}',
    b"x:y:z",
    b"\xed\xa0\x80",
]


def test_entries_that_are_no_tasks_are_dropped(server: ServerUnderTest, attacker: redis.Redis) -> None:
    for key in queue_keys(attacker):
        for entry in ENTRIES:
            attacker.rpush(key, entry)
    for entry in ENTRIES:
        attacker.hset(b"rq:job:" + entry, mapping={"data": b"\x80\x04", "created_at": "yesterday", "status": b"\xff"})

    a_task_ends(server)


@pytest.mark.parametrize("kind", ["hash", "string", "stream"])
def test_work_goes_on_when_a_queue_that_was_no_list_is_gone(
    server: ServerUnderTest, attacker: redis.Redis, kind: str
) -> None:
    make: dict[str, Callable[[bytes], object]] = {
        "hash": lambda key: attacker.hset(key, "a", "b"),
        "string": lambda key: attacker.set(key, b"\x80\x04"),
        "stream": lambda key: attacker.xadd(key, {"a": "b"}),
    }
    keys = queue_keys(attacker)
    for key in keys:
        attacker.delete(key)
        make[kind](key)
    requests.post(f"{server.url}/v1/api/projects?{LATER}", timeout=20)
    attacker.delete(*keys)

    a_task_ends(server)


def test_work_goes_on_when_the_keys_of_jobs_are_of_other_kinds(server: ServerUnderTest, attacker: redis.Redis) -> None:
    for key in queue_keys(attacker):
        for number, kind in enumerate([attacker.lpush, attacker.sadd]):
            id_ = f"wrong-{number}"
            attacker.delete(f"rq:job:{id_}")
            kind(f"rq:job:{id_}", "a")
            attacker.lpush(key, id_)
    for name in ("rq:queues", "rq:workers"):
        attacker.delete(name)
        attacker.set(name, "a")
    requests.post(f"{server.url}/v1/api/projects?{LATER}", timeout=20)
    attacker.delete("rq:queues", "rq:workers")

    a_task_ends(server)


EVENTS = [
    b"",
    b"\xff",
    b"null",
    b"[]",
    b"1e999",
    b"[" * 100_000,
    b'{"a": 1}',
    b'{"task_id": ["x"], "kind": {}}',
    b'{"command": "shutdown"}',
    b'{"command": "kill-horse"}',
    b'{"command": "stop-job", "job_id": "x"}',
    b"9" * 10_000,
    b"cancel:" + b"a" * (4 << 20),
    pickle.dumps({"command": "shutdown"}),
]


def test_no_message_on_any_channel_stops_the_work(server: ServerUnderTest, attacker: redis.Redis) -> None:
    workers = list(attacker.scan_iter("rq:worker:*"))
    channels = [*attacker.pubsub_channels(), *(key.replace(b"rq:worker:", b"rq:pubsub:") for key in workers)]
    assert channels
    for channel in channels:
        for event in EVENTS:
            attacker.publish(channel, event)

    a_task_ends(server)

    assert server.process.poll() is None


def test_what_was_flushed_is_queued_again(server: ServerUnderTest, attacker: redis.Redis) -> None:
    attacker.flushall()
    attacker.script_flush()
    attacker.client_kill_filter(_type="pubsub", skipme=True)
    attacker.client_kill_filter(_type="normal", skipme=True)

    a_task_ends(server)
