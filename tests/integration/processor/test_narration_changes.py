"""A shot's words change, or the shot goes, while it is being spoken."""

from __future__ import annotations

import pytest

from common.errors import Conflict, NotFound
from models.shot import Shot
from service import films, narrations, shots, tasks
from service.schemas import FilmRequest, NarrationRequest, ShotChanges
from tests.integration.processor.conftest import Backend, others_by_soak
from tests.support.node.scripts import Script, finished, running, wav
from tests.support.wait import wait_until

PATIENCE_S = 60


def being_spoken(backend: Backend) -> tuple[str, dict[str, Script]]:
    """A project of two shots, and the script of each narration by its text; none ends before its gate is set."""
    scripts: dict[str, Script] = {}

    def speak(envelope: dict[str, dict[str, dict[str, str]]]) -> Script:
        return scripts.setdefault(envelope["parameters"]["tts"]["text"], running(wav()))

    backend.node.script("generate_audio", speak)
    backend.start()
    return backend.drawn(2), scripts


def test_new_words_are_spoken_in_place_of_the_old_ones(backend: Backend) -> None:
    project_id, scripts = being_spoken(backend)
    parent = narrations.request(backend.services, project_id, NarrationRequest(voice="小美", speed=1.5))
    wait_until(lambda: len(scripts) == 2, PATIENCE_S)
    first, second = tasks.get(backend.services, parent).depends_on
    job_id = wait_until(lambda: tasks.get(backend.services, first).job_id, PATIENCE_S)
    [shot, _] = shots.of_project(backend.services, project_id)
    shots.update(backend.services, project_id, shot.id, ShotChanges(narration="新的旁白。"))
    assert backend.status(first) == "cancelled"
    wait_until(lambda: job_id in backend.node.cancels(), PATIENCE_S)
    wait_until(lambda: "新的旁白。" in scripts, PATIENCE_S)
    again, still = tasks.get(backend.services, parent).depends_on
    assert again != first
    assert still == second
    spoken = tasks.get(backend.services, again).parameters or {}
    assert (spoken["tts"]["voice"], spoken["tts"]["speed"]) == ("小美", 1.5)
    for script in scripts.values():
        script.gate.set()
    backend.wait(parent, "finished")
    assert "2/2" in (tasks.get(backend.services, parent).message or "")
    [fresh, _] = shots.of_project(backend.services, project_id)
    assert (fresh.spoken, bool(fresh.audio_path)) == ("新的旁白。", True)


def test_one_shot_is_spoken_anew_in_place_of_what_is_being_spoken_and_a_film_waits_for_it(backend: Backend) -> None:
    project_id, scripts = being_spoken(backend)
    film = films.request(backend.services, project_id, FilmRequest())
    wait_until(lambda: len(scripts) == 2, PATIENCE_S)
    [shot, _] = shots.of_project(backend.services, project_id)
    [old] = [
        task.id
        for task in tasks.of_project(backend.services, project_id)
        if task.type == "generate_audio" and task.shot_id == shot.id
    ]
    asked = NarrationRequest(voice="小美", speed=1.5)
    again = narrations.request_one(backend.services, project_id, shot.id, asked)
    assert backend.status(old) == "cancelled"
    assert (again in tasks.get(backend.services, film).depends_on, backend.status(film)) == (True, "blocked")
    backend.dispatched(again)
    for script in scripts.values():
        script.gate.set()
    backend.wait(film, "finished")
    made = tasks.get(backend.services, again)
    spoken = (made.parameters or {})["tts"]
    assert (made.status, spoken["voice"], spoken["speed"], spoken["text"]) == ("finished", "小美", 1.5, shot.spoken)
    [fresh, other] = shots.of_project(backend.services, project_id)
    third = narrations.request_one(backend.services, project_id, shot.id, NarrationRequest())
    backend.wait(third, "finished")
    [newest, same] = shots.of_project(backend.services, project_id)
    assert newest.audio_path != fresh.audio_path != ""
    assert same.audio_path == other.audio_path
    with backend.services.database.write() as session:
        session.get_one(Shot, shot.id).narration = " "
    with pytest.raises(Conflict):
        narrations.request_one(backend.services, project_id, shot.id, NarrationRequest())
    for of, named in ((project_id, "nobody"), ("nobody", shot.id)):
        with pytest.raises(NotFound):
            narrations.request_one(backend.services, of, named, NarrationRequest())


def test_words_that_change_without_a_picture_are_spoken_in_place_of_the_old_ones_and_nothing_else_starts(
    backend: Backend,
) -> None:
    project_id, scripts = being_spoken(backend)
    parent = narrations.request(backend.services, project_id, NarrationRequest())
    wait_until(lambda: len(scripts) == 2, PATIENCE_S)
    [shot, _] = shots.of_project(backend.services, project_id)
    before = [task.id for task in tasks.of_project(backend.services, project_id)]
    shots.update_texts(backend.services, shot.id, ShotChanges(narration="新的旁白。", prompt="别的画面"))
    [started] = [task for task in tasks.of_project(backend.services, project_id) if task.id not in before]
    first, _ = tasks.get(backend.services, parent).depends_on
    assert (started.type, started.shot_id, first) == ("generate_audio", shot.id, started.id)
    wait_until(lambda: "新的旁白。" in scripts, PATIENCE_S)
    for script in scripts.values():
        script.gate.set()
    backend.wait(parent, "finished")
    [fresh, _] = shots.of_project(backend.services, project_id)
    assert (fresh.spoken, fresh.prompt, bool(fresh.audio_path)) == ("新的旁白。", "别的画面", True)
    assert (fresh.image_path, fresh.status) == (shot.image_path, "completed")
    assert tasks.outcome(backend.services, parent).seconds == 2.0


