"""What somebody writes into Redis: jobs of other makes, keys of other types, events that are none. None of it runs, and work goes on."""

from __future__ import annotations

import json
import marshal
import pickle
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import select

from models.task import Task
from service.broker import TaskJob
from tests.integration.processor.conftest import Backend
from tests.support.soak import soaking_rows
from tests.support.wait import wait_until

PLANTED = "tests.support.planted"
Plant = Callable[[Redis, "Backend", Path], None]


class _Bomb:
    """Runs a command when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self._trace = trace

    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, (f"touch {self._trace}",)


def _queue(backend: Backend) -> str:
    return str(backend.services.queue.rq.key)


def _job(redis: Redis, backend: Backend, job_id: str, fields: dict[str, object]) -> None:
    """A job as RQ keeps one, in the queue that is worked off."""
    mapping: dict[Any, Any] = {
        "created_at": "2026-01-01T00:00:00Z",
        "origin": backend.services.queue.rq.name,
        "status": "queued",
        "timeout": "-1",
        **fields,
    }
    redis.hset(TaskJob.key_for(job_id), mapping=mapping)
    redis.rpush(_queue(backend), job_id)


def _by_data(pack: Callable[[Path], bytes]) -> Plant:
    """A job for each of RQ's fields that hold a packed value."""

    def plant(redis: Redis, backend: Backend, trace: Path) -> None:
        for field in ("data", "meta", "result", "exc_info", "kwargs", "args"):
            _job(redis, backend, f"planted-{field}", {field: pack(trace)})

    return plant


def _command(trace: Path) -> list[object]:
    return ["os.system", None, [f"touch {trace}"], {}]


def _callbacks(redis: Redis, backend: Backend, trace: Path) -> None:
    """Of a task that there is, and of one that there is not."""
    real = backend.create(1).text_task_id
    for job_id in (real, "planted"):
        names = ("success", "failure", "stopped")
        callbacks: dict[str, object] = {f"{name}_callback_name": f"{PLANTED}.call" for name in names}
        callbacks |= {f"{name}_callback_timeout": "60" for name in names}
        _job(redis, backend, job_id, {**callbacks, "data": zlib.compress(json.dumps(_command(trace)).encode())})


def _dependents(redis: Redis, backend: Backend, trace: Path) -> None:
    """Jobs that RQ would run after others, or at a time that has come."""
    name = backend.services.queue.rq.name
    data = {"data": zlib.compress(json.dumps(_command(trace)).encode())}
    real = backend.create(1).text_task_id
    for job_id in ("later", "due", "lost"):
        _job(redis, backend, job_id, {**data, "dependency_id": real, "dependency_ids": json.dumps([real])})
        redis.lrem(_queue(backend), 0, job_id)
    redis.sadd(f"{TaskJob.key_for(real)}:dependents", "later")
    for registry in ("scheduled", "deferred", "wip", "finished", "failed", "canceled"):
        redis.zadd(f"rq:{registry}:{name}", {"due": 1, real: 1})
    redis.rpush(f"{_queue(backend)}:intermediate", "lost", real)


def _strange_ids(redis: Redis, backend: Backend, _trace: Path) -> None:
    ids: list[bytes] = [
        b"",
        b" ",
        b"\xff\xfe",
        b"\0",
        b"a\r\nSET x 1\r\n",
        b"../../etc/passwd",
        b"' OR 1=1 --",
        b"%s%n",
        b"x" * 1_000_000,
        "山".encode() * 30,
        b"\x1b[2Jgone",
        b"None",
        b"0",
        b"-1",
        b"[]",
        pickle.dumps(print),
        "\u202e".encode(),
        b"a" * 64,
        b"a" * 65,
        b"\xed\xa0\x80",
    ]
    redis.rpush(_queue(backend), *ids)
    redis.lpush(_queue(backend), *ids)


def _another_type(redis: Redis, backend: Backend, _trace: Path) -> None:
    """Job keys that are no hashes."""
    writes: list[Callable[[str, str], object]] = [redis.rpush, redis.sadd, redis.append]
    for number, write in enumerate(writes):
        write(TaskJob.key_for(f"planted-{number}"), "x")
        redis.rpush(_queue(backend), f"planted-{number}")
    created = backend.create(1)
    for job_id in (created.text_task_id, *created.shot_task_ids):
        with redis.pipeline() as at_once:  # a processor at work makes it anew
            at_once.delete(TaskJob.key_for(job_id))
            at_once.rpush(TaskJob.key_for(job_id), "x")
            at_once.execute()


def _older_queue_of_another_type(redis: Redis, backend: Backend, _trace: Path) -> None:
    """Of the first format, whose name is the queue's own."""
    older = _queue(backend).removesuffix(":v2")
    redis.set(older, "x")
    redis.set(f"{older}:intermediate", "x")


