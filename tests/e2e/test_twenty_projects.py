"""Twenty stories at once, while a processor and then a server are killed and started again."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest
import requests
from sqlalchemy import func, select

from config.addresses import Listen
from models.asset import Asset
from models.db import Database
from models.project import Project
from models.task import OPEN, Task, TaskStatus, TaskType
from runtime.listener import AddressInUse, listen
from tests.e2e import deployment
from tests.e2e.client import Client
from tests.e2e.deployment import Deployment
from tests.support.columns import Production
from tests.support.node.scripts import Script, finished, png, wav
from tests.support.node.stand_in import StandInNode
from tests.support.server_process import END_S
from tests.support.wait import wait_until

PROJECTS, SHOTS = 20, 2
PATIENCE_S = 200.0
Answer = TypeVar("Answer")


@pytest.fixture
def gate() -> threading.Event:
    """While it is clear no image is finished."""
    return threading.Event()


@pytest.fixture
def node(gate: threading.Event) -> Iterator[StandInNode]:
    """Jobs take a few looks, so that whoever is killed is at work."""

    def image(_envelope: object) -> Script:
        return Script(finished(b"", *range(10, 90, 10)).reports, png(), gate)

    with StandInNode() as scripted:
        scripted.script("generate_shot", image)
        scripted.script("generate_audio", lambda _envelope: finished(wav(), *range(10, 90, 10)))
        yield scripted


@pytest.fixture
def apart(node: StandInNode, production: Production, tmp_path: Path) -> Iterator[Deployment]:
    settings = {"worker.addr": node.addr, "worker.poll_seconds": 0.05}
    with deployment.apart(tmp_path, production, settings) as running:
        yield running


def insist(call: Callable[[], Answer]) -> Answer:
    """Ask again while a server is away, as clients do."""

    def attempt() -> tuple[Answer] | None:
        try:
            return (call(),)
        except (
            requests.ConnectionError,
            requests.exceptions.ChunkedEncodingError,
        ):  # killed before, or amid its answer
            return None

    return wait_until(attempt, PATIENCE_S)[0]  # type: ignore[index]  # true, so not None


def tell_a_story(client: Client, number: int) -> str:
    """From the text to images and narrations; the project's id."""
    created = insist(lambda: client.create(f"故事 {number}", "小猫出门了。小猫回家了。", SHOTS))
    project = str(created["project_id"])
    for task_id in created["shot_task_ids"]:
        insist(lambda: client.wait(task_id))  # noqa: B023 - used at once
    narration = insist(lambda: client.post(f"/v1/api/projects/{project}/tts"))["task_id"]
    insist(lambda: client.wait(narration))
    return project


def held_by(database: Database, pid: int) -> int:
    """How many images a process works on."""
    with database.read() as session:
        held = (
            Task.type == TaskType.IMAGE,
            Task.status == TaskStatus.PROCESSING,
            Task.lease_owner.like(f"%:{pid}:%"),
        )
        return session.scalar(select(func.count()).select_from(Task).where(*held)) or 0


def is_free(port: int) -> bool:
    try:
        listen(Listen("127.0.0.1", port)).close()
    except AddressInUse:
        return False
    return True


def any_open(database: Database) -> bool:
    with database.read() as session:
        return session.scalar(select(Task.id).where(Task.status.in_(OPEN)).limit(1)) is not None


@pytest.mark.soak
def test_every_task_ends_once_whoever_is_killed(apart: Deployment, node: StandInNode, gate: threading.Event) -> None:
    clients = [Client([server.url for server in apart.servers], apart.folder) for _ in range(PROJECTS)]
    with apart.database() as database, ThreadPoolExecutor(PROJECTS) as threads:
        stories = threads.map(tell_a_story, clients, range(PROJECTS))
        victim = apart.processors[0]
        wait_until(lambda: held_by(database, victim.process.pid), PATIENCE_S, "work on the first processor")
        assert victim.end(signal.SIGKILL) == -signal.SIGKILL
        assert held_by(database, victim.process.pid) > 0, "it died at work"
        apart.processors[0] = apart.start_processor(0)
        server = apart.servers[0]
        assert any_open(database)
        gate.set()
        assert server.end(signal.SIGKILL) == -signal.SIGKILL
        wait_until(lambda: is_free(server.port), END_S, "the end of the server's worker, which has its port")
        apart.servers[0] = apart.start_server(0, port=server.port)
        made = set(stories)
        wait_until(lambda: not any_open(database), PATIENCE_S, "the end of every task")
        assert len(made) == PROJECTS
        _nothing_is_lost_and_nothing_twice(apart, database, node, made)
    assert sum((client.answered for client in clients), Counter[str]()).keys() == {s.url for s in apart.servers}
    assert all(processor.claimed() for processor in apart.processors)


def _nothing_is_lost_and_nothing_twice(
    apart: Deployment, database: Database, node: StandInNode, made: set[str]
) -> None:
    with database.read() as session:
        projects = set(session.scalars(select(Project.id)))
        tasks = list(session.scalars(select(Task)))
        stored = list(session.scalars(select(Asset).where(Asset.stored_at.is_not(None))))
    # A server that died before it could answer may have left a project that its client asked for once more.
    assert made <= projects
    assert {(task.status, task.progress) for task in tasks} == {(TaskStatus.FINISHED, 100)}
    jobs = {task.id for task in tasks if not task.is_parent}
    assert Counter(node.starts()) == Counter(jobs)
    assert node.cancels() == []
    images_and_narrations = [task.id for task in tasks if task.type != TaskType.STORYBOARD and task.id in jobs]
    assert Counter(asset.task_id for asset in stored) == Counter(images_and_narrations)
    assert {asset.object_key for asset in stored} <= set(apart.store().list("projects/"))
    for project in made:
        of_project = [task for task in tasks if task.project_id == project]
        assert len(of_project) == 1 + SHOTS + 1 + SHOTS
