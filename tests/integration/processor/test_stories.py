"""From a story to images and narrations."""

from __future__ import annotations

import json
from typing import Any

from models import queries
from models.project import ProjectStatus
from service import films, narrations, projects, shots, tasks
from service.schemas import FilmRequest, NarrationRequest, PageRequest, ShotChanges
from tests.integration.processor.conftest import Backend, others_by_soak
from tests.support.node.scripts import Script, failed, finished, png, running, scenes, wav
from tests.support.wait import wait_until


def test_a_story_gets_its_shots_and_images_in_order(backend: Backend) -> None:
    backend.start()
    created = backend.create(3)
    for task_id in (created.text_task_id, *created.shot_task_ids):
        backend.wait(task_id, "finished")
    view = projects.get(backend.services, created.project_id)
    assert [shot.order for shot in view.shots] == [1, 2, 3]
    assert [shot.prompt for shot in view.shots] == ["prompt 1", "prompt 2", "prompt 3"]
    assert [tasks.get(backend.services, task_id).shot_id for task_id in created.shot_task_ids] == [
        s.id for s in view.shots
    ]
    assert view.project.status == ProjectStatus.IMAGES_GENERATED
    for shot in view.shots:
        assert backend.stored(shot.image_path) == png()
    assert sorted(backend.node.starts()) == sorted([created.text_task_id, *created.shot_task_ids])


def test_a_finished_task_has_all_its_times_and_its_shot_says_so_in_the_same_commit(backend: Backend) -> None:
    backend.start()
    created = backend.create(1)
    backend.wait(created.shot_task_ids[0], "finished")
    with backend.services.database.read() as session:
        task = queries.task(session, created.shot_task_ids[0])
        assert task is not None
        assert task.progress == 100
        assert task.started_at is not None
        assert task.finished_at is not None
        shot = queries.shot(session, task.shot_id or "")
        assert shot is not None
        assert shot.status == "completed"
        assert (task.result or {})["resource_url"] == shot.image_path


def test_fewer_scenes_than_asked_delete_the_surplus_tasks_and_more_add_some(backend: Backend) -> None:
    backend.node.script("generate_storyboard", lambda _e: finished(_board(2)))
    backend.start()
    few = backend.create(4)
    wait_until(lambda: len(shots.of_project(backend.services, few.project_id)) == 2, 60)
    assert len(tasks.of_project(backend.services, few.project_id)) == 3
    many = backend.create(1)
    wait_until(lambda: len(shots.of_project(backend.services, many.project_id)) == 2, 60)
    wait_until(lambda: {str(t.status) for t in tasks.of_project(backend.services, many.project_id)} == {"finished"}, 60)
    assert len(tasks.of_project(backend.services, many.project_id)) == 3


def test_a_failed_storyboard_ends_the_images_that_wait_for_it_with_its_reason(backend: Backend) -> None:
    backend.node.script("generate_storyboard", lambda _e: failed("显存不足"))
    backend.start()
    created = backend.create(2)
    for task_id in created.shot_task_ids:
        backend.wait(task_id, "failed")
        assert "显存不足" in (tasks.get(backend.services, task_id).error or "")
    board = tasks.get(backend.services, created.text_task_id)
    assert board.progress == 40
    assert projects.get(backend.services, created.project_id).project.status == ProjectStatus.FAILED


@others_by_soak
def test_a_retried_storyboard_makes_the_project_whole(backend: Backend) -> None:
    backend.node.script("generate_storyboard", lambda _e: failed("显存不足"))
    backend.start()
    created = backend.create(2)
    backend.wait(created.text_task_id, "failed")
    backend.node.script("generate_storyboard", lambda _e: finished(_board(2)))
    again = tasks.retry(backend.services, created.text_task_id)
    assert again != created.text_task_id
    backend.wait(again, "finished")
    wait_until(
        lambda: projects.get(backend.services, created.project_id).project.status == ProjectStatus.IMAGES_GENERATED, 60
    )


@others_by_soak
def test_progress_and_message_of_the_node_reach_the_row_in_order(backend: Backend) -> None:
    seen: list[int] = []
    held = finished(b"", 10, 40, 70)
    held.file = _board(1)
    backend.node.script("generate_storyboard", lambda _e: held)
    backend.node.on_poll = lambda _job: _remember(backend, seen)
    created = backend.create(1)
    backend.start()
    backend.wait(created.text_task_id, "finished")
    while_it_ran = [value for value in dict.fromkeys(seen) if value not in (0, 100)]  # its images are polled at 100
    assert while_it_ran == [10, 40, 70]


@others_by_soak
def test_a_narration_task_is_the_parent_of_one_task_per_shot(backend: Backend) -> None:
    backend.start()
    project_id = backend.drawn(2)
    parent = narrations.request(backend.services, project_id, NarrationRequest(voice="小美"))
    backend.wait(parent, "finished")
    spoken = [e for e in backend.node.envelopes if e["type"] == "generate_audio"]
    assert sorted(e["parameters"]["tts"]["text"] for e in spoken) == ["旁白1。", "旁白2。"]
    assert {e["parameters"]["tts"]["voice"] for e in spoken} == {"小美"}
    found = shots.of_project(backend.services, project_id)
    assert all((shot.audio_path or "").endswith(".wav") for shot in found)  # by its bytes, though mp3 was asked
    assert [shot.duration for shot in found] == [1, 1]
    task = tasks.get(backend.services, parent)
    assert task.progress == 100
    assert set(task.depends_on) == set(backend.node.starts("generate_audio"))
    assert projects.get(backend.services, project_id).project.status == ProjectStatus.AUDIO_GENERATED