def _rq_of_another_type(redis: Redis, backend: Backend, _trace: Path) -> None:
    """RQ's own lists: of its queues, its workers, and of those of this queue."""
    for key in (
        "rq:queues",
        "rq:workers",
        f"rq:workers:{backend.services.queue.rq.name}",
        f"{_queue(backend)}:intermediate",
    ):
        with redis.pipeline() as at_once:  # a processor at work makes it anew
            at_once.delete(key)
            at_once.hset(key, "x", "y")
            at_once.execute()


def _a_thousand_times(redis: Redis, backend: Backend, _trace: Path) -> None:
    created = backend.create(2)
    for job_id in (created.text_task_id, *created.shot_task_ids):
        redis.rpush(_queue(backend), *[job_id] * 1_000)


def _rubbish(redis: Redis, backend: Backend, _trace: Path) -> None:
    for start in range(0, 3_000, 1_000):
        redis.rpush(_queue(backend), *(f"rubbish-{number}" for number in range(start, start + 1_000)))


def _events(redis: Redis, backend: Backend, trace: Path) -> None:
    """Messages on the channel between the processes, and on those where RQ's own workers take commands."""
    created = backend.create(1)
    said: list[bytes] = [
        b"",
        b"null",
        b"17",
        b"[]",
        b"[1,2]",
        b'["cancel"]',
        b'["cancel",null]',
        b'["wake",{}]',
        b'["exec","import os"]',
        b'{"cancel":1,"wake":2}',
        b'["cancel","a","b"]',
        b"[" * 5_000 + b"]" * 5_000,
        b'["wake",' + b"[" * 900 + b"]" * 900 + b"]",
        b"\xff\xfe",
        pickle.dumps(_Bomb(trace)),
        b'["wake","' + b"x" * 1_000_000 + b'"]',
        b'["cancel",' + b"9" * 5_000 + b"]",
        b'["wake","\\ud800"]',
        b'["cancel","\\u0000"]',
        b'"ab"',
        json.dumps(["cancel", created.text_task_id]).encode(),  # whose row says otherwise
    ]
    for message in said:
        redis.publish(f"{backend.services.queue.name}:events", message)
    for key in redis.scan_iter("rq:worker:*"):
        name = key.decode().removeprefix("rq:worker:")
        for command in (
            {"command": "shutdown"},
            {"command": "kill-horse"},
            {"command": "stop-job", "job_id": created.text_task_id},
        ):
            redis.publish(f"rq:pubsub:{name}", json.dumps(command))


PLANTS: dict[str, Plant] = {
    "commands in JSON, packed": _by_data(lambda trace: zlib.compress(json.dumps(_command(trace)).encode())),
    "commands in JSON": _by_data(lambda trace: json.dumps(_command(trace)).encode()),
    "pickles, packed": _by_data(lambda trace: zlib.compress(pickle.dumps(_Bomb(trace)))),
    "pickles": _by_data(lambda trace: pickle.dumps(_Bomb(trace), 0)),
    "marshalled code": _by_data(lambda trace: marshal.dumps(compile(f"open({str(trace)!r}, 'w')", "x", "exec"))),
    "a bomb of zeros": _by_data(lambda _trace: zlib.compress(bytes(64 << 20), 9)),
    "callbacks": _callbacks,
    "dependents and what is due": _dependents,
    "strange ids": _strange_ids,
    "jobs of another type": _another_type,
    "an older queue of another type": _older_queue_of_another_type,
    "lists of RQ of another type": _rq_of_another_type,
    "an id a thousand times": _a_thousand_times,
    "three thousand ids": _rubbish,
    "events that are none": _events,
}


def _statuses(backend: Backend) -> set[str]:
    with backend.services.database.read() as session:
        return set(session.scalars(select(Task.status).distinct()))


IN_CI = [
    ("pickles, packed", True),
    ("callbacks", True),
    ("strange ids", True),
    ("jobs of another type", True),
    ("an older queue of another type", False),
    ("lists of RQ of another type", True),
    ("events that are none", True),
]


@pytest.mark.parametrize(
    ("kind", "running"), soaking_rows([(kind, running) for kind in PLANTS for running in (True, False)], keep=IN_CI)
)
@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_what_is_planted_runs_nothing_and_stops_nothing(
    backend: Backend, redis_url: str, tmp_path: Path, kind: str, running: bool
) -> None:
    """Where processors are at work already (`running`), and where they start and find it."""
    trace = tmp_path / "trace"
    sys.modules.pop(PLANTED, None)
    if running:
        backend.start()
        backend.wait(backend.create(1).text_task_id, "finished")
    with Redis.from_url(redis_url) as redis:
        PLANTS[kind](redis, backend, trace)
    if not running:
        backend.start()

    created = backend.create(2)
    backend.wait(created.text_task_id, "finished")
    wait_until(lambda: _statuses(backend) == {"finished"}, 60, "the end of all work")
    assert not trace.exists()
    assert PLANTED not in sys.modules
    assert len(backend.node.starts()) == len(set(backend.node.starts())), "no task was sent to the node twice"
