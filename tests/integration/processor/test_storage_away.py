"""A MinIO that hangs (SIGSTOP), dies (SIGKILL) and comes back: nobody waits for it, and nothing is left of what was deleted meanwhile.

The bounds are far above what a busy machine needs, and far below what a client waited for a storage that hangs: minutes.
"""

from __future__ import annotations

import io
import itertools
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from config.settings import Settings
from models.asset import Asset
from processor import recoverer, removals
from routers.api.health import Readiness
from routers.app import create_app
from service import projects, shots, tasks
from service.oss import minio
from service.oss.limits import Patience
from tests.integration.processor.conftest import Backend
from tests.support.audio_signals import silence, write_wav
from tests.support.node.scripts import png, running
from tests.support.removals import outbox
from tests.support.servers.minio_server import MinioServer
from tests.support.soak import soaking, soaking_rows
from tests.support.wait import wait_until

AT_ONCE_S = 8.0  # of what does not wait for storage
HURRY_S = 12.0  # of what waits for it, 5 s at most
PATIENCE_S = 120

Fault = Callable[[MinioServer], None]


@pytest.fixture
def server(minio_of_ours: MinioServer) -> Iterator[MinioServer]:
    """A MinIO that tests may stop and kill."""
    yield minio_of_ours
    come_back(minio_of_ours)


def hang(server: MinioServer) -> None:
    server.hang()


def die(server: MinioServer) -> None:
    server.kill()


def come_back(server: MinioServer) -> None:
    if server.process is not None and server.process.poll() is None:
        server.go_on()
    else:
        server.start_again()


@pytest.fixture(params=[pytest.param("mariadb", marks=pytest.mark.mariadb_alone)])  # one will do
def settings(request: pytest.FixtureRequest, settings: Settings, server: MinioServer) -> Settings:
    """The production column, with a MinIO of our own."""
    return settings.model_copy(update={"minio": server.settings(f"s2v-test-{uuid.uuid4().hex[:12]}")})


