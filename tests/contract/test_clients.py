"""What the clients in the field send, replayed: both desktop generations, the phone, and scripts that send JSON."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from routers import serializers
from service.container import Services
from tests.contract.story import STORY, Told, create, finish
from tests.support.web_app import Connect, new_task

V1 = "/v1/api"
JSON = "application/json"


@pytest.fixture
def told(client: FlaskClient, services: Services) -> Told:
    return finish(services, create(client))


def task_of(client: FlaskClient, task_id: str) -> dict[str, Any]:
    task = client.get(f"{V1}/tasks/{task_id}").get_json()["task"]
    assert isinstance(task, dict)
    return task


def detail(client: FlaskClient, project_id: str) -> dict[str, Any]:
    body = client.get(f"{V1}/projects/{project_id}").get_json()["project_detail"]
    assert isinstance(body, dict)
    return body


def test_the_desktop_client_creates_without_a_shot_count_and_misspells_the_description(client: FlaskClient) -> None:
    told = create(client, Title="t", StoryText=STORY, Style="film", Desription="说明")
    body = detail(client, told.project_id)
    assert (body["description"], body["shotCount"]) == ("说明", 6)
    assert len(told.shot_task_ids) == 6


def test_the_desktop_client_regenerates_by_a_json_body(client: FlaskClient, told: Told) -> None:
    answer = client.post(
        f"{V1}/projects/{told.project_id}/shots/{told.shot_ids[1]}", json={"style": "ink", "prompt": "a red fox"}
    )
    task = task_of(client, answer.get_json()["task_id"])
    assert task["shotId"] == told.shot_ids[1]
    shot = task["parameters"]["shot"]
    assert (shot["prompt"], shot["style"], shot["shotId"]) == ("a red fox", "ink", told.shot_ids[1])
    kept = client.get(f"{V1}/projects/{told.project_id}/shots/{told.shot_ids[1]}").get_json()["shot"]
    assert (kept["title"], kept["prompt"]) == ("镜头2", "a red fox")


def test_the_desktop_client_asks_for_the_film_by_a_json_body(client: FlaskClient, told: Told) -> None:
    sent = {"format": "mp4", "resolution": "1920x1080"}
    answer = client.post(f"{V1}/projects/{told.project_id}/video", json=sent).get_json()
    task = task_of(client, answer["task_id"])
    assert (task["type"], task["parameters"]["video"]["resolution"]) == ("generate_video", "1920x1080")
    assert answer["shot_id"] == ""


def test_the_older_desktop_client_updates_a_shot_through_tasks(client: FlaskClient, told: Told) -> None:
    sent = {
        "type": "updateShot",
        "shotId": told.shot_ids[0],
        "parameters": {"shot": {"style": "ink", "image_llm": "a blue fox"}},
    }
    answer = client.post(f"{V1}/tasks", json=sent).get_json()
    task = task_of(client, answer["task_id"])
    assert (task["shotId"], task["parameters"]["shot"]["prompt"]) == (told.shot_ids[0], "a blue fox")
    assert task["parameters"]["shot"]["style"] == "ink"


def test_the_older_desktop_client_asks_for_the_film_through_tasks(client: FlaskClient, told: Told) -> None:
    video = {"format": "mp4", "resolution": "1280x720", "fps": ""}
    sent = {"type": "generateVideo", "projectId": told.project_id, "parameters": {"video": video}}
    answer = client.post(f"{V1}/tasks", json=sent).get_json()
    assert task_of(client, answer["task_id"])["type"] == "generate_video"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({}, 400),
        ({"type": "dance"}, 400),
        ({"type": ["updateShot"]}, 400),
        ({"type": "updateShot"}, 400),
        ({"type": "updateShot", "shotId": 5}, 400),
        ({"type": "updateShot", "shotId": "nobody"}, 404),
        ({"type": "updateShot", "shotId": "../x"}, 404),
        ({"type": "generateVideo", "projectId": "nobody"}, 404),
        ({"type": "generateVideo", "projectId": "nobody", "parameters": []}, 404),
        ({"type": "generateVideo", "projectId": "nobody", "parameters": [1]}, 400),
        ({"type": "generateVideo", "projectId": "nobody", "parameters": {"video": "mp4"}}, 400),
    ],
)
def test_what_the_older_desktop_client_gets_wrong_is_told(
    client: FlaskClient, sent: dict[str, Any], status: int
) -> None:
    assert client.post(f"{V1}/tasks", json=sent).status_code == status


def test_the_phone_creates_with_a_json_content_type_and_no_body(client: FlaskClient) -> None:
    query = f"Title=a+b;c&StoryText={quote(STORY)}&Style=film&ShotCount=2"
    created = client.post(f"{V1}/projects?{query}", headers={"Content-Type": JSON}).get_json()
    body = detail(client, created["project_id"])
    assert body["title"] == "a b;c"
    assert (body["story_text"], body["shot_count"]) == (STORY, 2)
    assert {"cover_image", "video_url", "created_at", "updated_at"} <= body.keys()


def test_the_phone_asks_for_film_and_narration_with_an_empty_object(client: FlaskClient, told: Told) -> None:
    for noun in ("video", "tts"):
        answer = client.post(f"{V1}/projects/{told.project_id}/{noun}", data="{}", headers={"Content-Type": JSON})
        assert answer.status_code == 200, answer.text


def test_the_phone_regenerates_with_a_prompt_alone(client: FlaskClient, told: Told) -> None:
    answer = client.post(f"{V1}/projects/{told.project_id}/shots/{told.shot_ids[0]}", json={"prompt": "fox"})
    assert task_of(client, answer.get_json()["task_id"])["shotId"] == told.shot_ids[0]


def test_every_value_of_health_is_a_string(client: FlaskClient) -> None:
    assert client.get(f"{V1}/health").get_json() == {"status": "ok", "service": "StoryToVideo-server"}


def test_a_task_of_the_waiting_kind_names_no_shot(client: FlaskClient) -> None:
    told = create(client)
    task = task_of(client, told.shot_task_ids[0])
    assert "shotId" not in task
    assert (task["status"], task["startedAt"], task["finishedAt"]) == (
        "blocked",
        serializers.ZERO_TIME,
        serializers.ZERO_TIME,
    )


def test_a_storyboards_parameters_hold_every_group_and_an_images_its_own_only(client: FlaskClient, told: Told) -> None:
    board = task_of(client, told.text_task_id)["parameters"]
    assert board.keys() == {"shot_defaults", "shot", "video", "tts"}
    assert board["shot_defaults"] == {"shot_count": 6, "style": "水彩", "storyText": STORY}
    assert not any(value for group in ("shot", "video", "tts") for value in board[group].values())
    waiting = create(client).shot_task_ids[0]
    again = client.post(f"{V1}/projects/{told.project_id}/shots/{told.shot_ids[0]}", json={"prompt": "fox"})
    for task_id in (waiting, told.shot_task_ids[0], again.get_json()["task_id"]):
        assert task_of(client, task_id)["parameters"].keys() == {"shot", "depends_on"}


def test_the_recent_task_is_the_one_that_was_created_last(client: FlaskClient, told: Told) -> None:
    assert told.fresh.get_json()["recent_task"]["id"] == told.shot_task_ids[-1]
    answer = client.post(f"{V1}/projects/{told.project_id}/shots/{told.shot_ids[0]}", json={"prompt": "fox"})
    recent = client.get(f"{V1}/projects/{told.project_id}").get_json()["recent_task"]
    assert recent["id"] == answer.get_json()["task_id"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/projects"),
        ("GET", "/projects/{project}"),
        ("PUT", "/projects/{project}"),
        ("GET", "/projects/{project}/shots"),
        ("GET", "/projects/{project}/shots/{shot}"),
        ("POST", "/projects/{project}/shots/{shot}"),
        ("GET", "/projects/{project}/tasks"),
        ("GET", "/projects/{project}/films"),
        ("POST", "/projects/{project}/video"),
        ("POST", "/projects/{project}/tts"),
        ("GET", "/tasks/{task}"),
        ("GET", "/health"),
        ("DELETE", "/shots/{shot}"),
        ("DELETE", "/projects/{project}"),
    ],
)
@pytest.mark.parametrize("body", [None, "", "{}"], ids=["none", "empty", "object"])
def test_every_route_takes_a_json_content_type_with_nothing_in_it(
    client: FlaskClient, told: Told, method: str, path: str, body: str | None
) -> None:
    address = path.format(project=told.project_id, shot=told.shot_ids[0], task=told.text_task_id)
    answer = client.open(V1 + address, method=method, data=body, headers={"Content-Type": JSON})
    assert answer.status_code == 200, answer.text


def test_messages_are_in_chinese(client: FlaskClient, told: Told) -> None:
    base = f"{V1}/projects/{told.project_id}"
    answers = [
        client.post(f"{base}/shots/{told.shot_ids[0]}", json={"prompt": "fox"}),
        client.post(f"{base}/video"),
        client.post(f"{base}/tts"),
        client.delete(f"{V1}/shots/{told.shot_ids[0]}"),
        client.get(f"{V1}/projects/nobody"),
        client.get(f"{V1}/projects/..%2fx"),
        client.get(f"{base}/shots/nobody"),
        client.get(f"{base}/shots/..%2fx"),
        client.post(f"{V1}/projects"),
        client.delete(base),
    ]
    for answer in answers:
        message = answer.get_json()["message"]
        assert any("\u4e00" <= character <= "\u9fff" for character in message), message
    for unknown in ("nobody", "x" * 65):
        assert client.get(f"{V1}/tasks/{unknown}").get_json()["error"].startswith("task not found: ")


@pytest.mark.parametrize(
    ("changes", "restarts"),
    [
        ({"StoryText": "别的故事。"}, True),
        ({"Style": "油画"}, True),
        ({"ShotCount": "2"}, True),
        ({"StoryText": STORY, "Style": "水彩", "ShotCount": "6"}, False),
        ({"Title": "新", "Description": "新的说明"}, False),
    ],
)
def test_a_project_starts_again_only_when_what_its_story_depends_on_differs(
    client: FlaskClient, told: Told, changes: dict[str, str], restarts: bool
) -> None:
    body = client.put(f"{V1}/projects/{told.project_id}", query_string=changes).get_json()
    assert bool(body["text_task"]) is bool(body["shot_tasks"]) is restarts
    after = detail(client, told.project_id)
    assert after["title"] == changes.get("Title", "狐狸")
    assert after["description"] == changes.get("Description", "说明")


@pytest.mark.parametrize("sent", [{"query_string": {"shot_id": "?"}}, {"json": {"shotId": "?"}}])
def test_one_shots_clip_is_asked_for_by_its_shot(client: FlaskClient, told: Told, sent: dict[str, Any]) -> None:
    shot_id = told.shot_ids[2]
    [(place, params)] = sent.items()
    answer = client.post(f"{V1}/projects/{told.project_id}/video", **{place: dict.fromkeys(params, shot_id)}).get_json()
    assert answer["shot_id"] == shot_id
    task = task_of(client, answer["task_id"])
    assert (task["type"], task["shotId"]) == ("generate_video", shot_id)


def test_a_task_of_the_longest_story_fits_what_the_phone_reads(client: FlaskClient, connect: Connect) -> None:
    for story in ("a" + "\x01" * 19_999, "👩" * 20_000):
        created = client.post(f"{V1}/projects", json={"StoryText": story}).get_json()
        message = connect(created["text_task_id"]).recv()
        assert isinstance(message, str)
        assert len(message.encode()) < 1 << 20


def test_numbers_that_a_node_left_as_text_or_with_a_fraction_become_whole(
    client: FlaskClient, services: Services
) -> None:
    parameters = {
        "shot": {"image_width": 1024, "generate_tts": None},
        "video": {"fps": "24", "bitrate": 1.5e3},
        "tts": {"sample_rate": "fast"},
    }
    result = {
        "resource_id": None,
        "task_shots": {"generated_shots": [{"id": "x", "title": None}, "junk"], "total_shots": "1"},
        "task_video": {"path": "/x.mp4", "fps": 24, "duration": 3.5},
    }
    task = task_of(client, new_task(services, type="generate_storyboard", parameters=parameters, result=result))
    assert task["parameters"]["shot"]["image_width"] == "1024"
    assert task["parameters"]["shot"]["generate_tts"] is False
    assert (task["parameters"]["video"]["fps"], task["parameters"]["video"]["bitrate"]) == (24, 1500)
    assert task["parameters"]["tts"]["sample_rate"] == 0
    assert task["result"]["resource_id"] == ""
    assert task["result"]["task_shots"]["total_shots"] == 1
    scene = task["result"]["task_shots"]["generated_shots"][0]
    assert scene == {"scene_id": "1", "title": "", "prompt": "", "narration": "", "bgm": "", "path": ""}
    assert task["result"]["task_video"] == {"path": "/x.mp4", "fps": "24", "duration": "3.5"}
