"""A whole back end without HTTP, whose periods are short."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.settings import FilmSettings, Settings, WorkerSettings
from processor import recoverer, removals, worker
from service import broker
from tests.integration.processor.conftest import POLL_S, Backend
from tests.support.columns import address_of, sections_of
from tests.support.node.stand_in import StandInNode


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "IDLE_S", 0.1)
    monkeypatch.setattr(broker, "LISTEN_S", 0.1)
    monkeypatch.setattr(recoverer, "PERIOD_S", 0.1)
    monkeypatch.setattr(removals, "PERIOD_S", 0.1)
    monkeypatch.setattr(removals, "LONGEST_PAUSE_S", 0.5)


@pytest.fixture
def node() -> Iterator[StandInNode]:
    scripted = StandInNode()
    yield scripted
    scripted.close()


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Over SQLite where a test does not ask for another."""
    address = address_of(getattr(request, "param", "sqlite"), request)
    return Settings(
        data_dir=tmp_path / "data",
        **sections_of(address),
        worker=WorkerSettings(poll_seconds=POLL_S, concurrency=2, dispatch_retries=1),
        film=FilmSettings(resolution="64x64", fps=5, subtitles="off"),
    )


@pytest.fixture
def backend(settings: Settings, redis_url: str, node: StandInNode) -> Iterator[Backend]:
    made = Backend(settings, redis_url, node, f"s2v-{uuid.uuid4().hex[:8]}")
    yield made
    made.close()
