"""A server with a processor, over HTTP, and the films that it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from config.settings import FilmSettings, MinioSettings, MysqlSettings, Settings, StorySettings, WorkerSettings
from routers.app import create_app
from tests.integration.processor.conftest import POLL_S, Backend
from tests.support.soak import soaking

SMALL = {"resolution": "128x72", "fps": 10}


@pytest.fixture(params=["sqlite and folder", "mariadb and minio"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Either column."""
    production = request.param == "mariadb and minio"
    return Settings(
        data_dir=tmp_path / "data",
        mysql=MysqlSettings(dsn=request.getfixturevalue("mysql_dsn") if production else ""),
        minio=request.getfixturevalue("minio") if production else MinioSettings(),
        worker=WorkerSettings(poll_seconds=POLL_S, concurrency=2),
        story=StorySettings(max_shots=20),
        film=FilmSettings(threads=1, local_export=str(tmp_path / "exported")),
    )


one_column = pytest.mark.parametrize("settings", ["sqlite and folder"], indirect=True)
other_column_by_soak = pytest.mark.parametrize(
    "settings", soaking(["sqlite and folder", "mariadb and minio"], keep=1), indirect=True
)


@pytest.fixture
def client(backend: Backend) -> FlaskClient:
    return create_app(backend.services).test_client()


@pytest.fixture
def project_id(backend: Backend) -> str:
    """A project of two shots with images, and a processor."""
    backend.start()
    return backend.drawn(2)


def ask(client: FlaskClient, project_id: str, **options: Any) -> str:
    answer = client.post(f"/v1/api/projects/{project_id}/video", json={**SMALL, **options})
    assert answer.status_code == 200, answer.text
    return str(answer.get_json()["task_id"])


def made(backend: Backend, client: FlaskClient, project_id: str, **options: Any) -> dict[str, Any]:
    """The finished task of a film."""
    task_id = ask(client, project_id, **options)
    backend.wait(task_id, "finished", "failed", timeout=120)
    task: dict[str, Any] = client.get(f"/v1/api/tasks/{task_id}").get_json()["task"]
    assert task["status"] == "finished", task["error"]
    return task


def versions(client: FlaskClient, project_id: str) -> list[dict[str, Any]]:
    body = client.get(f"/v1/api/projects/{project_id}/films").get_json()
    assert body["total_films"] == len(body["films"])
    return list(body["films"])
