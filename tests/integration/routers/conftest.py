"""The services behind the web application: a real database, Redis and store; no processor, no model node."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from flask import Flask
from redis import Redis

from config.settings import ServerSettings, Settings, StorySettings, WorkerSettings
from models.bootstrap import open_sqlite
from routers.router import create_app
from service.clock import Clock
from service.context import Services
from service.errors import NodeUnavailable
from service.events import Events
from service.node.job import Job, Scene
from service.oss.local import LocalStore
from service.queue import TaskQueue

SECRET = "secret-of-the-webhook"


class FastClock(Clock):
    """Seconds of waiting are hundredths."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(seconds / 100)


class NoNode:
    """A model node that does not answer."""

    def generate(self, envelope: Mapping[str, Any]) -> str:
        raise NodeUnavailable("no node")

    def job(self, job_id: str) -> Job:
        raise NodeUnavailable("no node")

    def cancel(self, job_id: str) -> None:
        return

    def storyboard(self, job: Job) -> list[Scene]:
        raise NodeUnavailable("no node")

    def asset(self, job: Job) -> BinaryIO:
        raise NodeUnavailable("no node")

    def provides(self, kind: str) -> bool:
        return False

    def speaks_tts_text(self) -> bool:
        return False

    def check(self) -> str:
        raise NodeUnavailable("no node")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path / "data",
        server=ServerSettings(
            max_sockets=3, max_body=200_000, cors_origins=["https://studio.example", "http://[::1]:3000"]
        ),
        story=StorySettings(max_chars=20_000),
        worker=WorkerSettings(webhook_secret=SECRET),
    )


@pytest.fixture
def services(settings: Settings, tmp_path: Path, redis_url: str) -> Iterator[Services]:
    redis = Redis.from_url(redis_url)
    parts = Services(
        settings=settings,
        database=open_sqlite(settings.data_dir / "test.db"),
        queue=TaskQueue(redis, "test"),
        events=Events(redis, "test"),
        store=LocalStore(settings.data_dir / "assets", "secret-of-links" * 3, ""),
        node=NoNode(),
        clock=FastClock(),
    )
    yield parts
    parts.close()


@pytest.fixture
def app(services: Services, tmp_path: Path) -> Flask:
    static = tmp_path / "static"
    static.mkdir()
    return create_app(services, static)
