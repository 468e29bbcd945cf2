"""The web application with real services behind it, for tests: a database, Redis and a store; no processor, no model node."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from io import BufferedReader
from pathlib import Path
from typing import Any

import websocket
from flask import Flask
from redis import Redis
from sqlalchemy import update
from werkzeug.serving import WSGIRequestHandler, make_server

from common.clock import Clock
from common.errors import NodeUnavailable
from config.settings import ServerSettings, Settings, WorkerSettings
from models.base import new_id
from models.bootstrap import open_database
from models.project import Project
from models.task import Task, TaskStatus, TaskType
from service.broker import Events, TaskQueue
from service.container import Services
from service.node.client import NodeClient
from service.node.interface import Character, Job, Scene, Voice
from service.node.pool import NodePool
from service.oss.local import LocalStore
from tests.support.columns import sections_of

WEBHOOK_SECRET = "secret-of-the-webhook"
LINK_SECRET = "secret-of-the-links-in-these-tests"
ORIGINS = ["https://studio.example", "http://[::1]:3000"]
HEAR_S = 20
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


class FastClock(Clock):
    """Seconds of waiting are hundredths."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(seconds / 100)


class NoNode(NodeClient):
    """A model node that does not answer."""

    def __init__(self) -> None:
        super().__init__("no-node.invalid:1")

    def generate(self, envelope: Mapping[str, Any]) -> str:
        raise NodeUnavailable("no node")

    def job(self, job_id: str) -> Job:
        raise NodeUnavailable("no node")

    def cancel(self, job_id: str) -> bool:
        return False

    def storyboard(self, job: Job) -> list[Scene]:
        raise NodeUnavailable("no node")

    def cast(self, job: Job) -> list[Character]:
        raise NodeUnavailable("no node")

    def asset(self, job: Job) -> BufferedReader:
        raise NodeUnavailable("no node")

    def provides(self, kind: str) -> bool:
        return False

    def speaks_tts_text(self) -> bool:
        return False

    def voices(self) -> list[Voice]:
        raise NodeUnavailable("no node")

    def voice_sample(self, provider: str, voice: str) -> bytes:
        raise NodeUnavailable("no node")

    def check(self) -> str:
        raise NodeUnavailable("no node")


def make_settings(folder: Path, address: str = "") -> Settings:
    """Settings with limits low enough to be reached, over SQLite or the database of this address."""
    return Settings(
        data_dir=folder,
        **sections_of(address),
        server=ServerSettings(max_sockets=3, max_body=200_000, cors_origins=ORIGINS),
        worker=WorkerSettings(webhook_secret=WEBHOOK_SECRET),
    )


@contextmanager
def open_services(settings: Settings, redis_url: str) -> Iterator[Services]:
    """The services, closed afterwards."""
    redis = Redis.from_url(redis_url)
    services = Services(
        settings=settings,
        database=open_database(settings),
        queue=TaskQueue(redis, "test"),
        events=Events(redis, "test"),
        store=LocalStore(settings.data_dir / "assets", LINK_SECRET),
        node=NodePool.of(NoNode()),
        clock=FastClock(),
    )
    try:
        yield services
    finally:
        services.close()


class _Silent(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        return


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """A threaded server on a free port; yields its host and port."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Silent)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        app.extensions["sockets"].close_all()
        server.shutdown()
        thread.join()
        server.server_close()


Connect = Callable[[str], websocket.WebSocket]
"""Opens the socket of a task."""


@contextmanager
def connecting(address: str) -> Iterator[Connect]:
    """Opens sockets of tasks, and closes them afterwards."""
    with ExitStack() as opened:

        def connect(task_id: str) -> websocket.WebSocket:
            client = websocket.create_connection(f"ws://{address}/tasks/{task_id}/wss", timeout=HEAR_S)
            opened.callback(client.shutdown)
            return client

        yield connect


def hear(client: websocket.WebSocket) -> dict[str, Any]:
    """The next message."""
    message = json.loads(client.recv())
    assert isinstance(message, dict)
    return message


def closed_with(client: websocket.WebSocket) -> int:
    """The code of the close frame that must come next."""
    opcode, frame = client.recv_data_frame(control_frame=True)
    while opcode in (websocket.ABNF.OPCODE_PING, websocket.ABNF.OPCODE_PONG):
        opcode, frame = client.recv_data_frame(control_frame=True)
    assert opcode == websocket.ABNF.OPCODE_CLOSE
    return int.from_bytes(frame.data[:2], "big")


def unsigned(piece: dict[str, Any]) -> dict[str, Any]:
    """A piece of music without the signature of its link, which is for the hour: that may be another by now."""
    return {**piece, "url": piece["url"].partition("?")[0]}


def new_task(services: Services, **values: Any) -> str:
    """A task of a project of its own; returns its id."""
    common: dict[str, Any] = {"created_at": NOW, "updated_at": NOW}
    project = Project(id=new_id(), title="", story_text="a", style="", status="created", **common)
    task = Task(id=new_id(), project_id=project.id, type=TaskType.IMAGE, status=TaskStatus.PENDING, **common)
    for name, value in values.items():
        setattr(task, name, value)
    with services.database.write() as session:
        session.add(project)
        session.flush()
        session.add(task)
    return task.id


def change(services: Services, task_id: str, **values: Any) -> None:
    """Write a task's columns, as a processor elsewhere would."""
    with services.database.write() as session:
        session.execute(update(Task).where(Task.id == task_id).values(**values))
