"""Three real nodes: one is killed, one hangs, one is slow, and those that were away come back.

Nothing is lost, nothing is done twice but what was moved off a node that was dead or hung, and the work is spread by weight.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import select

from config.settings import Settings, WorkerSettings
from models.stray_job import StrayJob
from models.task import Task
from processor import stray_jobs, worker
from service import broker, shots
from service.node import pool
from service.node.client import NodeClient
from service.node.pool import NodePool, PooledNode
from tests.integration.processor.conftest import Backend
from tests.support.node.stand_in import StandInNode
from tests.support.proxy import Tunnel
from tests.support.servers.node_server import NodeServer
from tests.support.wait import wait_until

WEIGHTS = (3, 2, 1)
SHOTS = 2
PATIENCE_S = 600.0
NODE_PATIENCE_S = 5
SLOW_S = 0.1  # for each piece on the way to the slow node, or from it
KILLED, HANGS, SLOW = 0, 1, 2


class Nodes(Backend):
    """A processor and three nodes, each a process of its own; the last behind a slow tunnel."""

    def __init__(self, folder: Path, redis_url: str, stack: ExitStack) -> None:
        self.servers = []
        for _ in WEIGHTS:
            self.servers.append(NodeServer())
            stack.callback(self.servers[-1].close)
        self.tunnel = stack.enter_context(Tunnel(self.servers[SLOW].addr))
        self.tunnel.delay_s = SLOW_S
        self.addrs = [server.addr for server in self.servers[:SLOW]] + [self.tunnel.addr]
        settings = WorkerSettings(poll_seconds=0.3, node_patience=NODE_PATIENCE_S)
        unused = stack.enter_context(StandInNode())
        super().__init__(Settings(data_dir=folder, worker=settings), redis_url, unused, "three-nodes")
        stack.callback(self.close)

    def pool(self) -> NodePool:
        return NodePool(
            [
                PooledNode(NodeClient(addr, connect_s=2, read_s=5, poll_s=3), weight)
                for addr, weight in zip(self.addrs, WEIGHTS, strict=True)
            ]
        )

    def rows(self) -> list[Task]:
        with self.services.database.read() as session:
            return list(session.scalars(select(Task)))

    def finished(self) -> int:
        failed = [task.error for task in self.rows() if task.status in ("failed", "cancelled")]
        assert failed == []
        return sum(task.status == "finished" for task in self.rows())

    def at_work_on(self, number: int) -> bool:
        """Whether a node has a job by its row."""
        name = f"http://{self.addrs[number]}"
        return any(task.status == "processing" and task.node == name and task.job_id for task in self.rows())

    def strays(self) -> list[StrayJob]:
        with self.services.database.read() as session:
            return list(session.scalars(select(StrayJob)))

    def answer(self, number: int, path: str) -> dict[str, Any] | None:
        """What a node says; None where it knows nothing."""
        said = requests.get(f"http://{self.servers[number].addr}{path}", timeout=PATIENCE_S)
        assert said.status_code in (200, 404)
        return dict(said.json()) if said.status_code == 200 else None

    def jobs_ever(self) -> int:
        """How many jobs there were on all nodes: they remember them on their disks."""
        said = [self.answer(number, "/health") or {} for number in range(len(WEIGHTS))]
        return sum(each["queued"] + each["running"] + each["kept"] for each in said)


@pytest.fixture
def nodes(tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nodes]:
    for module, name, seconds in (
        (worker, "IDLE_S", 0.1),
        (broker, "LISTEN_S", 0.1),
        (pool, "LOOK_EVERY_S", 0.5),
        (stray_jobs, "PERIOD_S", 0.5),
        (stray_jobs, "SETTLE_MS", 1000),
    ):
        monkeypatch.setattr(module, name, seconds)
    with ExitStack() as stack:
        yield Nodes(tmp_path, redis_url, stack)


@pytest.mark.parametrize("stories", [pytest.param(20, marks=pytest.mark.faults), 5])
def test_nothing_is_lost_and_only_what_was_moved_is_done_twice(
    nodes: Nodes, stories: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "processor.node_dispatch")
    nodes.start()
    projects = [nodes.create(SHOTS).project_id for _ in range(stories)]
    tasks = stories * (1 + SHOTS)
    wait_until(lambda: nodes.finished() >= tasks // 3, PATIENCE_S, "a third of the work")
    spread = Counter(task.node for task in nodes.rows() if task.status == "finished")
    assert spread[f"http://{nodes.addrs[KILLED]}"] > spread[f"http://{nodes.addrs[SLOW]}"], "by weight"
    wait_until(lambda: nodes.at_work_on(KILLED), PATIENCE_S, "a job on the node that is to be killed")
    nodes.servers[KILLED].kill()
    wait_until(lambda: nodes.at_work_on(HANGS), PATIENCE_S, "a job on the node that is to hang")
    nodes.servers[HANGS].hang()
    wait_until(lambda: "is moved off" in caplog.text, PATIENCE_S, "a job that is moved")
    nodes.servers[KILLED].start_again()
    wait_until(lambda: nodes.finished() == tasks, PATIENCE_S, "the end of all work")
    nodes.servers[HANGS].go_on()
    wait_until(lambda: not nodes.strays(), PATIENCE_S, "the deletion of what was left")
    for project in projects:
        stored = [nodes.stored(shot.image_path) for shot in shots.of_project(nodes.services, project)]
        assert [image[:4] for image in stored] == [b"\x89PNG"] * SHOTS
    for task in nodes.rows():
        known = [number for number in range(len(WEIGHTS)) if nodes.answer(number, f"/v1/jobs/{task.id}")]
        assert [f"http://{nodes.addrs[number]}" for number in known] == [task.node]
    moved = caplog.text.count("is moved off") + caplog.text.count("did not take it")
    assert tasks <= nodes.jobs_ever() <= tasks + moved
