"""Redis goes away while tasks run, and comes back empty."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from config.settings import Settings
from service import tasks
from tests.conftest import leave_out
from tests.integration.processor.conftest import Backend, settings_over
from tests.support.columns import DATABASES
from tests.support.node.scripts import png, running
from tests.support.node.stand_in import StandInNode
from tests.support.servers.process import MissingServiceError
from tests.support.servers.redis_server import RedisServer
from tests.support.soak import soaking
from tests.support.wait import wait_until


@pytest.fixture(params=soaking(DATABASES, keep=1))
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """The database has no part in what is tried here."""
    return settings_over(request, tmp_path)


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """A server of this test's own, which it may take away."""
    try:
        started = RedisServer()
    except MissingServiceError as error:
        leave_out(str(error))
    yield started
    started.close()


def test_work_goes_on_without_redis_and_what_was_to_be_queued_is_queued_when_it_is_back(
    settings: Settings, redis: RedisServer, node: StandInNode
) -> None:
    with closing(Backend(settings, redis.url, node, "restart")) as backend:
        board = node.held_storyboard()
        processor = backend.start()
        first = backend.create(2)
        wait_until(lambda: tasks.get(backend.services, first.text_task_id).job_id, 60)
        redis.stop()
        board.set()
        backend.wait(first.text_task_id, "finished")
        second = backend.create(1)  # a story is still taken in
        redis.start_again()
        for task_id in (*first.shot_task_ids, *second.shot_task_ids):
            backend.wait(task_id, "finished")
        node.script("generate_shot", lambda _envelope: running(png()))
        [image] = backend.create(1).shot_task_ids
        job = wait_until(lambda: tasks.get(backend.services, image).job_id, 60)
        tasks.cancel(backend.services, image)
        wait_until(lambda: job in node.cancels(), 60)
        wait_until(lambda: image not in processor.registry.leased(), 60)
        assert len(node.starts()) == len(set(node.starts()))
