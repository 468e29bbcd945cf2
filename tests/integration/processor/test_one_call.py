"""From the story to the film in one call; and what failed or was cancelled on that way is begun again, to the film."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from config.settings import FilmSettings, Settings, StorySettings, WorkerSettings
from models.task import TaskStatus
from routers.app import create_app
from tests.integration.processor.conftest import POLL_S, Backend
from tests.integration.processor.test_crashes import die_with
from tests.support.node.scripts import failed, finished, png, running, wav
from tests.support.openapi import CheckedClient

V1 = "/v1/api"
STORY = {"StoryText": "从前有座山。山里有座庙。", "ShotCount": 2}
SMALL: dict[str, Any] = {"resolution": "128x72", "fps": 10}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path,
        worker=WorkerSettings(poll_seconds=POLL_S),
        story=StorySettings(max_shots=20),
        film=FilmSettings(threads=1),
    )


@pytest.fixture
def client(backend: Backend) -> FlaskClient:
    app = create_app(backend.services)
    app.test_client_class = CheckedClient
    return app.test_client()


def create(client: FlaskClient, **film: Any) -> dict[str, Any]:
    answer = client.post(f"{V1}/projects", json={**STORY, "film": {**SMALL, **film}})
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json())


def resume(client: FlaskClient, created: dict[str, Any], **sent: Any) -> dict[str, Any]:
    answer = client.post(f"{V1}/projects/{created['project_id']}/resume", json=sent)
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json())


def tasks_of(client: FlaskClient, created: dict[str, Any]) -> list[dict[str, Any]]:
    return list(client.get(f"{V1}/projects/{created['project_id']}/tasks").get_json()["tasks"])


def films_of(client: FlaskClient, created: dict[str, Any]) -> list[dict[str, Any]]:
    return list(client.get(f"{V1}/projects/{created['project_id']}/films").get_json()["films"])


def types(tasks: list[dict[str, Any]]) -> list[str]:
    return sorted(task["type"] for task in tasks)


def test_one_call_leads_to_the_film_though_processors_die_on_the_way(backend: Backend, client: FlaskClient) -> None:
    created = create(client, mode="preview", title_is="ignored")
    film = created["film_task_id"]
    assert backend.status(film) == "blocked"
    die_with(backend, created["text_task_id"], "dead-1")
    processor = backend.start()
    backend.wait(created["text_task_id"], "finished")
    processor.stop(timeout=10)
    for task in tasks_of(client, created):
        if task["status"] == TaskStatus.PENDING:
            die_with(backend, task["id"], "dead-2")
    backend.start()
    backend.wait(film, "finished", timeout=120)
    [version] = films_of(client, created)
    assert (version["taskId"], version["mode"], version["warnings"]) == (film, "preview", [])
    assert types(tasks_of(client, created)) == sorted(
        ["generate_storyboard", *["generate_shot", "generate_audio"] * 2, "generate_video"]
    )


def test_a_project_without_a_film_is_answered_as_ever(client: FlaskClient) -> None:
    answers = [client.post(f"{V1}/projects", json={**STORY, "film": film}) for film in (None, "")]
    answers.append(client.post(f"{V1}/projects", json=STORY))
    for answer in answers:
        assert list(answer.get_json()) == ["project_id", "text_task_id", "shot_task_ids"]
        assert types(tasks_of(client, answer.get_json())) == ["generate_shot", "generate_shot", "generate_storyboard"]


@pytest.mark.parametrize(
    ("film", "field", "word"),
    [
        (True, "film", "JSON 对象"),
        ([], "film", "JSON 对象"),
        ("{", "film", "JSON 对象"),
        ("[" * 100_000, "film", "JSON 对象"),
        ({"fps": 61}, "film.fps", "60"),
        ({"Size": "1x1"}, "film.Size", "64"),
        ({"rate_control": "cbr"}, "film.bitrate", "不能为空"),
        ({"music": "77"}, "film.music", "77"),
        ({"resolution": "a\x00b"}, "film.resolution", "NUL"),
        ('{"first_seconds": NaN}', "film.first_seconds", ""),
    ],
    ids=str,
)
def test_a_film_that_cannot_be_is_refused_with_its_field_and_nothing_is_made(
    client: FlaskClient, film: Any, field: str, word: str
) -> None:
    answer = client.post(f"{V1}/projects", json={**STORY, "film": film})
    assert (answer.status_code, answer.get_json()["field"]) == (400, field), answer.text
    assert word in answer.get_json()["error"]
    assert client.get(f"{V1}/projects").get_json()["total"] == 0


def test_the_other_surface_and_a_query_string_ask_for_the_film_too(client: FlaskClient) -> None:
    story = {"story": "从前。", "shot_count": 1, "film": {"Mode": "high"}}
    on_api = client.post("/api/projects/create", json=story).get_json()
    query = client.post(f"{V1}/projects", query_string={**STORY, "film": '{"mode": "high"}'}).get_json()
    for created in (on_api, query):
        film = client.get(f"{V1}/tasks/{created['film_task_id']}").get_json()["task"]
        assert (film["status"], film["parameters"]["film"]["mode"]) == ("blocked", "high")


def test_what_failed_is_begun_again_and_the_film_follows(backend: Backend, client: FlaskClient) -> None:
    """Strict, so that the film fails with its parts; a clip, too, and one shot's narration."""
    backend.node.script("generate_shot", lambda _e: failed("显存不足"))
    backend.node.script("generate_audio", lambda _e: failed("没有声音"))
    backend.start()
    created = create(client, strict=True)
    backend.wait(created["film_task_id"], "failed", timeout=120)
    project = client.get(f"{V1}/projects/{created['project_id']}").get_json()
    shot = project["shots"][0]["id"]
    asked = {"shot_id": shot, "duration": 1, **SMALL}
    clip = client.post(f"{V1}/projects/{created['project_id']}/video", json=asked).get_json()["task_id"]
    backend.wait(clip, "failed")

    backend.node.script("generate_shot", lambda _e: running())
    backend.node.script("generate_audio", lambda _e: finished(wav()))
    begun = resume(client, created)
    assert types(begun["tasks"]) == ["generate_audio"] * 2 + ["generate_shot"] * 2 + ["generate_video"] * 2
    known = {task["id"] for task in tasks_of(client, created)}
    again = resume(client, created)
    assert (again["tasks"], again["film_task_id"]) == ([], begun["film_task_id"])
    assert {task["id"] for task in tasks_of(client, created)} == known
    film = client.get(f"{V1}/tasks/{begun['film_task_id']}").get_json()["task"]
    assert (film["status"], film["parameters"]["film"]["strict"]) == ("blocked", True)

    backend.node.script("generate_shot", lambda _e: finished(png()))
    for task in begun["tasks"]:
        if task["type"] == "generate_shot":
            backend.dispatched(task["id"])
            client.post(f"{V1}/tasks/{task['id']}/cancel")
    last = resume(client, created)
    if backend.status(begun["film_task_id"]) == "blocked":
        assert last["film_task_id"] == begun["film_task_id"], "the film was not replaced while it waited"
    while last["tasks"]:  # a clip whose image was cancelled may have failed since, and is begun again then
        for task in last["tasks"]:
            backend.wait(task["id"], "finished", "failed", timeout=120)
        last = resume(client, created)
    backend.wait(last["film_task_id"], "finished", timeout=120)
    newest = films_of(client, created)[0]
    assert newest["warnings"] == []
    there = resume(client, created)
    assert (there["tasks"], there["film_task_id"]) == ([], newest["taskId"])


