"""MariaDB goes away while tasks run, and comes back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from config.settings import MysqlSettings, Settings, WorkerSettings
from tests.conftest import leave_out
from tests.integration.processor.conftest import POLL_S, Backend
from tests.support.node.scripts import Script, finished, png, running
from tests.support.node.stand_in import StandInNode
from tests.support.removals import swept
from tests.support.servers.mariadb_server import MariadbServer, fresh_database
from tests.support.servers.process import MissingServiceError
from tests.support.wait import wait_until


@pytest.fixture
def server() -> Iterator[MariadbServer]:
    """A server of this test's own, which it may take away."""
    try:
        started = MariadbServer()
    except MissingServiceError as error:
        leave_out(str(error))
    yield started
    started.close()


@pytest.fixture
def backend(server: MariadbServer, redis_url: str, node: StandInNode, tmp_path: Path) -> Iterator[Backend]:
    with fresh_database(server.dsn()) as dsn:
        worker = WorkerSettings(poll_seconds=POLL_S)
        settings = Settings(data_dir=tmp_path, mysql=MysqlSettings(dsn=dsn, statement_timeout_s=5), worker=worker)
        with closing(Backend(settings, redis_url, node, "restart")) as made:
            yield made


def test_tasks_at_work_and_tasks_that_wait_end_after_the_database_was_restarted(
    backend: Backend, server: MariadbServer
) -> None:
    scripts: dict[str, Script] = {}
    backend.node.script("generate_shot", lambda envelope: scripts.setdefault(envelope["id"], running(png())))
    processor = backend.start()
    created = [backend.create(4) for _ in range(2)]
    images = [task_id for one in created for task_id in one.shot_task_ids]
    wait_until(lambda: len(scripts) == 5, 60, "as many jobs as there are workers")
    server.stop()
    for held in list(scripts.values()):
        held.gate.set()
    wait_until(lambda: not processor.registry.leased(), 60, "the end of work whose results cannot be written")
    backend.node.script("generate_shot", lambda _envelope: finished(png()))
    server.start_again()
    for task_id in images:
        backend.wait(task_id, "finished", timeout=120)
    starts = backend.node.starts("generate_shot")
    assert sorted(starts) == sorted(images), "each job was started once"
    assert backend.node.cancels() == []
    assert len(swept(backend.services, "projects/")) == len(images)
