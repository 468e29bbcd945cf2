"""A task's life over the wire: the real server and processor, and a node that does as it is told."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.client import Client
from tests.support.node.scripts import failed, finished, png, running, scenes
from tests.support.node.stand_in import StandInNode
from tests.support.server_process import END_S, ServerUnderTest, alive
from tests.support.soak import soaking
from tests.support.wait import wait_until
from tests.support.web_app import closed_with, connecting, hear

STORY = "小猫出门了。小猫回家了。"
PATIENCE_S = 60.0


@pytest.fixture
def node() -> Iterator[StandInNode]:
    with StandInNode() as scripted:
        yield scripted


@pytest.fixture
def server(tmp_path: Path, node: StandInNode) -> Iterator[ServerUnderTest]:
    with ServerUnderTest(tmp_path, {"worker.addr": node.addr}) as running_server:
        yield running_server


@pytest.fixture
def client(server: ServerUnderTest, tmp_path: Path) -> Client:
    return Client([server.url], tmp_path)


def address(client: Client) -> str:
    return urlsplit(client.urls[0]).netloc


def test_progress_of_the_node_is_seen_in_order_and_every_job_is_started_once(client: Client, node: StandInNode) -> None:
    """The node goes on to its next report only once the client has seen the last one."""
    steps = iter((40, 70, 100))
    now = {"progress": 10}

    def report(_job_id: str) -> tuple[int, Any] | None:
        percent = now["progress"]
        return (
            None
            if percent == 100
            else (200, {"status": "processing", "progress": percent, "message": f"第{percent}步"})
        )

    node.on_poll = report
    node.script("generate_storyboard", lambda _e: finished(json.dumps(scenes(2)).encode()))
    created = client.create("猫", STORY, 2)
    seen: list[int] = []
    with connecting(address(client)) as connect:
        watching = connect(created["text_task_id"])
        while (message := hear(watching))["status"] != "finished":
            if message["progress"] == now["progress"]:
                assert message["message"] == f"第{message['progress']}步"
                now["progress"] = next(steps)
            if message["progress"] not in seen:
                seen.append(message["progress"])
        assert closed_with(watching) == 1000
    assert [percent for percent in seen if percent] == [10, 40, 70]
    assert message["progress"] == 100
    for task_id in created["shot_task_ids"]:
        client.wait(task_id)
    starts = node.starts()
    assert sorted(starts) == sorted([created["text_task_id"], *created["shot_task_ids"]])


def test_sockets_end_with_their_tasks_however_these_end(client: Client, node: StandInNode) -> None:
    node.script(
        "generate_storyboard", lambda e: running() if "猫" in json.dumps(e, ensure_ascii=False) else failed("显存不足")
    )
    cancelled = client.create("猫", STORY, 2)
    unlucky = client.create("狗", "小狗出门了。", 1)
    with connecting(address(client)) as connect:
        watching = {task_id: connect(task_id) for task_id in (cancelled["text_task_id"], cancelled["shot_task_ids"][0])}
        board = wait_until(lambda: client.task(cancelled["text_task_id"])["result"]["resource_id"], PATIENCE_S)
        client.post(f"/v1/api/tasks/{cancelled['text_task_id']}/cancel")
        for task_id, connection in watching.items():
            while (message := hear(connection))["status"] in ("pending", "blocked", "processing"):
                continue
            assert (message["id"], message["status"]) == (task_id, "cancelled")
            assert closed_with(connection) == 1000
        wait_until(lambda: node.cancels() == [board], PATIENCE_S, "the end of the node's job")
        late = connect(unlucky["shot_task_ids"][0])
        while (message := hear(late))["status"] in ("pending", "blocked", "processing"):
            continue
        assert message["status"] == "failed"
        assert "显存不足" in message["error"]
        assert closed_with(late) == 1000


def test_a_server_that_is_killed_goes_on_with_the_very_job_that_ran(
    server: ServerUnderTest, client: Client, node: StandInNode, tmp_path: Path
) -> None:
    script = running(png())
    node.script("generate_shot", lambda _e: script)
    created = client.create("猫", STORY, 1)
    [task_id] = created["shot_task_ids"]
    job_id = wait_until(lambda: client.task(task_id)["result"]["resource_id"], PATIENCE_S)
    family = server.family()
    assert server.named("valkey-server")
    server.end(signal.SIGKILL)
    wait_until(lambda: not alive(family), END_S, "the end of what the server started")
    script.gate.set()
    with ServerUnderTest(tmp_path, {"worker.addr": node.addr}) as again:
        task = Client([again.url], tmp_path).wait(task_id)
        assert task["result"]["resource_id"] == job_id
        assert node.starts() == [created["text_task_id"], task_id]
        assert node.cancels() == []


@pytest.mark.parametrize("size", soaking([262_145, 1_000_000, 3_000_000], keep=1))
def test_a_request_line_over_the_bound_is_a_414(server: ServerUnderTest, size: int) -> None:
    parts = urlsplit(server.url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=PATIENCE_S) as connection:
        with suppress(ConnectionError):  # the server need not wait for the rest
            connection.sendall(b"POST /v1/api/projects?StoryText=" + b"a" * size + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = connection.makefile("rb").readline()
    assert answer.startswith(b"HTTP/1.1 414 "), answer
