"""A whole back end without HTTP: services over a real database, Redis and a scripted node."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from redis import Redis

from common.clock import Clock
from config.settings import Settings, StorySettings, WorkerSettings
from models.bootstrap import open_database
from models.task import Task
from processor import worker
from processor.processor import Processor
from service import broker, projects, shots, tasks
from service.broker import Events, TaskQueue
from service.container import Services
from service.node.client import NodeClient
from service.node.pool import NodePool
from service.oss import ObjectStore
from service.oss.local import LocalStore
from service.oss.minio import MinioStore
from service.schemas import NewProject
from tests.support.columns import DATABASES, address_of, sections_of
from tests.support.node.stand_in import StandInNode
from tests.support.soak import soaking
from tests.support.wait import wait_until

POLL_S = 0.05


class Backend:
    """Services and as many processors as a test starts."""

    def __init__(self, settings: Settings, redis_url: str, node: StandInNode, name: str) -> None:
        self.settings = settings
        self.node = node
        self.clock = Clock()
        self._redis_url = redis_url
        self._name = name
        self.services = self.new_services()
        self._processors: list[tuple[Processor, Services]] = []

    def new_services(self) -> Services:
        """Services of another process: connections of their own."""
        redis = Redis.from_url(self._redis_url)
        store: ObjectStore = LocalStore(self.settings.data_dir / "assets", "s" * 32, "http://127.0.0.1:1")
        if self.settings.minio.endpoint:
            store = MinioStore(self.settings.minio)
        store.check()
        return Services(
            settings=self.settings,
            database=open_database(self.settings),
            queue=TaskQueue(redis, self._name),
            events=Events(redis, self._name),
            store=store,
            node=self.pool(),
            clock=self.clock,
        )

    def pool(self) -> NodePool:
        """The nodes, for one process."""
        return NodePool.of(NodeClient(self.node.addr, read_s=10))

    def start(self) -> Processor:
        """Start a processor with services of its own."""
        services = self.new_services()
        processor = Processor(services)
        processor.start()
        self._processors.append((processor, services))
        return processor

    def stop(self) -> None:
        """Stop every processor."""
        for processor, services in self._processors:
            processor.stop(timeout=10)
            services.close()
        self._processors.clear()

    def close(self) -> None:
        """Stop everything."""
        self.stop()
        self.services.close()

    def create(self, shots_wanted: int = 2, story: str = "从前有座山。山里有座庙。") -> projects.CreatedProject:
        """A project."""
        return projects.create(
            self.services, NewProject(title="山", story_text=story, style="水墨", shot_count=shots_wanted)
        )

    def stored(self, key: str | None) -> bytes:
        """A stored object's bytes."""
        with self.services.store.open(key or "") as stream:
            return stream.read()

    def status(self, task_id: str) -> str:
        """A task's status."""
        return str(tasks.get(self.services, task_id).status)

    def wait(self, task_id: str, *wanted: str, timeout: float = 60) -> None:
        """Wait until a task is in one of these states."""
        wait_until(lambda: self.status(task_id) in wanted, timeout, f"task {task_id} {wanted}")

    def age(self, task_id: str, by: timedelta) -> None:
        """Let a task have begun so much earlier."""
        with self.services.database.write() as session:
            task = session.get_one(Task, task_id)
            assert task.started_at is not None
            task.started_at -= by

    def dispatched(self, task_id: str) -> None:
        """Wait until the node has started the task's job, so that another script is not for this one any more."""
        wait_until(lambda: task_id in self.node.starts(), 60, f"a job of task {task_id}")

    def drawn(self, shots_wanted: int = 2) -> str:
        """A project whose images are all there; returns its id."""
        created = self.create(shots_wanted)
        wait_until(
            lambda: (
                [shot.status for shot in shots.of_project(self.services, created.project_id)]
                == ["completed"] * shots_wanted
            ),
            60,
        )
        return created.project_id


@pytest.fixture(autouse=True)
def _idle_workers_end_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test stops a processor, whose idle threads notice when their wait for a task, or for an event, is over."""
    monkeypatch.setattr(worker, "IDLE_S", 0.1)
    monkeypatch.setattr(broker, "LISTEN_S", 0.1)


@pytest.fixture
def node() -> Iterator[StandInNode]:
    scripted = StandInNode()
    yield scripted
    scripted.close()


@pytest.fixture(params=DATABASES)
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings over each database."""
    return settings_over(request, tmp_path)


def settings_over(request: pytest.FixtureRequest, folder: Path) -> Settings:
    """Settings over the database that is the fixture's parameter."""
    return Settings(
        data_dir=folder,
        **sections_of(address_of(request.param, request)),
        worker=WorkerSettings(poll_seconds=POLL_S),
        story=StorySettings(max_shots=20),
    )


# For a test of which others of its kind run over the other databases.
others_by_soak = pytest.mark.parametrize("settings", soaking(DATABASES, keep=1), indirect=True)


@pytest.fixture
def backend(settings: Settings, redis_url: str, node: StandInNode) -> Iterator[Backend]:
    made = Backend(settings, redis_url, node, f"s2v-{uuid.uuid4().hex[:8]}")
    yield made
    made.close()
