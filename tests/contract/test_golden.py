"""Every answer that was recorded from the Go backend, asked of this server."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from models.task import TaskStatus
from service import parameters
from service.context import Services
from tests.contract.shape import misfits
from tests.contract.story import Told, create, finish
from tests.web_app import Connect, change, closed_with, hear

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parent / "golden.json").read_text("utf-8"))
V1 = "/v1/api"

Ask = Callable[[FlaskClient, Told], TestResponse]

REQUESTS: dict[str, Ask] = {
    "create": lambda _client, told: told.created,
    "project-fresh": lambda _client, told: told.fresh,
    "project-done": lambda client, told: client.get(f"{V1}/projects/{told.project_id}"),
    "project-update": lambda client, told: client.put(
        f"{V1}/projects/{told.project_id}", query_string={"Title": "新", "StoryText": "新的故事。", "ShotCount": "3"}
    ),
    "project-delete": lambda client, told: client.delete(f"{V1}/projects/{told.project_id}"),
    "shots": lambda client, told: client.get(f"{V1}/projects/{told.project_id}/shots"),
    "shot": lambda client, told: client.get(f"{V1}/projects/{told.project_id}/shots/{told.shot_ids[0]}"),
    "shot-update": lambda client, told: client.post(
        f"{V1}/projects/{told.project_id}/shots/{told.shot_ids[0]}",
        query_string={"title": "新", "prompt": "a red fox", "transition": "fade"},
    ),
    "shot-delete": lambda client, told: client.delete(f"{V1}/shots/{told.shot_ids[0]}"),
    "task-storyboard": lambda client, told: client.get(f"{V1}/tasks/{told.text_task_id}"),
    "task-image": lambda client, told: client.get(f"{V1}/tasks/{told.shot_task_ids[0]}"),
    "tts": lambda client, told: client.post(f"{V1}/projects/{told.project_id}/tts"),
    "video": lambda client, told: client.post(f"{V1}/projects/{told.project_id}/video"),
    "404-delete": lambda client, _told: client.delete(f"{V1}/projects/nobody"),
    "404-delete-shot": lambda client, _told: client.delete(f"{V1}/shots/nobody"),
    "404-project": lambda client, _told: client.get(f"{V1}/projects/nobody"),
    "404-put": lambda client, _told: client.put(f"{V1}/projects/nobody", query_string={"Title": "x"}),
    "404-shot": lambda client, told: client.get(f"{V1}/projects/{told.project_id}/shots/nobody"),
    "404-shots": lambda client, _told: client.get(f"{V1}/projects/nobody/shots"),
    "404-task": lambda client, _told: client.get(f"{V1}/tasks/nobody"),
    "404-tts": lambda client, _told: client.post(f"{V1}/projects/nobody/tts"),
    "404-update-shot": lambda client, told: client.post(
        f"{V1}/projects/{told.project_id}/shots/nobody", query_string={"prompt": "x"}
    ),
    "404-video": lambda client, _told: client.post(f"{V1}/projects/nobody/video"),
}
ASKED_BELOW = {"image-bytes", "shot-order", "shot-update-final", "statuses", "ws-storyboard", "ws-unknown"}


@pytest.fixture
def told(client: FlaskClient, services: Services) -> Told:
    return finish(services, create(client))


def test_every_recorded_answer_is_asked_for() -> None:
    assert REQUESTS.keys() | ASKED_BELOW == GOLDEN.keys()


@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_an_answer_has_the_recorded_status_type_and_shape(name: str, client: FlaskClient, told: Told) -> None:
    expected = GOLDEN[name]["answer"]
    answer = REQUESTS[name](client, told)
    assert answer.status_code == expected["status"], answer.text
    assert answer.mimetype == expected["type"]
    assert misfits(expected["body"], answer.get_json()) == []


def test_a_pictures_link_is_readable_without_a_header(client: FlaskClient, told: Told) -> None:
    expected = GOLDEN["image-bytes"]["answer"]
    task = client.get(f"{V1}/tasks/{told.shot_task_ids[0]}").get_json()["task"]
    with client.get(task["result"]["resource_url"]) as answer:
        assert answer.status_code == expected["status"]
        assert answer.mimetype == expected["type"]
        assert answer.data.startswith(b"\x89PNG\r\n\x1a\n") == expected["png"]


def test_shots_are_numbered_from_one(client: FlaskClient, told: Told) -> None:
    shots = client.get(f"{V1}/projects/{told.project_id}/shots").get_json()["shots"]
    assert [shot["order"] for shot in shots] == GOLDEN["shot-order"]["answer"]


def test_all_tasks_end_finished(client: FlaskClient, told: Told, services: Services) -> None:
    ids = [told.text_task_id, *told.shot_task_ids]
    statuses = [client.get(f"{V1}/tasks/{task_id}").get_json()["task"]["status"] for task_id in ids]
    assert statuses == GOLDEN["statuses"]["answer"]
    again = REQUESTS["shot-update"](client, told).get_json()["task_id"]
    change(services, again, status=TaskStatus.FINISHED)
    task = client.get(f"{V1}/tasks/{again}").get_json()["task"]
    assert [task["status"]] == GOLDEN["shot-update-final"]["answer"]
    assert task["shotId"] == told.shot_ids[0]


def test_the_socket_of_a_storyboard_has_the_recorded_shape_and_end(
    client: FlaskClient, connect: Connect, services: Services
) -> None:
    expected = GOLDEN["ws-storyboard"]["answer"]
    told = create(client)
    socket = connect(told.text_task_id)
    socket.send('{"type":"hello"}')
    message = hear(socket)
    assert misfits(expected["first"], message) == []
    result = parameters.result("storyboard", "job", "/files/job/storyboard.json")
    change(services, told.text_task_id, status=TaskStatus.FINISHED, progress=100, result=result)
    message = hear(socket)
    assert message["status"] == expected["last_status"]
    assert message["result"]["resource_url"] == "/files/job/storyboard.json"
    assert closed_with(socket) == 1000
    assert expected["end"] == "closed"


def test_the_socket_of_an_unknown_task_has_the_recorded_shape_and_end(connect: Connect) -> None:
    expected = GOLDEN["ws-unknown"]["answer"]
    socket = connect("nobody")
    assert misfits(expected["first"], hear(socket)) == []
    assert closed_with(socket) == 1000
    assert expected["end"] == "closed"
