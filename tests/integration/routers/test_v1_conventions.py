"""What stands around the routes of `/v1/api`: addresses, bodies, request ids, origins, links."""

from __future__ import annotations

import json
import logging

import pytest
from flask import Flask
from flask.testing import FlaskClient

from common.request_id import request_id
from models.task import Task, TaskStatus
from service.container import Services
from tests.integration.routers.test_v1 import STORY, V1, create
from tests.support.web_app import change, new_task


@pytest.mark.parametrize(
    "path", ["/projects/{}", "/projects/{}/shots", "/projects/{}/tasks", "/tasks/{}", "/projects/p/shots/{}"]
)
@pytest.mark.parametrize("bad", ["..%2f..%2fetc%2fpasswd", "%2e%2e", "..%5c..%5cx", "x" * 65, "a%00b", "a%0ab"])
def test_an_id_that_cannot_be_one_is_unknown(client: FlaskClient, path: str, bad: str) -> None:
    answer = client.get(V1 + path.format(bad))
    assert answer.status_code == 404
    assert answer.get_json()["code"] == 404


@pytest.mark.parametrize("bad", ["..%2f..%2fx", "%2e%2e", "x" * 65])
def test_deleting_an_id_that_cannot_be_one_is_refused(client: FlaskClient, bad: str) -> None:
    assert client.delete(f"{V1}/projects/{bad}").status_code == 404
    assert client.delete(f"{V1}/shots/{bad}").status_code == 404


@pytest.mark.parametrize("slash", ["", "/"])
def test_both_forms_of_an_address_answer_without_a_redirect(client: FlaskClient, slash: str) -> None:
    assert client.post(f"{V1}/projects{slash}", json={"StoryText": STORY}).status_code == 200
    assert client.get(f"{V1}/health{slash}").status_code == 200


def test_an_address_that_is_not_there_has_the_shape_of_every_error(client: FlaskClient) -> None:
    for answer, status in ((client.get("/nowhere"), 404), (client.put(f"{V1}/health"), 405)):
        assert answer.status_code == status
        body = answer.get_json()
        assert (body["error"], body["code"]) == (body["message"], status)
        assert body["request_id"] == answer.headers["X-Request-ID"]


@pytest.mark.parametrize("body", ["{", "[]", "1", '"x"'])
def test_broken_json_is_a_400(client: FlaskClient, body: str) -> None:
    answer = client.post(f"{V1}/projects", data=body, content_type="application/json")
    assert (answer.status_code, answer.get_json()["field"]) == (400, "body")


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded"])
def test_a_body_over_its_limit_is_a_413(client: FlaskClient, content_type: str) -> None:
    answer = client.post(f"{V1}/projects", data=b"x" * 200_001, content_type=content_type)
    assert (answer.status_code, answer.get_json()["code"]) == (413, 413)
    assert "最多 200000 字节" in answer.get_json()["error"]


def test_a_multipart_body_over_its_limit_is_a_413(client: FlaskClient) -> None:
    answer = client.post(f"{V1}/projects", data={"Title": "x" * 300_000}, content_type="multipart/form-data")
    assert answer.status_code == 413


def test_a_request_line_over_its_limit_is_a_414_with_a_request_id(client: FlaskClient) -> None:
    answer = client.get(f"{V1}/projects?q=" + "x" * 262_144)
    assert answer.status_code == 414
    assert answer.get_json()["request_id"] == answer.headers["X-Request-ID"]


def test_the_longest_story_of_all_fits_the_query_string(client: FlaskClient) -> None:
    created = client.post(f"{V1}/projects", query_string={"StoryText": "字" * 20_000, "ShotCount": "1"})
    assert created.status_code == 200


def test_the_callers_request_id_comes_back_and_stays_with_the_task(client: FlaskClient, services: Services) -> None:
    answer = client.post(f"{V1}/projects", query_string={"StoryText": STORY}, headers={"X-Request-ID": "mine-1"})
    assert answer.headers["X-Request-ID"] == "mine-1"
    with services.database.read() as session:
        task = session.get_one(Task, answer.get_json()["text_task_id"])
    assert task.request_id == "mine-1"


