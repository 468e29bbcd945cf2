"""A storage behind a bad line, in the middle of work: requests are answered, work is done later, and rows and objects agree."""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select

from common.errors import StorageUnavailable
from config.settings import MinioSettings, Settings, WorkerSettings
from models.asset import Asset
from models.task import Task
from processor import recoverer
from service import films, music, projects, shots, tasks
from service.oss import minio as minio_store
from service.oss.limits import Patience
from service.schemas import MusicUpload, PageRequest, ProjectChanges, ShotChanges
from tests.integration.processor.conftest import POLL_S, Backend
from tests.support.hostile_media import plain_wav
from tests.support.node.scripts import png, running
from tests.support.node.stand_in import StandInNode
from tests.support.proxy import Tunnel
from tests.support.removals import swept
from tests.support.soak import soaking
from tests.support.wait import wait_until

PATIENCE_S = 20.0  # for an answer; what hung took minutes
Mood = Callable[[Tunnel], None]


def _half_open(tunnel: Tunnel) -> None:
    tunnel.half_open = True


def _page(tunnel: Tunnel) -> None:
    tunnel.page = True
    tunnel.cut()  # what is connected still reaches the storage


def _loses_answers(tunnel: Tunnel) -> None:
    tunnel.lose_answers = 1 << 30


def _trickles(tunnel: Tunnel) -> None:
    tunnel.delay_s = 4.0


MOODS: dict[str, Mood] = {
    "takes all and says nothing": _half_open,
    "another's page": _page,
    "does all and says nothing": _loses_answers,
    "a piece every four seconds": _trickles,
    "refuses": Tunnel.down,
}


@pytest.fixture
def tunnel(minio: MinioSettings) -> Iterator[Tunnel]:
    with Tunnel(minio.endpoint) as made:
        yield made


@pytest.fixture
def behind(
    tmp_path: Path, minio: MinioSettings, tunnel: Tunnel, redis_url: str, node: StandInNode
) -> Iterator[Backend]:
    """A back end that knows its storage by the tunnel's address."""
    store = minio.model_copy(update={"endpoint": tunnel.addr})
    settings = Settings(data_dir=tmp_path, minio=store, worker=WorkerSettings(poll_seconds=POLL_S))
    made = Backend(settings, redis_url, node, f"s2v-{uuid.uuid4().hex[:8]}")
    yield made
    made.close()


def _good_again(tunnel: Tunnel, was_down: bool) -> None:
    tunnel.half_open = tunnel.page = False
    tunnel.lose_answers, tunnel.delay_s = 0, 0.0
    tunnel.cut()
    if was_down:
        tunnel.up()


def _upload(backend: Backend, content: bytes) -> object:
    try:
        return music.add(backend.services, io.BytesIO(content), "a.wav", MusicUpload())
    except StorageUnavailable:
        return None


@pytest.mark.parametrize("kind", soaking(MOODS, keep=["another's page"]))
def test_a_storage_in_a_bad_mood_loses_nothing(
    behind: Backend, tunnel: Tunnel, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recoverer, "PERIOD_S", 0.2)
    monkeypatch.setattr(minio_store, "PATIENT", Patience(connect_s=2, silence_s=2, total_s=4, retries=1))
    services, sound = behind.services, plain_wav(tmp_path / "a.wav", 8_000).read_bytes()
    behind.start()
    kept, gone, poorer = behind.drawn(2), behind.drawn(1), behind.drawn(2)
    piece = music.music_id(music.add(services, io.BytesIO(sound), "a.wav", MusicUpload())[0])
    held = running(png())
    behind.node.script("generate_shot", lambda _envelope: held)
    painted = shots.update(services, kept, shots.of_project(services, kept)[0].id, ShotChanges(prompt="在坏天气里"))
    behind.dispatched(painted)

    MOODS[kind](tunnel)
    held.gate.set()
    uses: list[Callable[[], object]] = [
        lambda: projects.get(services, kept),
        lambda: projects.page(services, PageRequest()),
        lambda: films.of_project(services, kept),
        lambda: projects.delete(services, gone),
        lambda: shots.delete(services, shots.of_project(services, poorer)[0].id),
        lambda: projects.update(services, poorer, ProjectChanges(story_text="另一个故事。")),
        lambda: music.delete(services, piece),
        lambda: behind.create(1),
        lambda: _upload(behind, sound),
    ]
    with ThreadPoolExecutor() as threads:
        for number, use in enumerate(uses):
            answer = threads.submit(use)
            assert wait_until(answer.done, PATIENCE_S, f"the answer of use {number}")
            answer.result()
        wait_until(lambda: tasks.get(services, painted).attempts > 0, 60, "a try that failed")
    _good_again(tunnel, was_down=kind == "refuses")

    wait_until(lambda: _statuses(behind) <= {"finished", "cancelled"}, 120, "the end of all work")
    assert tasks.get(services, painted).status == "finished"
    assert set(swept(services)) == _keys(behind)


def _statuses(backend: Backend) -> set[str]:
    with backend.services.database.read() as session:
        return set(session.scalars(select(Task.status).distinct()))


def _keys(backend: Backend) -> set[str]:
    """Of the rows of what is stored. A piece of music that was deleted leaves its row, which keeps the number."""
    with backend.services.database.read() as session:
        return set(session.scalars(select(Asset.object_key).where(Asset.stored_at.is_not(None))))
