"""The queue of version 0.1.0, whose jobs were pickled and named a function, beside today's."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from redis import Redis
from rq import Queue
from rq.exceptions import DequeueTimeout, DuplicateJobError
from rq.job import Job
from sqlalchemy import select

from models.task import Task
from processor.cancellation import CancellationRegistry
from processor.recoverer import Recoverer
from processor.runner import Runner
from service.broker import TaskQueue
from service.container import Services
from tests.integration.processor.conftest import Backend
from tests.support.node.scripts import png, running
from tests.support.wait import wait_until

JOB = "processor.worker.run_task"
OWNER = "of-version-0.1.0"

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


class OldQueue(TaskQueue):
    """Enqueues as 0.1.0 did."""

    def __init__(self, redis: Redis, name: str) -> None:
        super().__init__(redis, name)
        self.rq = Queue(name, connection=redis, default_timeout=-1)

    def enqueue(self, task_id: str) -> bool:
        try:
            if Job.exists(task_id, self.redis) and self.rq.get_job_position(task_id) is None:
                self.redis.delete(Job.key_for(task_id))
            self.rq.enqueue(JOB, task_id, job_id=task_id, unique=True, result_ttl=0, failure_ttl=0)
        except DuplicateJobError:
            return False
        return True


def old_services(backend: Backend) -> Services:
    services = backend.new_services()
    return dataclasses.replace(services, queue=OldQueue(services.queue.redis, services.queue.name))


@contextmanager
def old_processor(services: Services, count: int) -> Iterator[list[BaseException]]:
    """Workers and a recoverer of 0.1.0; yields what they stumbled over."""
    stopped = threading.Event()
    troubles: list[BaseException] = []
    runner = Runner(services, CancellationRegistry(), OWNER)

    def work() -> None:
        while not stopped.is_set():
            try:
                found = Queue.dequeue_any([services.queue.rq], 1, services.queue.redis)
                assert found is not None
                job = found[0]
                services.queue.redis.delete(job.key)
                assert job.func_name == JOB
                runner.run(*job.args)
            except DequeueTimeout:
                pass
            except Exception as error:  # noqa: BLE001 - asserted on by the test
                troubles.append(error)

    threads = [threading.Thread(target=work) for _ in range(count)]
    threads.append(threading.Thread(target=Recoverer(services).run, args=(stopped,)))
    for thread in threads:
        thread.start()
    try:
        yield troubles
    finally:
        stopped.set()
        for thread in threads:
            thread.join()


def test_old_and_new_processors_side_by_side_share_the_work_and_do_nothing_twice(backend: Backend) -> None:
    """No image ends before both are at work: one alone has fewer workers than there are images."""
    held = running(png())
    backend.node.script("generate_shot", lambda _e: held)
    services = old_services(backend)
    new = backend.start()
    with old_processor(services, 3) as troubles:
        created = [backend.create(4) for _ in range(3)]

        def owners() -> set[str]:
            with backend.services.database.read() as session:
                return {owner for owner in session.scalars(select(Task.lease_owner)) if owner}

        wait_until(lambda: owners() == {new.owner, OWNER}, 60, "both at work")
        held.gate.set()
        for task_id in [task_id for one in created for task_id in one.shot_task_ids]:
            backend.wait(task_id, "finished", timeout=120)
    services.close()
    starts = backend.node.starts()
    assert len(starts) == len(set(starts)) == 15
    assert troubles == []


def test_what_waits_in_the_old_queue_is_dropped_there_and_done_all_the_same(backend: Backend) -> None:
    services = old_services(backend)
    assert isinstance(services.queue, OldQueue)
    created = [backend.create(1) for _ in range(3)]
    backend.services.queue.redis.flushdb()
    for one in created:
        assert services.queue.enqueue(one.text_task_id)
    backend.start()
    for one in created:
        backend.wait(one.shot_task_ids[0], "finished")
    redis = services.queue.redis
    assert redis.exists(services.queue.rq.key, *(Job.key_for(one.text_task_id) for one in created)) == 0
    services.close()
