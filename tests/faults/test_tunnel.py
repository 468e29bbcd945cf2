"""A real node behind a tunnel (FRP) in each of its moods, in the middle of stories. Nothing is lost, and nothing is done twice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from config.settings import Settings, WorkerSettings
from processor import worker
from service import broker, tasks
from service.node.client import NodeClient
from service.node.pool import NodePool
from tests.integration.processor.conftest import Backend
from tests.support.node.stand_in import StandInNode
from tests.support.proxy import Tunnel
from tests.support.servers.node_server import NodeServer
from tests.support.wait import wait_until

STORIES, SHOTS = 3, 2
PATIENCE_S = 600.0
POLLS_PER_OUTAGE = 20  # an outage of 60 s where the node is polled every 3 s, as it is by default
LENGTHS = [pytest.param(60.0, marks=pytest.mark.faults), 2.0]


class BehindTunnel(Backend):
    """A processor, and a node that it reaches by the tunnel alone."""

    def __init__(self, folder: Path, redis_url: str, stack: ExitStack, outage_s: float) -> None:
        self.server = NodeServer()
        stack.callback(self.server.close)
        self.tunnel = stack.enter_context(Tunnel(self.server.addr))
        settings = WorkerSettings(poll_seconds=outage_s / POLLS_PER_OUTAGE)
        unused = stack.enter_context(StandInNode())
        super().__init__(Settings(data_dir=folder, worker=settings), redis_url, unused, "tunnel")
        stack.callback(self.close)

    def pool(self) -> NodePool:
        return NodePool.of(NodeClient(self.tunnel.addr, connect_s=2, read_s=3, poll_s=3))

    def jobs_ever(self) -> int:
        """How many jobs the node ever had."""
        said = requests.get(f"http://{self.server.addr}/health", timeout=PATIENCE_S).json()
        return int(said["queued"] + said["running"] + said["kept"])


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[ExitStack]:
    monkeypatch.setattr(worker, "IDLE_S", 0.1)
    monkeypatch.setattr(broker, "LISTEN_S", 0.1)
    with ExitStack() as opened:
        yield opened


def begin(tunnel: Tunnel, mood: str) -> None:
    """Let the tunnel be so from now on."""
    if mood == "away":
        tunnel.down()
    elif mood == "page":
        tunnel.page = True
        tunnel.cut()
    elif mood == "half-open":
        tunnel.half_open = True
    elif mood == "delay":
        tunnel.delay_s = 0.3
    else:
        tunnel.reset_share = 0.05


def end(tunnel: Tunnel, mood: str) -> None:
    """Let it be as before; what hung half-open hangs no more."""
    if mood == "away":
        tunnel.up()
    tunnel.page = tunnel.half_open = False
    tunnel.cut()


@pytest.mark.parametrize("outage_s", LENGTHS)
@pytest.mark.parametrize("mood", ["delay", "resets", "half-open", "page", "away"])
def test_stories_are_told_whatever_the_tunnel_does(
    tmp_path: Path, redis_url: str, stack: ExitStack, mood: str, outage_s: float
) -> None:
    backend = BehindTunnel(tmp_path, redis_url, stack, outage_s)
    if mood in ("delay", "resets"):  # from the beginning, and for good
        begin(backend.tunnel, mood)
    backend.start()
    created = [backend.create(SHOTS) for _ in range(STORIES)]
    if mood not in ("delay", "resets"):
        wait_until(lambda: tasks.get(backend.services, created[0].text_task_id).job_id, PATIENCE_S, "a job at work")
        begin(backend.tunnel, mood)
        time.sleep(outage_s)  # the outage's length is what is tried
        end(backend.tunnel, mood)
    for story in created:
        for task_id in (story.text_task_id, *story.shot_task_ids):
            backend.wait(task_id, "finished", timeout=PATIENCE_S)
    assert backend.jobs_ever() == STORIES * (1 + SHOTS)
    if mood == "resets":
        assert backend.tunnel.resets > 0