@pytest.fixture
def away(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> Backend:
    """A back end that notices soon that storage is back."""
    monkeypatch.setattr(recoverer, "PERIOD_S", 0.2)
    monkeypatch.setattr(removals, "PERIOD_S", 0.2)
    monkeypatch.setattr(removals, "LONGEST_PAUSE_S", 1.0)
    monkeypatch.setattr(removals, "SETTLE_S", 1.0)
    monkeypatch.setattr(minio, "PATIENT", Patience(connect_s=2, silence_s=2, total_s=4, retries=1))
    return backend


@pytest.fixture
def client(away: Backend) -> FlaskClient:
    return create_app(away.services).test_client()


def objects(backend: Backend) -> list[str]:
    return list(backend.services.store.list(""))


def nothing_is_left(backend: Backend, kept: list[str | None]) -> None:
    """Every object has its row, every row its object."""
    wait_until(lambda: outbox(backend.services) == [], PATIENCE_S, "an empty outbox")
    wanted = sorted(map(str, kept))
    assert objects(backend) == wanted
    with backend.services.database.read() as session:
        assert sorted(session.scalars(select(Asset.object_key))) == wanted


@pytest.mark.parametrize("fault", soaking([die, hang], keep=1))
def test_what_is_deleted_while_storage_is_away_is_gone_when_it_is_back(
    away: Backend, client: FlaskClient, server: MinioServer, fault: Fault
) -> None:
    away.start()
    project_id, other = away.drawn(2), away.drawn(2)
    [shot, kept] = shots.of_project(away.services, other)
    assert len(objects(away)) == 4
    fault(server)
    began = time.monotonic()
    assert client.delete(f"/v1/api/projects/{project_id}").get_json()["success"]
    assert client.delete(f"/v1/api/shots/{shot.id}").status_code == 200
    assert time.monotonic() - began < AT_ONCE_S
    assert client.get(f"/v1/api/projects/{project_id}").status_code == 404
    wait_until(lambda: any(row.attempts for row in outbox(away.services)), PATIENCE_S, "a removal that failed")
    come_back(server)
    nothing_is_left(away, [kept.image_path])


@pytest.mark.parametrize("fault", soaking([hang, die], keep=1))
def test_an_upload_is_refused_soon_in_words_and_leaves_nothing(
    away: Backend, client: FlaskClient, server: MinioServer, fault: Fault, tmp_path: Path
) -> None:
    away.start()
    wav = write_wav(tmp_path / "a.wav", silence(0.5)).read_bytes()

    def upload(title: str) -> tuple[int, str]:
        answer = client.post("/v1/api/music", data={"file": (io.BytesIO(wav), "a.wav"), "title": title})
        return answer.status_code, answer.get_data(as_text=True)

    assert upload("there")[0] == 200
    fault(server)
    began = time.monotonic()
    status, body = upload("away")
    assert time.monotonic() - began < HURRY_S
    assert status == 503
    assert "对象存储" in body
    come_back(server)
    nothing_is_left(away, ["music/1.wav"])
    assert upload("again")[0] == 200
    nothing_is_left(away, ["music/1.wav", "music/2.wav"])
    fault(server)
    assert client.delete("/v1/api/music/1").status_code == 200
    come_back(server)
    wait_until(lambda: objects(away) == ["music/2.wav"], PATIENCE_S)


@pytest.mark.parametrize("fault", soaking([hang, die], keep=1))
def test_a_task_whose_upload_meets_a_storage_that_is_away_is_done_when_it_is_back(
    away: Backend, server: MinioServer, fault: Fault
) -> None:
    held = running(png())
    away.node.script("generate_shot", lambda _e: held)
    away.start()
    created = away.create(1)
    [task_id] = created.shot_task_ids
    away.dispatched(task_id)
    fault(server)
    held.gate.set()
    wait_until(lambda: outbox(away.services), PATIENCE_S, "an upload that has begun")
    come_back(server)
    away.wait(task_id, "finished", timeout=PATIENCE_S)
    [shot] = shots.of_project(away.services, created.project_id)
    nothing_is_left(away, [shot.image_path])


@pytest.mark.parametrize(
    ("what", "fault"),
    soaking_rows(
        itertools.product(["project", "shot", "task"], [hang, die]),
        keep=[("project", hang), ("shot", die), ("task", hang)],
    ),
)
def test_an_upload_of_what_is_deleted_meanwhile_leaves_nothing(
    away: Backend, client: FlaskClient, server: MinioServer, fault: Fault, what: str
) -> None:
    held = running(png())
    away.node.script("generate_shot", lambda _e: held)
    processor = away.start()
    created = away.create(1)
    [task_id] = created.shot_task_ids
    away.dispatched(task_id)
    [shot] = shots.of_project(away.services, created.project_id)
    fault(server)
    held.gate.set()
    wait_until(lambda: outbox(away.services), PATIENCE_S, "an upload that has begun")
    began = time.monotonic()
    if what == "task":
        tasks.cancel(away.services, task_id)
    else:
        url = f"projects/{created.project_id}" if what == "project" else f"shots/{shot.id}"
        assert client.delete(f"/v1/api/{url}").status_code == 200
    assert time.monotonic() - began < AT_ONCE_S
    come_back(server)
    wait_until(lambda: task_id not in processor.registry.leased(), PATIENCE_S, "the end of the upload")
    nothing_is_left(away, [])


def test_tasks_are_recovered_while_storage_hangs(away: Backend, server: MinioServer) -> None:
    away.start()
    project_id = away.drawn(1)
    server.hang()
    projects.delete(away.services, project_id)
    away.node.script("generate_shot", lambda _e: running())  # nothing that storage is needed for
    for _ in range(3):
        created = away.create(1)
        away.services.queue.redis.flushdb()  # so that only the recoverer can bring it to work
        away.wait(created.text_task_id, "finished", timeout=PATIENCE_S)
    server.go_on()
    nothing_is_left(away, [])


def test_readiness_is_answered_soon_by_everybody_while_storage_hangs(away: Backend, server: MinioServer) -> None:
    readiness = Readiness(away.services)
    assert readiness.states()["storage"] == "ok"
    server.hang()
    readiness._looked_at = None
    began = time.monotonic()
    assert readiness.states()["storage"] == "down"
    assert readiness.states()["storage"] == "down"
    assert time.monotonic() - began < HURRY_S
    server.go_on()
    readiness._looked_at = None
    assert readiness.states()["storage"] == "ok"
