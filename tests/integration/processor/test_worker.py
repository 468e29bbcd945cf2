"""RQ's workers in threads, on a real Redis."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator

import pytest
from redis import Redis
from rq import Worker

from processor.worker import ThreadWorker
from service.broker import TaskJob, TaskQueue
from tests.support.wait import wait_until

WORKERS = 4
Start = Callable[[Callable[[str], None]], None]


@pytest.fixture
def queue(redis_url: str) -> Iterator[TaskQueue]:
    made = TaskQueue(Redis.from_url(redis_url), "test")
    yield made
    made.close()


@pytest.fixture
def start(redis_url: str) -> Iterator[Start]:
    """Start workers that call a function with each id."""
    stopped = threading.Event()
    threads: list[threading.Thread] = []
    queue = TaskQueue(Redis.from_url(redis_url), "test")

    def start_(run: Callable[[str], None]) -> None:
        for number in range(WORKERS):
            worker = ThreadWorker(queue, run, stopped, number)
            threads.append(threading.Thread(target=worker.run_until_stopped))
            threads[-1].start()

    yield start_
    stopped.set()
    for thread in threads:
        thread.join()
    queue.close()


def test_an_id_that_is_queued_again_while_it_runs_is_run_again_and_costs_no_worker(
    queue: TaskQueue, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    ids = [f"task-{number}" for number in range(40)]
    lock = threading.Lock()
    runs = dict.fromkeys(ids, 0)

    def run(task_id: str) -> None:
        with lock:
            runs[task_id] += 1
            first = runs[task_id] == 1
        if first:
            assert queue.enqueue(task_id)

    start(run)
    wait_until(lambda: len(Worker.all(queue.redis)) == WORKERS)
    names = {worker.name for worker in Worker.all(queue.redis)}
    for task_id in ids:
        queue.enqueue(task_id)
    wait_until(lambda: set(runs.values()) == {2}, 30, "every id run twice")
    assert queue.waiting() == 0
    assert {worker.name for worker in Worker.all(queue.redis)} == names, "none was restarted"
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_nothing_is_left_of_a_job_that_runs(queue: TaskQueue, start: Start) -> None:
    entered, leave = threading.Event(), threading.Event()

    def run(_task_id: str) -> None:
        entered.set()
        leave.wait(30)

    start(run)
    queue.enqueue("a")
    assert entered.wait(30)
    kept = queue.redis.exists(TaskJob.key_for("a"), queue.rq.intermediate_queue_key)
    states = [worker.get_state() for worker in Worker.all(queue.redis)]
    leave.set()
    assert kept == 0
    assert states.count("busy") == 1
