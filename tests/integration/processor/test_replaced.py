"""What was asked for before the story, a shot or another request changed."""

from __future__ import annotations

import json
from typing import Any

from models.project import Project
from service import films, projects, shots, tasks
from service.schemas import FilmRequest, ProjectChanges, ShotChanges
from tests.integration.processor.conftest import Backend, others_by_soak
from tests.support.node.scripts import Script, failed, finished, png, running, scenes, wav
from tests.support.wait import wait_until

SMALL = FilmRequest(resolution="128x72", fps=10)
SILENT = FilmRequest(resolution="128x72", fps=10, narration="none")


def spoken(backend: Backend) -> list[str]:
    return [e["parameters"]["tts"]["text"] for e in backend.node.envelopes if e["type"] == "generate_audio"]


@others_by_soak
def test_a_film_has_its_voices_though_another_film_that_asked_for_them_is_cancelled(backend: Backend) -> None:
    held: list[Script] = []

    def speak(_envelope: dict[str, Any]) -> Script:
        held.append(running(wav()))
        return held[-1]

    backend.node.script("generate_audio", speak)
    backend.start()
    project_id = backend.drawn(2)
    first = films.request(backend.services, project_id, SMALL)
    second = films.request(backend.services, project_id, SMALL)
    wait_until(lambda: len(held) == 2, 60)
    backend.node.script("generate_audio", lambda _e: finished(wav()))
    tasks.cancel(backend.services, first)
    backend.wait(second, "finished")
    assert all(shot.audio_path for shot in shots.of_project(backend.services, project_id))
    assert "旁白" not in (tasks.get(backend.services, second).message or "")


@others_by_soak
def test_a_narration_that_the_user_cancelled_is_not_asked_for_again(backend: Backend) -> None:
    backend.node.script("generate_audio", lambda _e: running(wav()))
    backend.start()
    project_id = backend.drawn(1)
    film = films.request(backend.services, project_id, SMALL)
    [child] = wait_until(lambda: tasks.get(backend.services, film).depends_on, 60)
    tasks.cancel(backend.services, child)
    backend.wait(film, "finished")
    assert "旁白" in (tasks.get(backend.services, film).message or "")


def test_a_project_with_a_new_storyboard_does_not_show_the_film_of_the_old_one(backend: Backend) -> None:
    backend.start()
    project_id = backend.drawn(1)
    backend.node.script("generate_storyboard", lambda _e: failed("没有灵感"))
    updated = projects.update(backend.services, project_id, ProjectChanges(story_text="另一个故事。"))
    backend.wait(updated.text_task, "failed")
    backend.wait(films.request(backend.services, project_id, SILENT), "finished")
    assert projects.get(backend.services, project_id).project.status == "ready"
    script = running(scenes_of(1))
    backend.node.script("generate_storyboard", lambda _e: script)
    again = tasks.retry(backend.services, updated.text_task)
    project = projects.get(backend.services, project_id).project
    assert (project.status, project.video_url) == ("created", "")
    backend.wait(again, "processing")
    script.gate.set()
    backend.wait(again, "finished")
    project = projects.get(backend.services, project_id).project
    assert project.status != "ready"
    assert project.video_url == ""


def test_a_film_made_of_the_old_shots_meanwhile_is_not_the_new_projects(backend: Backend) -> None:
    backend.start()
    project_id = backend.drawn(1)
    board = running(scenes_of(1))
    backend.node.script("generate_storyboard", lambda _e: board)
    updated = projects.update(backend.services, project_id, ProjectChanges(story_text="另一个故事。"))
    with backend.services.database.write() as session:  # as a film does that was at its last step
        session.get_one(Project, project_id).video_url = "projects/p/films/1.mp4"
    board.gate.set()
    backend.wait(updated.text_task, "finished")
    assert projects.get(backend.services, project_id).project.video_url == ""


@others_by_soak
def test_shots_that_go_are_not_spoken(backend: Backend) -> None:
    """A film that waits for an image of theirs, and for the storyboard that replaces them."""
    backend.start()
    project_id = backend.drawn(2)
    board = running(scenes_of(2))
    backend.node.script("generate_storyboard", lambda _e: board)
    updated = projects.update(backend.services, project_id, ProjectChanges(story_text="另一个故事。"))
    backend.node.script("generate_shot", lambda _e: running(png()))
    old = shots.of_project(backend.services, project_id)[0]
    stale = shots.update(backend.services, project_id, old.id, ShotChanges(prompt="月亮"))
    backend.dispatched(stale)
    film = films.request(backend.services, project_id, SMALL)
    backend.node.script("generate_shot", lambda _e: finished(png()))
    board.gate.set()
    backend.wait(updated.text_task, "finished")
    backend.wait(film, "finished")
    assert backend.status(stale) == "cancelled"
    assert len(spoken(backend)) == 2
    assert all(task.shot_id for task in tasks.of_project(backend.services, project_id) if task.type == "generate_audio")


@others_by_soak
def test_a_shot_whose_image_is_not_painted_any_more_has_the_one_it_had(backend: Backend) -> None:
    backend.start()
    project_id = backend.drawn(1)
    backend.stop()
    [shot] = shots.of_project(backend.services, project_id)
    shots.update(backend.services, project_id, shot.id, ShotChanges(prompt="月亮"))
    projects.update(backend.services, project_id, ProjectChanges(story_text="另一个故事。"))
    [left] = shots.of_project(backend.services, project_id)
    assert (left.status, left.image_path) == ("completed", shot.image_path)


def test_a_retried_image_shows_what_the_shot_says_now(backend: Backend) -> None:
    created = backend.create(1)
    backend.node.script("generate_shot", lambda _e: running(png()))
    backend.start()
    [first] = created.shot_task_ids
    backend.dispatched(first)
    [shot] = shots.of_project(backend.services, created.project_id)
    backend.node.script("generate_shot", lambda _e: finished(png()))
    second = shots.update(backend.services, created.project_id, shot.id, ShotChanges(prompt="月亮"))
    backend.wait(second, "finished")
    again = tasks.get(backend.services, tasks.retry(backend.services, first))
    assert (again.parameters or {})["shot"]["prompt"] == "月亮"


def scenes_of(count: int) -> bytes:
    """A storyboard as the node's file."""
    return json.dumps(scenes(count), ensure_ascii=False).encode()