@others_by_soak
def test_one_failed_narration_fails_the_parent_in_words_and_keeps_the_others(backend: Backend) -> None:
    backend.node.script(
        "generate_audio",
        lambda e: failed("没有声音") if "1" in e["parameters"]["tts"]["text"] else finished(wav()),
    )
    backend.start()
    project_id = backend.drawn(2)
    parent = narrations.request(backend.services, project_id, NarrationRequest())
    backend.wait(parent, "failed")
    assert "1/2" in (tasks.get(backend.services, parent).error or "")
    assert [bool(shot.audio_path) for shot in shots.of_project(backend.services, project_id)] == [False, True]


@others_by_soak
def test_a_retry_of_a_narration_speaks_only_what_is_missing(backend: Backend) -> None:
    deaf = ["旁白1。", "旁白1。"]

    def speak(envelope: dict[str, Any]) -> Script:
        text = envelope["parameters"]["tts"]["text"]
        if text in deaf:
            deaf.remove(text)
            return failed("没有声音")
        return finished(wav())

    backend.node.script("generate_audio", speak)
    backend.start()
    project_id = backend.drawn(2)
    parent = narrations.request(backend.services, project_id, NarrationRequest(voice="小美"))
    for _ in range(2):
        backend.wait(parent, "failed")
        parent = tasks.retry(backend.services, parent)
    backend.wait(parent, "finished")
    spoken = [e["parameters"]["tts"] for e in backend.node.envelopes if e["type"] == "generate_audio"]
    assert sorted(tts["text"] for tts in spoken) == ["旁白1。"] * 3 + ["旁白2。"]
    assert {tts["voice"] for tts in spoken} == {"小美"}
    assert all(shot.audio_path for shot in shots.of_project(backend.services, project_id))


@others_by_soak
def test_a_film_and_a_narration_that_wait_for_one_storyboard_speak_every_shot_once(backend: Backend) -> None:
    created = backend.create(2)
    film = films.request(backend.services, created.project_id, FilmRequest())
    parent = narrations.request(backend.services, created.project_id, NarrationRequest())
    backend.start()
    backend.wait(parent, "finished")
    backend.wait(film, "finished")
    spoken = [e["parameters"]["tts"]["text"] for e in backend.node.envelopes if e["type"] == "generate_audio"]
    assert sorted(spoken) == ["旁白1。", "旁白2。"]


@others_by_soak
def test_a_regenerated_image_replaces_the_old_task_and_keeps_the_old_file(backend: Backend) -> None:
    backend.start()
    project_id = backend.drawn(1)
    [shot] = shots.of_project(backend.services, project_id)
    backend.node.script("generate_shot", lambda _e: running(png((1, 2, 3))))
    first = shots.update(backend.services, project_id, shot.id, ShotChanges(prompt="红色的山"))
    backend.dispatched(first)
    backend.node.script("generate_shot", lambda _e: finished(png((9, 9, 9))))
    second = shots.update(backend.services, project_id, shot.id, ShotChanges(prompt="蓝色的山"))
    backend.wait(second, "finished")
    assert backend.status(first) == "cancelled"
    [fresh] = shots.of_project(backend.services, project_id)
    assert fresh.prompt == "蓝色的山"
    assert fresh.title == shot.title
    assert fresh.image_path != shot.image_path
    assert backend.stored(fresh.image_path) == png((9, 9, 9))
    assert backend.stored(shot.image_path) == png()
    assert tasks.get(backend.services, second).shot_id == shot.id


@others_by_soak
def test_a_job_that_finishes_without_a_file_fails_in_words(backend: Backend) -> None:
    script = finished(b"")
    script.reports[-1]["result"] = {"resource_url": ""}
    backend.node.script("generate_shot", lambda _e: script)
    backend.start()
    created = backend.create(1)
    backend.wait(created.shot_task_ids[0], "failed")
    assert "没有给出结果文件" in (tasks.get(backend.services, created.shot_task_ids[0]).error or "")


@others_by_soak
def test_bytes_that_are_no_image_fail_in_words_and_leave_no_object(backend: Backend) -> None:
    backend.node.script("generate_shot", lambda _e: finished(b"<html>oops</html>"))
    backend.start()
    created = backend.create(1)
    backend.wait(created.shot_task_ids[0], "failed")
    assert "网页" in (tasks.get(backend.services, created.shot_task_ids[0]).error or "")
    assert list(backend.services.store.list("")) == []


@others_by_soak
def test_a_truncated_image_fails_and_leaves_no_object(backend: Backend) -> None:
    backend.node.script("generate_shot", lambda _e: finished(png(size=(400, 400))[:-200]))
    backend.start()
    created = backend.create(1)
    backend.wait(created.shot_task_ids[0], "failed")
    assert "truncated" in (tasks.get(backend.services, created.shot_task_ids[0]).error or "")
    assert list(backend.services.store.list("")) == []


def _board(count: int) -> bytes:
    return json.dumps(scenes(count)).encode()


def _remember(backend: Backend, seen: list[int]) -> None:
    [project] = projects.page(backend.services, PageRequest()).items
    board = next(t for t in tasks.of_project(backend.services, project.id) if t.type == "generate_storyboard")
    seen.append(board.progress or 0)
