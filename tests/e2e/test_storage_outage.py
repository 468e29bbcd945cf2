"""A MinIO that hangs, dies and comes back under two servers and two processors: clients have their answers, and nothing is left over."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from sqlalchemy import select

from models.asset import Asset
from models.outbox import Removal
from tests.e2e import deployment
from tests.e2e.client import Client
from tests.e2e.deployment import Deployment
from tests.support.audio_signals import silence, write_wav
from tests.support.columns import Production
from tests.support.node.scripts import finished, png
from tests.support.node.stand_in import StandInNode
from tests.support.servers.minio_server import MinioServer
from tests.support.wait import wait_until

ANSWER_S = 20.0  # a client's own limit: 5 s are promised of uploads, deletions are to be answered at once
GONE_S = 180.0  # a removal that hangs takes a minute, the pauses between two much less
STORY = "小猫出门了。小猫回家了。"


@pytest.fixture(scope="module")
def apart(
    minio_of_ours: MinioServer, production: Production, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    with StandInNode() as node:
        node.script("generate_shot", lambda _envelope: finished(png()))
        node.script_storyboards()
        settings = {
            "worker.addr": node.addr,
            **{f"minio.{key}": value for key, value in minio_of_ours.settings("ours").model_dump().items() if value},
        }
        with deployment.apart(tmp_path_factory.mktemp("outage"), production, settings) as running:
            yield running


def hang(server: MinioServer) -> Callable[[], None]:
    server.hang()
    return server.go_on


def die(server: MinioServer) -> Callable[[], None]:
    server.kill()
    return server.start_again


def empty(apart: Deployment) -> bool:
    with apart.database() as database, database.read() as session:
        return session.scalars(select(Removal)).first() is None and session.scalars(select(Asset)).first() is None


@pytest.mark.parametrize(
    "away", [pytest.param(hang, marks=pytest.mark.faults), pytest.param(die, marks=pytest.mark.soak)]
)
def test_clients_are_answered_while_storage_is_away_and_nothing_is_left_when_it_is_back(
    apart: Deployment, minio_of_ours: MinioServer, away: Callable[[MinioServer], Callable[[], None]], tmp_path: Path
) -> None:
    client = Client([server.url for server in apart.servers], tmp_path)
    created = client.create("山", STORY, 2)
    for task_id in created["shot_task_ids"]:
        client.wait(task_id)
    project = created["project_id"]
    assert len(list(apart.store().list("projects/"))) == 2
    come_back = away(minio_of_ours)
    try:
        for server in apart.servers:
            answer = requests.get(f"{server.url}/readyz", timeout=ANSWER_S)
            assert answer.json()["dependencies"]["storage"] == "down"
            wav = write_wav(tmp_path / "a.wav", silence(0.5)).read_bytes()
            answer = requests.post(
                f"{server.url}/v1/api/music", files={"file": ("a.wav", io.BytesIO(wav))}, timeout=ANSWER_S
            )
            assert answer.status_code == 503
            assert "对象存储" in answer.text
        assert requests.delete(f"{apart.servers[0].url}/v1/api/projects/{project}", timeout=ANSWER_S).ok
        assert client.request("GET", f"/v1/api/projects/{project}").status_code == 404
        other = client.create("海", STORY, 1)  # tasks that need no storage go on
        client.wait(other["text_task_id"])
        assert requests.delete(f"{apart.servers[1].url}/v1/api/projects/{other['project_id']}", timeout=ANSWER_S).ok
    finally:
        come_back()
    wait_until(lambda: empty(apart), GONE_S, "an empty outbox, and no asset")
    assert list(apart.store().list("")) == []