def test_a_cancelled_storyboard_takes_the_film_along_and_resume_begins_both(
    backend: Backend, client: FlaskClient
) -> None:
    created = create(client, mode="high")
    client.post(f"{V1}/tasks/{created['text_task_id']}/cancel")
    assert {task["status"] for task in tasks_of(client, created)} == {"cancelled"}
    begun = resume(client, created, film=SMALL | {"mode": "preview"})
    assert types(begun["tasks"]) == ["generate_shot"] * 2 + ["generate_storyboard", "generate_video"]
    again = resume(client, created)
    assert (again["tasks"], again["film_task_id"]) == ([], begun["film_task_id"])
    backend.start()
    backend.wait(begun["film_task_id"], "finished", timeout=120)
    assert [film["mode"] for film in films_of(client, created)] == ["preview"]


def test_nothing_to_resume_is_told(backend: Backend, client: FlaskClient) -> None:
    created = create(client)
    shots_gone = f"{V1}/projects/{created['project_id']}"
    backend.node.script("generate_shot", lambda _e: running())
    backend.start()
    backend.wait(created["text_task_id"], "finished")
    for shot in client.get(f"{shots_gone}/shots").get_json()["shots"]:
        client.delete(f"{V1}/shots/{shot['id']}")
    assert client.post(f"{shots_gone}/resume").status_code == 409
    assert client.post(f"{V1}/projects/nobody/resume").status_code == 404


def test_a_film_of_placeholders_is_followed_by_one_that_is_whole(backend: Backend, client: FlaskClient) -> None:
    """What could not be painted is replaced, so that there is a film; once it is painted there is one more, however often one asks."""
    backend.node.script("generate_shot", lambda _e: failed("显存不足"))
    backend.start()
    created = create(client)
    backend.wait(created["film_task_id"], "finished", timeout=120)
    [first] = films_of(client, created)
    assert len(first["warnings"]) == 2

    backend.node.script("generate_shot", lambda _e: finished(png()))
    begun = resume(client, created)
    assert types(begun["tasks"]) == ["generate_shot", "generate_shot", "generate_video"]
    assert resume(client, created)["tasks"] == []
    backend.wait(begun["film_task_id"], "finished", timeout=120)
    assert resume(client, created)["tasks"] == []
    whole, replaced = films_of(client, created)
    assert (whole["taskId"], whole["warnings"], whole["stale"]) == (begun["film_task_id"], [], False)
    assert (replaced["id"], replaced["stale"]) == (first["id"], True)