@others_by_soak
def test_what_the_node_did_not_speak_is_in_the_tasks_message(backend: Backend) -> None:
    result = {"resource_url": "/files/{job}", "unread": ["ꦲꦏ", 5, "x" * 500]}
    script = Script([{"status": "finished", "progress": 100, "result": result}], wav())
    script.gate.set()
    backend.node.script("generate_audio", lambda _envelope: script)
    backend.start()
    parent = narrations.request(backend.services, backend.drawn(1), NarrationRequest())
    backend.wait(parent, "finished")
    [spoken] = tasks.get(backend.services, parent).depends_on
    message = tasks.get(backend.services, spoken).message or ""
    assert "ꦲꦏ" in message
    assert len(message) < 100


@others_by_soak
def test_the_same_words_keep_their_voice(backend: Backend) -> None:
    backend.start()
    project_id = backend.drawn(1)
    backend.wait(narrations.request(backend.services, project_id, NarrationRequest()), "finished")
    [shot] = shots.of_project(backend.services, project_id)
    changed = ShotChanges(narration=shot.narration, prompt="别的画面")
    backend.wait(shots.update(backend.services, project_id, shot.id, changed), "finished")
    [fresh] = shots.of_project(backend.services, project_id)
    assert fresh.audio_path == shot.audio_path != ""


@others_by_soak
def test_a_shot_that_falls_silent_or_goes_is_not_waited_for(backend: Backend) -> None:
    project_id, scripts = being_spoken(backend)
    parent = narrations.request(backend.services, project_id, NarrationRequest())
    wait_until(lambda: len(scripts) == 2, PATIENCE_S)
    [silent, _] = shots.of_project(backend.services, project_id)
    shots.update(backend.services, project_id, silent.id, ShotChanges(narration=""))
    for script in scripts.values():
        script.gate.set()
    backend.wait(parent, "finished")
    [fresh, other] = shots.of_project(backend.services, project_id)
    assert (bool(fresh.audio_path), bool(other.audio_path)) == (False, True)
    shots.delete(backend.services, silent.id)
    assert [shot.id for shot in shots.of_project(backend.services, project_id)] == [other.id]


@others_by_soak
def test_a_narration_that_is_cancelled_as_a_whole_ends_cancelled(backend: Backend) -> None:
    project_id, scripts = being_spoken(backend)
    parent = narrations.request(backend.services, project_id, NarrationRequest())
    wait_until(lambda: len(scripts) == 2, PATIENCE_S)
    for child in tasks.get(backend.services, parent).depends_on:
        tasks.cancel(backend.services, child)
    assert backend.status(parent) == "cancelled"


def test_a_narration_ends_well_though_a_shot_went_meanwhile(backend: Backend) -> None:
    project_id, scripts = being_spoken(backend)
    parent = narrations.request(backend.services, project_id, NarrationRequest())
    wait_until(lambda: len(scripts) == 2, PATIENCE_S)
    [gone, other] = shots.of_project(backend.services, project_id)
    shots.delete(backend.services, gone.id)
    for script in scripts.values():
        script.gate.set()
    backend.wait(parent, "finished")
    [left] = shots.of_project(backend.services, project_id)
    assert (left.id, bool(left.audio_path)) == (other.id, True)


def test_a_retry_speaks_what_the_shot_says_now(backend: Backend) -> None:
    project_id, scripts = being_spoken(backend)
    parent = narrations.request(backend.services, project_id, NarrationRequest(voice="小美"))
    wait_until(lambda: len(scripts) == 2, PATIENCE_S)
    tasks.cancel(backend.services, parent)
    child = tasks.get(backend.services, parent).depends_on[0]
    [shot] = [shot for shot in shots.of_project(backend.services, project_id) if shot.order == 1]
    shots.update(backend.services, project_id, shot.id, ShotChanges(narration="新的旁白。"))
    spoken = (tasks.get(backend.services, tasks.retry(backend.services, child)).parameters or {})["tts"]
    assert (spoken["text"], spoken["voice"]) == ("新的旁白。", "小美")
    shots.update(backend.services, project_id, shot.id, ShotChanges(narration=""))
    with pytest.raises(Conflict):
        tasks.retry(backend.services, child)


@others_by_soak
def test_a_film_waits_for_the_new_words(backend: Backend) -> None:
    project_id, scripts = being_spoken(backend)
    film = films.request(backend.services, project_id, FilmRequest())
    wait_until(lambda: len(scripts) == 2, PATIENCE_S)
    [shot, _] = shots.of_project(backend.services, project_id)
    [old] = [
        t for t in tasks.of_project(backend.services, project_id) if t.type == "generate_audio" and t.shot_id == shot.id
    ]
    backend.node.script("generate_shot", lambda _e: finished(b"no picture"))
    shots.update(backend.services, project_id, shot.id, ShotChanges(narration="新的旁白。"))
    wait_until(lambda: "新的旁白。" in scripts, PATIENCE_S)
    waits_for = tasks.get(backend.services, film).depends_on
    texts = [
        (tasks.get(backend.services, task_id).parameters or {}).get("tts", {}).get("text") for task_id in waits_for
    ]
    assert old.id not in waits_for
    assert "新的旁白。" in texts
    assert backend.status(film) == "blocked"
    tasks.cancel(backend.services, film)
