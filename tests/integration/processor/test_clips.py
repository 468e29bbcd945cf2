"""A clip of one shot, and the image that it is made of."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

import pytest

from models.task import TaskStatus
from processor.handlers import film as film_handler
from processor.handlers import film_spec
from service import films, shots, tasks
from service.film.compose import compose
from service.film.spec import FilmReport, FilmSpec
from service.node.client import NodeClient
from service.schemas import FilmRequest, ShotChanges
from tests.integration.processor.conftest import Backend, others_by_soak
from tests.support.node.scripts import failed, png, running
from tests.support.wait import wait_until


def small(shot_id: str) -> FilmRequest:
    return FilmRequest(shot_id=shot_id, resolution="64x64", fps=5)


@others_by_soak
def test_a_clip_waits_for_the_image_in_the_making_and_for_the_one_that_replaces_it(backend: Backend) -> None:
    backend.start()
    project_id = backend.drawn(1)
    [shot] = shots.of_project(backend.services, project_id)
    backend.node.script("generate_shot", lambda _e: running(png((1, 2, 3))))
    first = shots.update(backend.services, project_id, shot.id, ShotChanges(prompt="红色的山"))
    clip = films.request(backend.services, project_id, small(shot.id))
    assert (backend.status(clip), tasks.get(backend.services, clip).depends_on) == ("blocked", [first])
    script = running(png((9, 9, 9)))
    backend.node.script("generate_shot", lambda _e: script)
    second = shots.update(backend.services, project_id, shot.id, ShotChanges(prompt="蓝色的山"))
    assert backend.status(first) == "cancelled"
    assert (backend.status(clip), tasks.get(backend.services, clip).depends_on) == ("blocked", [first, second])
    script.gate.set()
    backend.wait(clip, "finished")
    [fresh] = shots.of_project(backend.services, project_id)
    assert backend.status(second) == "finished"
    assert backend.stored(fresh.video_path)


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_clip_whose_image_fails_is_made_of_the_one_before(backend: Backend) -> None:
    backend.start()
    project_id = backend.drawn(1)
    [shot] = shots.of_project(backend.services, project_id)
    script = failed("显存不足")
    script.reports.insert(0, {"status": "processing", "progress": 1})
    script.gate.clear()
    backend.node.script("generate_shot", lambda _e: script)
    image = shots.update(backend.services, project_id, shot.id, ShotChanges(prompt="红色的山"))
    clip = films.request(backend.services, project_id, small(shot.id))
    assert backend.status(clip) == "blocked"
    script.gate.set()
    backend.wait(image, "failed")
    backend.wait(clip, "finished")


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_clip_of_a_shot_without_an_image_fails_in_words(backend: Backend) -> None:
    backend.node.script("generate_shot", lambda _e: failed("显存不足"))
    backend.start()
    created = backend.create(1)
    backend.wait(created.shot_task_ids[0], "failed")
    [shot] = shots.of_project(backend.services, created.project_id)
    clip = films.request(backend.services, created.project_id, small(shot.id))
    backend.wait(clip, "failed")
    assert "还没有图片" in (tasks.get(backend.services, clip).error or "")


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_new_image_puts_an_end_to_the_clip_of_the_old_one(backend: Backend) -> None:
    backend.start()
    project_id = backend.drawn(1)
    [shot] = shots.of_project(backend.services, project_id)
    backend.wait(films.request(backend.services, project_id, small(shot.id)), "finished")
    [with_clip] = shots.of_project(backend.services, project_id)
    assert with_clip.video_path
    backend.stop()
    waiting = films.request(backend.services, project_id, small(shot.id))
    image = shots.update(backend.services, project_id, shot.id, ShotChanges(prompt="红色的山"))
    assert backend.status(waiting) == "cancelled"
    backend.start()
    backend.wait(image, "finished")
    [fresh] = shots.of_project(backend.services, project_id)
    assert (fresh.video_path, bool(fresh.image_path)) == ("", True)
    assert backend.stored(with_clip.video_path)


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_clip_has_the_bounds_of_films_and_no_placeholder_becomes_one(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    specs: list[FilmSpec] = []

    def kept(spec: FilmSpec, *parts: Any) -> FilmReport:
        specs.append(spec)
        return compose(spec, *parts)

    monkeypatch.setattr("processor.handlers.clip.compose", kept)
    bounds = film_spec.Limits(timeout_s=77.0, max_duration_s=50.0, cache_bytes=9 << 30, cache_age_s=3 * 86_400.0)
    monkeypatch.setattr(film_spec, "limits", lambda _settings: bounds)
    backend.start()
    project_id = backend.drawn(1)
    [shot] = shots.of_project(backend.services, project_id)
    backend.wait(films.request(backend.services, project_id, small(shot.id)), "finished")
    [spec] = specs
    assert (spec.cache_bytes, spec.cache_age_s, spec.timeout_s, spec.strict) == (9 << 30, 3 * 86_400, 77.0, True)
    assert spec.max_duration_s == 50


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_clips_that_wait_for_a_film_hold_no_worker(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as there are workers, beside a film at work: other people's images are made all the same."""
    entered, leave = threading.Event(), threading.Event()
    parts = film_handler._parts

    def held(*arguments: Any) -> Any:
        entered.set()
        assert leave.wait(120)
        return parts(*arguments)

    monkeypatch.setattr(film_handler, "_parts", held)
    backend.start()
    workers = backend.settings.worker.concurrency
    project_id = backend.drawn(workers)
    film = films.request(backend.services, project_id, FilmRequest(resolution="128x72", fps=10, narration="none"))
    assert entered.wait(60)
    made_of = shots.of_project(backend.services, project_id)
    clips = [films.request(backend.services, project_id, small(shot.id)) for shot in made_of]
    try:
        for clip in clips:
            wait_until(partial(_waits, backend, clip), 60)
        backend.drawn(2)
        assert {backend.status(clip) for clip in clips} == {TaskStatus.PENDING}
    finally:
        leave.set()
    for task_id in (film, *clips):
        backend.wait(task_id, "finished", timeout=200)
        assert tasks.get(backend.services, task_id).attempts == 0


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_clip_whose_node_stops_making_them_is_made_here_in_its_turn(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the claim, which needs no slot then, and the handler."""
    backend.start()
    project_id = backend.drawn(1)
    [shot] = shots.of_project(backend.services, project_id)
    answers = [False, True]

    def provides(_node: object, _kind: str) -> bool:
        return answers.pop() if len(answers) > 1 else answers[0]

    monkeypatch.setattr(NodeClient, "provides", provides)
    clip = films.request(backend.services, project_id, small(shot.id))
    backend.wait(clip, "finished")
    task = tasks.get(backend.services, clip)
    assert (task.attempts, "镜头运动" in (task.message or "")) == (1, True)


def _waits(backend: Backend, task_id: str) -> bool:
    return "等待其他影片" in (tasks.get(backend.services, task_id).message or "")