def test_log_lines_of_a_request_know_its_id(app: Flask) -> None:
    seen: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(request_id())

    listener = Listener()
    logger = logging.getLogger("routers.errors")
    logger.addHandler(listener)
    app.add_url_rule("/fails", "fails", lambda: str(1 / 0))
    FlaskClient(app).get("/fails", headers={"X-Request-ID": "mine-2"})  # no checked one: the document has no such route
    logger.removeHandler(listener)
    assert seen == ["mine-2"]


def test_chinese_is_sent_as_itself_and_not_in_escapes(client: FlaskClient) -> None:
    project_id = create(client, Title="狐狸")["project_id"]
    assert "狐狸".encode() in client.get(f"{V1}/projects/{project_id}").data


@pytest.mark.parametrize("origin", ["https://studio.example", "http://[::1]:3000"])
def test_a_browser_of_a_configured_origin_is_let_in(client: FlaskClient, origin: str) -> None:
    answer = client.options(
        f"{V1}/projects",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
    )
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    read = client.get(f"{V1}/tasks/nobody", headers={"Origin": origin})
    assert read.headers["Access-Control-Allow-Origin"] == origin


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "https://studio.example.evil", "https://studioxexample", "http://:", "null"]
)
def test_a_browser_of_another_origin_is_not(client: FlaskClient, origin: str) -> None:
    answer = client.get(f"{V1}/health", headers={"Origin": origin})
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_link_is_made_for_the_address_that_the_client_used(client: FlaskClient, services: Services) -> None:
    task_id = new_task(services, status=TaskStatus.FINISHED, result={"resource_url": "projects/p/films/1.mp4"})
    task = client.get(f"{V1}/tasks/{task_id}", base_url="https://films.example:8443").get_json()["task"]
    assert task["result"]["resource_url"].startswith("https://films.example:8443/assets/projects/p/films/1.mp4?token=")


@pytest.mark.parametrize("stored", ["", "/static/old.png", "https://elsewhere.example/a.png"])
def test_what_an_older_backend_stored_passes_unchanged(client: FlaskClient, services: Services, stored: str) -> None:
    task_id = new_task(services, status=TaskStatus.FINISHED, result={"resource_url": stored})
    assert client.get(f"{V1}/tasks/{task_id}").get_json()["task"]["result"]["resource_url"] == stored


def test_the_path_on_the_node_of_an_unfinished_task_is_no_link(client: FlaskClient, services: Services) -> None:
    result = {"resource_id": "job-1", "resource_url": "files/x.png"}
    task_id = new_task(services, status=TaskStatus.PROCESSING, result=result)
    assert client.get(f"{V1}/tasks/{task_id}").get_json()["task"]["result"]["resource_url"] == "files/x.png"


def test_a_finished_film_task_links_its_path_too(client: FlaskClient, services: Services) -> None:
    task_id = new_task(services, type="generate_video")
    video = {"path": "projects/p/films/1.mp4", "duration": "12"}
    change(services, task_id, status=TaskStatus.FINISHED, result={"task_video": video})
    task = client.get(f"{V1}/tasks/{task_id}").get_json()["task"]
    assert task["result"]["task_video"]["path"].startswith("http://localhost/assets/projects/p/films/1.mp4?token=")
    assert json.loads(json.dumps(task)) == task


def test_a_task_says_nowhere_where_files_lie(services: Services, client: FlaskClient) -> None:
    """Nor do those whose rows were written by a version, or a backend, that took no care."""
    said = "[编码，镜头 2] ffmpeg 失败（退出码 1）\n/tmp/s2v-x1/seg 1/list.txt: No such file or directory"
    task_id = new_task(services, status=TaskStatus.FAILED, error=said, message=said)
    project_id = client.get(f"{V1}/tasks/{task_id}").get_json()["task"]["projectId"]
    for path in (f"tasks/{task_id}", f"projects/{project_id}/tasks", f"projects/{project_id}"):
        text = client.get(f"{V1}/{path}").text
        assert "list.txt: No such file" in text, path
        assert "s2v-x1" not in text, path
