"""Two servers and two processors: what one of them is told, the others do."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import websocket

from tests.e2e import deployment
from tests.e2e.client import Client
from tests.e2e.deployment import Deployment
from tests.support.columns import Production
from tests.support.node.scripts import Script, finished, png, running, wav
from tests.support.node.stand_in import StandInNode
from tests.support.server_process import ProcessorUnderTest
from tests.support.wait import wait_until
from tests.support.web_app import Connect, closed_with, connecting, hear

STORY = "小猫出门了。小猫回家了。"
SOON_S = 60.0


@pytest.fixture(scope="module")
def node() -> Iterator[StandInNode]:
    with StandInNode() as scripted:
        yield scripted


@pytest.fixture(autouse=True)
def _quick(node: StandInNode) -> None:
    """Unless a test says otherwise, every job is done at once."""
    node.script_quickly()


@pytest.fixture(scope="module")
def apart(node: StandInNode, production: Production, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Each processor takes one task at a time, so that two tasks at once are never on the same one."""
    settings = {"worker.addr": node.addr, "worker.concurrency": 1, "film.resolution": "320x180"}
    with deployment.apart(tmp_path_factory.mktemp("apart"), production, settings) as running_now:
        yield running_now


@pytest.fixture
def clients(apart: Deployment) -> tuple[Client, Client]:
    """One of each server."""
    first, second = (Client([server.url], apart.folder) for server in apart.servers)
    return first, second


@pytest.fixture
def connect(apart: Deployment) -> Iterator[Connect]:
    """Opens sockets at the second server."""
    with connecting(urlsplit(apart.servers[1].url).netloc) as opener:
        yield opener


def holder(apart: Deployment, task_id: str) -> ProcessorUnderTest | None:
    """The processor that took the task."""
    return next((processor for processor in apart.processors if task_id in processor.claimed()), None)


def both_at_work(apart: Deployment, task_ids: list[str]) -> bool:
    return {id(holder(apart, task_id)) for task_id in task_ids} == {id(processor) for processor in apart.processors}


def test_a_cancel_through_one_server_stops_tasks_on_both_processors(
    apart: Deployment, clients: tuple[Client, Client], node: StandInNode
) -> None:
    first, second = clients
    node.script("generate_shot", lambda _envelope: running(png()))
    created = first.create("小猫", STORY, 2)
    images = created["shot_task_ids"]
    wait_until(lambda: both_at_work(apart, images), SOON_S, "an image on each processor")
    jobs = [wait_until(lambda: second.task(id_)["result"]["resource_id"], SOON_S) for id_ in images]  # noqa: B023 - used at once
    for task_id in images:
        assert first.post(f"/v1/api/tasks/{task_id}/cancel")["task"]["status"] == "cancelled"
        processor = holder(apart, task_id)
        assert processor is not None
        wait_until(lambda: f"task {task_id} cancelled" in processor.lines(), SOON_S)  # noqa: B023 - used at once
    wait_until(lambda: set(jobs) <= set(node.cancels()), SOON_S, "the ends of the node's jobs")
    assert [second.task(task_id)["status"] for task_id in images] == ["cancelled", "cancelled"]
    held = running(png())
    node.script("generate_shot", lambda _envelope: held)
    again = [second.post(f"/v1/api/tasks/{task_id}/retry")["task_id"] for task_id in images]
    wait_until(lambda: both_at_work(apart, again), SOON_S, "both are free again")
    held.gate.set()
    for task_id in again:
        first.wait(task_id)


def test_a_socket_at_one_server_sees_what_was_asked_of_the_other(
    clients: tuple[Client, Client], connect: Connect, node: StandInNode
) -> None:
    scripts: dict[str, Script] = {}

    def script(envelope: dict[str, Any]) -> Script:
        return scripts.setdefault(envelope["id"], running(png(), 42))

    node.script("generate_shot", script)
    first, _ = clients
    created = first.create("小猫", STORY, 2)
    one, other = created["shot_task_ids"]
    sockets = {task_id: connect(task_id) for task_id in (one, other)}
    for task_id, socket in sockets.items():
        message = hear(socket)
        while (message["status"], message["progress"]) != ("processing", 42):
            assert (message["id"], message["status"]) in ((task_id, s) for s in ("blocked", "pending", "processing"))
            message = hear(socket)
    scripts[one].gate.set()
    assert last(sockets[one]) == ("finished", 100)
    first.post(f"/v1/api/tasks/{other}/cancel")
    assert last(sockets[other]) == ("cancelled", 42)


def last(socket: websocket.WebSocket) -> tuple[str, int]:
    """What the last message before the close says."""
    message = hear(socket)
    while message["status"] == "processing":
        message = hear(socket)
    assert closed_with(socket) == 1000
    return message["status"], message["progress"]


def test_a_cancelled_film_stops_being_made_in_the_other_process(
    apart: Deployment, clients: tuple[Client, Client], node: StandInNode
) -> None:
    node.script("generate_audio", lambda _envelope: finished(wav(30)))
    first, second = clients
    created = first.create("小猫", STORY, 2)
    film = first.post(f"/v1/api/projects/{created['project_id']}/video", {"resolution": "1280x720"})["task_id"]

    def makers() -> list[int]:
        return [worker.pid for processor in apart.processors for worker in processor.family()]

    wait_until(makers, SOON_S, "the film's worker processes")
    assert second.post(f"/v1/api/tasks/{film}/cancel")["task"]["status"] == "cancelled"
    wait_until(lambda: not makers(), SOON_S, "the end of the film's worker processes")
    assert first.get(f"/v1/api/projects/{created['project_id']}/films")["total_films"] == 0
    assert list(apart.store().list(f"projects/{created['project_id']}/films/")) == []


def test_a_processor_that_is_told_to_end_hands_its_work_over_at_once(
    apart: Deployment, clients: tuple[Client, Client], node: StandInNode
) -> None:
    scripts: dict[str, Script] = {}
    node.script("generate_shot", lambda envelope: scripts.setdefault(envelope["id"], running(png())))
    first, second = clients
    [image] = first.create("小猫", "小猫出门了。", 1)["shot_task_ids"]
    wait_until(lambda: second.task(image)["result"]["resource_id"], SOON_S, "its job")
    ending = holder(apart, image)
    assert ending is not None
    number = apart.processors.index(ending)
    assert ending.end(signal.SIGTERM) == 0
    other = apart.processors[1 - number]
    wait_until(lambda: image in other.claimed(), SOON_S, "the other one's claim")
    scripts[image].gate.set()
    second.wait(image)
    assert node.starts("generate_shot").count(image) == 1, "its job was resumed"
    assert "Traceback" not in ending.lines()
    apart.processors[number] = apart.start_processor(number)
