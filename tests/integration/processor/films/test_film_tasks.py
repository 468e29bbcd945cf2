"""A film's task: its progress, its end in each of the ways there are, and its turn among others."""

from __future__ import annotations

import io
import re
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest
from flask.testing import FlaskClient

from config.settings import Settings
from models import task_transitions
from models.asset import Asset
from models.shot import Shot
from processor.claimed_task import ClaimedTask
from processor.handlers import film as film_handler
from processor.handlers import film_spec
from service import films, shots, tasks
from service.film.cache import acquire_slot
from service.oss.local import LocalStore
from service.schemas import FilmRequest
from tests.integration.processor.conftest import Backend
from tests.integration.processor.films.conftest import ask, made, one_column, versions
from tests.support.node.stand_in import StandInNode
from tests.support.removals import swept
from tests.support.wait import wait_until


@one_column
def test_a_film_that_fails_says_the_stage_and_the_shot(backend: Backend, client: FlaskClient, project_id: str) -> None:
    """An image that was stored whole, but is none."""
    key = f"projects/{project_id}/broken.png"
    backend.services.store.put(key, io.BytesIO(b"\x89PNG\r\n\x1a\n" + bytes(300)))
    with backend.services.database.write() as session:
        _, second = shots.of_project(backend.services, project_id)
        session.get_one(Shot, second.id).image_path = key
    task_id = ask(client, project_id, narration="none", strict=True)
    backend.wait(task_id, "failed", timeout=120)
    error = tasks.get(backend.services, task_id).error or ""
    assert re.match(r"\[\w+，镜头 2\] ", error)
    assert versions(client, project_id) == []
    assert "镜头 2" in made(backend, client, project_id, narration="none")["message"]


@one_column
def test_a_film_that_ffmpeg_refuses_shows_its_last_lines(
    backend: Backend, client: FlaskClient, project_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ffmpeg of this test says thirty lines and gives up."""
    program = tmp_path / "ffmpeg"
    program.write_text('#!/bin/sh\nfor n in $(seq 30); do echo "line $n: moov atom not found" >&2; done\nexit 1\n')
    program.chmod(0o755)
    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", lambda: str(program))
    task_id = ask(client, project_id, narration="none")
    backend.wait(task_id, "failed", timeout=120)
    error = client.get(f"/v1/api/tasks/{task_id}").get_json()["task"]["error"]
    assert "[合成]" in error
    assert "退出码 1" in error
    assert "line 30: moov atom not found" in error
    assert "line 1:" not in error


@one_column
def test_a_film_over_its_time_limit_fails_in_words(settings: Settings, redis_url: str, node: StandInNode) -> None:
    hurried = settings.model_copy(update={"film": settings.film.model_copy(update={"timeout_s": 1})})
    backend = Backend(hurried, redis_url, node, "s2v-hurried")
    try:
        backend.start()
        large = FilmRequest(narration="none", resolution="1920x1080", fps=60, intro=30, outro=30)
        task_id = films.request(backend.services, backend.drawn(1), large)
        backend.wait(task_id, "failed", timeout=120)
        assert "超过时限 1 秒" in (tasks.get(backend.services, task_id).error or "")
        assert not [key for key in swept(backend.services) if "/films/" in key]
    finally:
        backend.close()


@one_column
def test_progress_rises_through_every_stage_in_words(
    backend: Backend, client: FlaskClient, project_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[tuple[int, str]] = []
    record = task_transitions.record_progress

    def remember(*given: Any, progress: int, message: str, **options: Any) -> bool:
        ours = record(*given, progress=progress, message=message, **options)
        if ours:
            written.append((progress, message))
        return ours

    monkeypatch.setattr(task_transitions, "record_progress", remember)
    monkeypatch.setattr(film_handler, "REPORT_EVERY_S", 0.0)
    made(backend, client, project_id, narration="none")
    values = [value for value, _ in written]
    assert values == sorted(values)
    assert values[-1] == film_handler.COMPOSED
    assert len(set(values)) > 5
    words = " ".join(message for _, message in written)
    for stage in ("正在读取素材", "检查素材", "制作画面", "混合声音", "合并画面与声音", "正在保存影片"):
        assert stage in words
    frames = [int("".join(filter(str.isdigit, message))) for _, message in written if "帧" in message]
    assert frames == sorted(frames)
    assert len(set(frames)) > 2


@one_column
def test_a_film_cancelled_while_it_is_stored_leaves_no_file(
    backend: Backend, client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.start()
    project_id = backend.drawn(2)
    before = set(backend.services.store.list(""))
    put_file = LocalStore.put_file
    asked: list[str] = []
    parts = film_handler._parts

    def remember(claimed: ClaimedTask, request: FilmRequest) -> Any:
        asked.append(claimed.task.id)
        return parts(claimed, request)

    def put_and_cancel(self: LocalStore, key: str, path: Path, **options: Any) -> Any:
        stored = put_file(self, key, path, **options)
        if key.endswith(".jpg"):
            tasks.cancel(backend.services, asked[0])
        return stored

    monkeypatch.setattr(LocalStore, "put_file", put_and_cancel)
    monkeypatch.setattr(film_handler, "_parts", remember)
    ask(client, project_id, narration="none", export="local")
    wait_until(lambda: asked, 60)
    backend.wait(asked[0], "cancelled")
    backend.stop()  # so that the handler has ended
    assert set(swept(backend.services)) == before
    assert not (tmp_path / "exported").exists() or list((tmp_path / "exported").iterdir()) == []
    work = film_spec.cache_dir(backend.settings) / "work"
    assert [path for path in work.iterdir() if path.is_dir()] == []
    assert versions(client, project_id) == []
    with backend.services.database.read() as session:
        assert session.query(Asset).filter(Asset.kind == "film").count() == 0


@one_column
def test_films_that_wait_for_their_turn_hold_no_worker_and_lose_no_try(
    backend: Backend, client: FlaskClient, project_id: str
) -> None:
    """More films than workers, while somebody else on this host makes one: images are made all the same."""
    with ExitStack() as elsewhere:
        assert acquire_slot(film_spec.cache_dir(backend.settings), 1, elsewhere)
        waiting = [ask(client, project_id, narration="none") for _ in range(backend.settings.worker.concurrency + 1)]
        for task_id in waiting:
            wait_until(partial(_waits, backend, task_id), 60)
        backend.drawn(2)
        assert {backend.status(task_id) for task_id in waiting} == {"pending"}
        cancelled = waiting.pop()
        tasks.cancel(backend.services, cancelled)
    for task_id in waiting:
        backend.wait(task_id, "finished", timeout=200)
        assert tasks.get(backend.services, task_id).attempts == 0
    assert backend.status(cancelled) == "cancelled"
    assert len(versions(client, project_id)) == len(waiting)


@one_column
def test_two_films_asked_for_at_once_are_two_versions(
    backend: Backend, client: FlaskClient, node: StandInNode, project_id: str
) -> None:
    for task_id in [ask(client, project_id, narration="none") for _ in range(2)]:
        backend.wait(task_id, "finished", timeout=120)
    assert [version["number"] for version in versions(client, project_id)] == [2, 1]
    assert node.starts("generate_video") == []  # the node has no part in it


def _waits(backend: Backend, task_id: str) -> bool:
    return "等待其他影片" in (tasks.get(backend.services, task_id).message or "")
