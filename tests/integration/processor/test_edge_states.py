"""Wrong states that were possible once: clips of old images, jobs out of time by a restart, tasks whose shot is gone."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete

from common.errors import Conflict
from config.settings import FilmSettings, Settings, WorkerSettings
from models.shot import Shot
from models.task import Task, TaskStatus, TaskType
from processor.cancellation import CancellationRegistry
from service import films, narrations, projects, shots, tasks
from service.schemas import FilmRequest, NarrationRequest, ProjectChanges, ShotChanges
from tests.integration.processor.conftest import POLL_S, Backend
from tests.support.node.scripts import failed, finished, png, running
from tests.support.wait import wait_until

PATIENCE_S = 60


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Over SQLite alone: these are rules of the use cases, not of a database."""
    return Settings(
        data_dir=tmp_path,
        worker=WorkerSettings(poll_seconds=POLL_S),
        film=FilmSettings(resolution="160x90", fps=10, subtitles="off"),
    )


def change(backend: Backend, task_id: str, **values: object) -> None:
    """Write a task's columns as an older backend may have left them."""
    with backend.services.database.write() as session:
        task = session.get(Task, task_id)
        assert task is not None
        for name, value in values.items():
            setattr(task, name, value)


def test_a_clip_waits_for_the_image_and_a_film_for_the_clip(backend: Backend) -> None:
    backend.start()
    project_id = backend.drawn(1)
    [shot] = shots.of_project(backend.services, project_id)
    script = running(png((200, 20, 20)))
    backend.node.script("generate_shot", lambda _e: script)
    first = shots.update(backend.services, project_id, shot.id, ShotChanges(prompt="红色的山"))
    clip = films.request(backend.services, project_id, FilmRequest(shot_id=shot.id))
    film = films.request(backend.services, project_id, FilmRequest(narration="none"))
    assert (backend.status(clip), tasks.get(backend.services, clip).depends_on) == ("blocked", [first])
    assert tasks.get(backend.services, film).depends_on == [first, clip]
    second = shots.update(backend.services, project_id, shot.id, ShotChanges(prompt="蓝色的山"))
    assert (backend.status(first), backend.status(clip), backend.status(film)) == ("cancelled", "blocked", "blocked")
    script.gate.set()
    for task_id in (second, clip, film):
        backend.wait(task_id, "finished")
    assert shots.find(backend.services, shot.id).video_path


def test_a_job_that_is_started_again_after_hours_has_all_its_time(backend: Backend) -> None:
    script = running(png())
    backend.node.script("generate_shot", lambda _e: script)
    backend.start()
    [task_id] = backend.create(1).shot_task_ids
    wait_until(lambda: tasks.get(backend.services, task_id).job_id, PATIENCE_S)
    backend.stop()
    backend.node.forget_jobs()
    backend.age(task_id, timedelta(hours=3))
    backend.start()
    wait_until(lambda: len(backend.node.starts("generate_shot")) == 2, PATIENCE_S)
    polls = len(backend.node.polled)
    wait_until(lambda: len(backend.node.polled) > polls + 3, PATIENCE_S)
    script.gate.set()
    backend.wait(task_id, "finished")


def test_a_node_that_answers_again_is_not_called_silent_any_more(backend: Backend) -> None:
    script = running(b"")
    script.reports[0]["message"] = ""
    backend.node.script("generate_storyboard", lambda _e: script)
    backend.node.on_poll = lambda _job: (503, {})
    backend.start()
    task_id = backend.create(1).text_task_id
    wait_until(lambda: "没有响应" in (tasks.get(backend.services, task_id).message or ""), PATIENCE_S)
    backend.node.on_poll = lambda _job: None
    wait_until(lambda: "恢复响应" in (tasks.get(backend.services, task_id).message or ""), PATIENCE_S)


@pytest.mark.parametrize("type_", [TaskType.IMAGE, TaskType.NARRATION, TaskType.FILM])
def test_a_task_whose_shot_is_gone_fails_in_words_instead_of_running_for_ever(
    backend: Backend, type_: TaskType
) -> None:
    project_id = _drawn_and_stopped(backend)
    [shot] = shots.of_project(backend.services, project_id)
    now = backend.services.clock.now()
    left = Task(
        id=f"left-{type_.value}",
        project_id=project_id,
        type=type_,
        status=TaskStatus.PENDING,
        parameters={"shot": {"shotId": shot.id, "prompt": "fox"}, "tts": {"text": "狐狸"}},
        created_at=now,
        updated_at=now,
    )
    with backend.services.database.write() as session:
        session.add(left)
        session.execute(delete(Shot).where(Shot.id == shot.id))
    backend.start()
    backend.wait(left.id, "failed")
    assert "分镜已不存在" in (tasks.get(backend.services, left.id).error or "")


def test_a_narration_with_options_of_an_older_backend_is_spoken_all_the_same(backend: Backend) -> None:
    backend.start()
    project_id = backend.drawn(1)
    backend.node.script("generate_storyboard", lambda _e: running())
    projects.update(backend.services, project_id, ProjectChanges(style="油画"))
    parent = narrations.request(backend.services, project_id, NarrationRequest())
    board = tasks.get(backend.services, parent).depends_on[0]
    change(backend, parent, parameters={"tts": {"format": "ogg", "sample_rate": -1}, "depends_on": [board]})
    tasks.cancel(backend.services, board)
    wait_until(lambda: backend.status(parent) in ("cancelled", "failed", "finished"), PATIENCE_S)
    change(backend, parent, status=TaskStatus.FAILED)
    again = tasks.retry(backend.services, parent)
    backend.wait(again, "finished")


def test_an_old_storyboard_is_not_retried_once_there_is_a_newer_one(backend: Backend) -> None:
    backend.node.script("generate_storyboard", lambda _e: failed("显存不足"))
    backend.start()
    created = backend.create(1)
    backend.wait(created.text_task_id, "failed")
    again = tasks.retry(backend.services, created.text_task_id)
    with pytest.raises(Conflict):
        tasks.retry(backend.services, created.text_task_id)
    backend.wait(again, "failed")
    with pytest.raises(Conflict):
        tasks.retry(backend.services, created.text_task_id)
    assert tasks.retry(backend.services, again)


def test_a_job_of_a_waiting_task_that_an_update_deletes_is_stopped_too(backend: Backend) -> None:
    created = backend.create(1)
    change(
        backend, created.text_task_id, result={"resource_type": "storyboard", "resource_id": "j9", "resource_url": ""}
    )
    projects.update(backend.services, created.project_id, ProjectChanges(story_text="别的故事。"))
    wait_until(lambda: backend.node.cancels() == ["j9"], PATIENCE_S)


def test_a_storyboards_address_is_shown_as_a_path_on_the_node(backend: Backend) -> None:
    script = finished(b'[{"prompt": "p", "narration": "n"}]')
    script.reports[-1]["result"] = {"resource_url": "http://127.0.0.1:8000/files/{job}"}
    backend.node.script("generate_storyboard", lambda _e: script)
    backend.start()
    task_id = backend.create(1).text_task_id
    backend.wait(task_id, "finished")
    task = tasks.get(backend.services, task_id)
    assert (task.result or {})["resource_url"] == f"/files/{(task.result or {})['resource_id']}"


def test_a_processor_that_stops_begins_nothing_more() -> None:
    registry = CancellationRegistry()
    token = registry.register("a")
    assert token is not None
    registry.cancel_all()
    assert token.is_set()
    assert registry.register("b") is None


def _drawn_and_stopped(backend: Backend) -> str:
    backend.start()
    project_id = backend.drawn(1)
    backend.stop()
    return project_id
