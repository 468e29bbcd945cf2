"""The whole way of each client in the field, from the story to the film, with a real processor and a scripted model node behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient

from config.settings import FilmSettings, Settings, StorySettings, WorkerSettings
from models.project import ProjectStatus
from models.shot import ShotStatus
from models.task import TaskStatus, TaskType
from routers.app import create_app
from tests.contract.shape import misfits
from tests.contract.test_golden import GOLDEN
from tests.integration.processor.conftest import POLL_S, Backend
from tests.support.node.scripts import finished, png
from tests.support.node.stand_in import StandInNode
from tests.support.wait import wait_until
from tests.support.web_app import Connect

V1 = "/v1/api"
STORY = "从前有座山。山里有座庙。"
JSON = {"Content-Type": "application/json"}
ENDED = ("finished", "failed", "cancelled")
RED = (200, 20, 20)
PHONE_READS_AT_MOST = 1 << 20  # bytes of a message


@pytest.fixture
def node() -> Iterator[StandInNode]:
    scripted = StandInNode()
    yield scripted
    scripted.close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path / "data",
        worker=WorkerSettings(poll_seconds=POLL_S),
        story=StorySettings(default_shots=2),
        film=FilmSettings(resolution="320x180", fps=12),
    )


@pytest.fixture
def backend(settings: Settings, redis_url: str, node: StandInNode) -> Iterator[Backend]:
    made = Backend(settings, redis_url, node, "walks")
    made.start()
    yield made
    made.close()


@pytest.fixture
def app(backend: Backend, static_folder: Path) -> Flask:
    return create_app(backend.services, static_folder)


def task_of(client: FlaskClient, task_id: str) -> dict[str, Any]:
    task = client.get(f"{V1}/tasks/{task_id}", headers=JSON).get_json()["task"]
    assert isinstance(task, dict)
    return decoded(task)


def finished_task(client: FlaskClient, task_id: str) -> dict[str, Any]:
    """Poll as a client does, until the task ended; it must have ended well."""
    wait_until(lambda: task_of(client, task_id)["status"] in ENDED, 120)
    task = task_of(client, task_id)
    assert task["status"] == "finished", task
    return task


def decoded(task: dict[str, Any]) -> dict[str, Any]:
    """The task as a strict decoder takes it: another type, state or form of time makes it drop the whole task."""
    shape = GOLDEN["task-image"]["body"]["task"]
    shape = {**shape, "parameters": {}, "result": {**shape["result"], "resource_url": "str"}}
    assert misfits(shape, task) == []
    assert task["type"] in {str(type_) for type_ in TaskType}
    assert task["status"] in {str(status) for status in TaskStatus}
    assert all(isinstance(scene["scene_id"], str) for scene in _generated_shots(task))
    return task


def _generated_shots(task: dict[str, Any]) -> list[dict[str, Any]]:
    shots = (task["result"].get("task_shots") or {}).get("generated_shots") or []
    assert isinstance(shots, list)
    return shots


def fetched(client: FlaskClient, link: str) -> bytes:
    """What a link leads to, without any header."""
    with client.get(link) as answer:
        assert answer.status_code == 200, link
        content: bytes = answer.data
        return content


def shots_of(client: FlaskClient, project_id: str) -> list[dict[str, Any]]:
    shots = client.get(f"{V1}/projects/{project_id}/shots", headers=JSON).get_json()["shots"]
    assert isinstance(shots, list)
    assert all(shot["status"] in {str(status) for status in ShotStatus} for shot in shots)
    return shots


def test_the_desktop_client_gets_its_film(client: FlaskClient, node: StandInNode) -> None:
    query = {"Title": "山", "StoryText": STORY, "Style": "水墨", "Desription": "说明"}
    created = client.post(f"{V1}/projects", query_string=query).get_json()
    finished_task(client, created["text_task_id"])
    assert created["shot_task_ids"]
    for task_id in created["shot_task_ids"]:
        assert fetched(client, finished_task(client, task_id)["result"]["resource_url"]) == png()
    shot = shots_of(client, created["project_id"])[1]
    assert fetched(client, shot["imagePath"]) == png()
    node.script("generate_shot", lambda _e: finished(png(RED)))
    address = f"{V1}/projects/{created['project_id']}/shots/{shot['id']}"
    again = client.post(address, json={"style": "油画", "prompt": "红色的山"}).get_json()
    task = finished_task(client, again["task_id"])
    assert task["shotId"] == shot["id"]
    assert fetched(client, task["result"]["resource_url"]) == png(RED)
    sent = node.envelopes[-1]["parameters"]["shot"]
    assert (sent["prompt"], sent["style"]) == ("红色的山", "油画")
    film = client.post(
        f"{V1}/projects/{created['project_id']}/video", json={"format": "mp4", "resolution": "1920x1080"}
    ).get_json()
    result = finished_task(client, film["task_id"])["result"]
    assert fetched(client, result["resource_url"])[4:8] == b"ftyp"
    assert fetched(client, result["task_video"]["path"]) == fetched(client, result["resource_url"])
    assert result["task_video"]["resolution"] == "1920x1080"
    detail = client.get(f"{V1}/projects/{created['project_id']}").get_json()["project_detail"]
    assert (detail["status"], detail["description"]) == ("ready", "说明")
    assert detail["duration"] > 0
    assert fetched(client, detail["videoUrl"]) == fetched(client, result["resource_url"])
    assert fetched(client, detail["coverImage"])


def test_the_older_desktop_client_regenerates_and_gets_its_film(client: FlaskClient, node: StandInNode) -> None:
    created = client.post(f"{V1}/projects", query_string={"Title": "山", "StoryText": STORY}).get_json()
    for task_id in created["shot_task_ids"]:
        finished_task(client, task_id)
    shot = shots_of(client, created["project_id"])[0]
    node.script("generate_shot", lambda _e: finished(png(RED)))
    again = client.post(
        f"{V1}/tasks",
        json={"type": "updateShot", "shotId": shot["id"], "parameters": {"shot": {"style": "", "image_llm": "红山"}}},
    ).get_json()
    assert fetched(client, finished_task(client, again["task_id"])["result"]["resource_url"]) == png(RED)
    film = client.post(
        f"{V1}/tasks",
        json={
            "type": "generateVideo",
            "projectId": created["project_id"],
            "parameters": {"video": {"format": "mp4", "resolution": "320x180"}},
        },
    ).get_json()
    assert fetched(client, finished_task(client, film["task_id"])["result"]["resource_url"])[4:8] == b"ftyp"


def test_the_phone_client_gets_its_film(client: FlaskClient, connect: Connect, node: StandInNode) -> None:
    query = f"Title=a+b;c&StoryText={quote(STORY)}&Style=film&ShotCount=2"
    created = client.post(f"{V1}/projects?{query}", headers=JSON).get_json()
    assert _watched(connect, created["text_task_id"])["status"] == "finished"
    for task_id in created["shot_task_ids"]:
        assert fetched(client, _watched(connect, task_id)["result"]["resource_url"]) == png()
    body = client.get(f"{V1}/projects/{created['project_id']}", headers=JSON).get_json()
    detail = body["project_detail"]
    assert (detail["title"], detail["story_text"], detail["shot_count"]) == ("a b;c", STORY, 2)
    assert detail["status"] in {str(status) for status in ProjectStatus}
    assert body["recent_task"]["id"] == created["shot_task_ids"][-1]
    shot = body["shots"][0]
    for sent in (
        {"prompt": "红色的山"},
        {"prompt": "红色的山", "style": None},
        {"prompt": "红色的山", "style": "油画"},
    ):
        answer = client.post(f"{V1}/projects/{created['project_id']}/shots/{shot['id']}", json=sent).get_json()
        assert _watched(connect, answer["task_id"])["shotId"] == shot["id"]
        sent_style = node.envelopes[-1]["parameters"]["shot"]["style"]
        assert sent_style == (sent.get("style") or "film")
    voice = client.post(f"{V1}/projects/{created['project_id']}/tts", data="{}", headers=JSON).get_json()
    assert _watched(connect, voice["task_id"])["progress"] == 100
    assert all(fetched(client, shot["audioPath"])[:4] == b"RIFF" for shot in shots_of(client, created["project_id"]))
    film = client.post(f"{V1}/projects/{created['project_id']}/video", data="{}", headers=JSON).get_json()
    assert fetched(client, _watched(connect, film["task_id"])["result"]["resource_url"])[4:8] == b"ftyp"
    assert client.delete(f"{V1}/shots/{shot['id']}", headers=JSON).status_code == 200
    assert len(shots_of(client, created["project_id"])) == 1
    assert client.delete(f"{V1}/projects/{created['project_id']}", headers=JSON).get_json()["success"] is True
    assert client.get(f"{V1}/projects/{created['project_id']}", headers=JSON).status_code == 404


def _watched(connect: Connect, task_id: str) -> dict[str, Any]:
    """What the phone hears, saying nothing: every message can be decoded, and no close comes before an end state."""
    socket = connect(task_id)
    task: dict[str, Any] = {}
    while text := socket.recv():
        assert isinstance(text, str)
        assert len(text.encode()) < PHONE_READS_AT_MOST
        task = decoded(json.loads(text))
    assert task["status"] in ENDED
    return task
