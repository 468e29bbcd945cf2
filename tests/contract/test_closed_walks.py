"""The walks of the clients in the field against a closed server, by an address with a key in it; without it they get a 401 to show."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import websocket
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from config.settings import AuthSettings, FilmSettings, Settings, StorySettings, WorkerSettings
from models.account import Scope
from service.access import accounts
from tests.contract import test_walks as walks
from tests.contract.test_walks import app, backend, node
from tests.integration.processor.conftest import POLL_S, Backend
from tests.support.node.stand_in import StandInNode
from tests.support.web_app import HEAR_S, Connect, connecting, serving

__all__ = ["app", "backend", "node"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path / "data",
        worker=WorkerSettings(poll_seconds=POLL_S),
        story=StorySettings(default_shots=2),
        film=FilmSettings(resolution="320x180", fps=12),
        auth=AuthSettings(required="true"),
    )


@pytest.fixture
def key(backend: Backend) -> str:
    database, now = backend.services.database, backend.services.clock.now()
    accounts.add(database, "alice", "correct horse battery", admin=False, now=now)
    return accounts.add_key(database, "alice", "field", Scope.LEGACY, days=0, now=now)[1]


class FieldClient(FlaskClient):
    """Sends no header; its base address has a key in it. Links are opened as they are."""

    base = ""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        if args and isinstance(args[0], str) and args[0].startswith("/v1/"):
            args = (self.base + args[0], *args[1:])
        return super().open(*args, **kwargs)


@pytest.fixture
def client(app: Flask, key: str) -> FlaskClient:
    app.test_client_class = FieldClient
    made = app.test_client(use_cookies=False)
    made.base = f"/k/{key}"  # type: ignore[attr-defined]
    return made


@pytest.fixture
def connect(app: Flask, key: str) -> Iterator[Connect]:
    with serving(app) as address, connecting(f"{address}/k/{key}") as opener:
        yield opener


def test_the_desktop_client_gets_its_film(client: FlaskClient, node: StandInNode) -> None:
    walks.test_the_desktop_client_gets_its_film(client, node)


def test_the_older_desktop_client_gets_its_film(client: FlaskClient, node: StandInNode) -> None:
    walks.test_the_older_desktop_client_regenerates_and_gets_its_film(client, node)


def test_the_phone_client_gets_its_film(client: FlaskClient, connect: Connect, node: StandInNode) -> None:
    walks.test_the_phone_client_gets_its_film(client, connect, node)


def test_without_a_key_they_get_a_401_that_they_can_show(app: Flask) -> None:
    answers = [
        app.test_client().post("/v1/api/projects", query_string={"Title": "t", "StoryText": "一"}),
        app.test_client().get("/v1/api/tasks/t", headers=walks.JSON),
    ]
    with serving(app) as address, pytest.raises(websocket.WebSocketBadStatusException) as refused:
        websocket.create_connection(f"ws://{address}/tasks/t/wss", timeout=HEAR_S)
    bodies = [*(answer.get_json() for answer in answers), json.loads(refused.value.resp_body or b"{}")]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert refused.value.status_code == 401
    for body in bodies:
        assert body["error"] == body["message"] == "需要登录或 API 密钥"
        assert body["code"] == 401
