"""Projects, their tasks and their aspect by `/v1/api`, where the Go backend had nothing like it."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from models import cast_member
from models.cast_member import CastMember
from models.shot import Shot, ShotStatus
from models.task import Task, TaskStatus
from service.container import Services
from tests.contract import story
from tests.support.web_app import NOW, change

V1 = "/v1/api"
STORY = "从前有一只狐狸。它住在森林里。"


def create(client: FlaskClient, **params: str) -> dict[str, Any]:
    answer = client.post(f"{V1}/projects", query_string={"StoryText": STORY, "ShotCount": "2", **params})
    assert answer.status_code == 200, answer.text
    body = answer.get_json()
    assert isinstance(body, dict)
    return body


def test_projects_are_listed_newest_first_page_by_page(client: FlaskClient) -> None:
    for title in ("one", "two", "three"):
        create(client, Title=title)
    first = client.get(f"{V1}/projects?page_size=2").get_json()
    assert [item["title"] for item in first["items"]] == ["three", "two"]
    assert (first["page"], first["page_size"], first["total"]) == (1, 2, 3)
    second = client.get(f"{V1}/projects?Page=2&pageSize=2").get_json()
    assert [item["title"] for item in second["items"]] == ["one"]
    assert {(item["storyExcerpt"], "storyText" in item) for item in first["items"]} == {(STORY, False)}
    found = client.get(f"{V1}/projects?q=tw").get_json()
    assert [item["title"] for item in found["items"]] == ["two"]


def _spoken(services: Services, project_id: str, *narrations: tuple[str, int]) -> None:
    """Give a project shots with these texts, and narrations of so many seconds where they are not 0."""
    with services.database.write() as session:
        for order, (text, duration) in enumerate(narrations, 1):
            session.add(
                Shot(
                    id=f"shot-{order}",
                    project_id=project_id,
                    order=order,
                    title="",
                    narration=text,
                    status=ShotStatus.COMPLETED,
                    audio_path="projects/p/a.mp3" if duration else "",
                    duration=duration,
                    created_at=NOW,
                    updated_at=NOW,
                )
            )
        for task in session.scalars(select(Task).where(Task.project_id == project_id)):
            task.status = TaskStatus.FINISHED


HOUR = "一" * 9 * 3600  # as fast as anybody can read it


@pytest.mark.parametrize(
    ("narrations", "asked", "estimate"),
    [
        ([("短", 3600 * 5)], {}, "约 5 小时，上限 4 小时"),
        ([("短", 3601)] * 5, {}, "约 5.001 小时，上限 4 小时"),
        ([(HOUR, 0)] * 5, {}, "约 5.001 小时，上限 4 小时"),
        ([(HOUR, 0), ("短", 3600 * 3), ("", 0)], {}, "约 4.0"),
    ],
    ids=["one", "many", "texts", "both"],
)
def test_a_film_that_would_be_too_long_is_refused_with_both_numbers(
    client: FlaskClient, services: Services, narrations: list[tuple[str, int]], asked: dict[str, Any], estimate: str
) -> None:
    project_id = create(client)["project_id"]
    _spoken(services, project_id, *narrations)
    answer = client.post(f"{V1}/projects/{project_id}/video", json=asked)
    assert answer.status_code == 409
    assert f"影片太长：{estimate}" in answer.get_json()["error"]
    assert "film.max_duration_s" in answer.get_json()["error"]
    before = client.get(f"{V1}/projects/{project_id}/tasks").get_json()["total_tasks"]
    for shorter in ({"first_seconds": 60}, {"narration": "none"}, {"shot_id": "shot-1"}):
        assert client.post(f"{V1}/projects/{project_id}/video", json=shorter).status_code == 200
    assert client.get(f"{V1}/projects/{project_id}/tasks").get_json()["total_tasks"] > before


def test_a_film_just_within_the_limit_is_taken(client: FlaskClient, services: Services) -> None:
    project_id = create(client)["project_id"]
    _spoken(services, project_id, ("短", 3600 * 2), (HOUR, 0), ("短", 3500))
    assert client.post(f"{V1}/projects/{project_id}/video").status_code == 200


@pytest.mark.parametrize("query", ["page=0", "page_size=0", "page_size=1000", "page=x"])
def test_a_page_that_cannot_be_is_refused(client: FlaskClient, query: str) -> None:
    assert client.get(f"{V1}/projects?{query}").status_code == 400


def test_a_projects_tasks_are_listed(client: FlaskClient) -> None:
    created = create(client)
    body = client.get(f"{V1}/projects/{created['project_id']}/tasks").get_json()
    assert [task["id"] for task in body["tasks"]] == [created["text_task_id"], *created["shot_task_ids"]]
    assert client.get(f"{V1}/projects/nobody/tasks").status_code == 404


def test_a_projects_tasks_come_a_page_at_a_time_where_a_page_is_asked_for(client: FlaskClient) -> None:
    created = create(client, ShotCount="4")
    tasks, ids = f"{V1}/projects/{created['project_id']}/tasks", [created["text_task_id"], *created["shot_task_ids"]]
    pages = [client.get(f"{tasks}?page={number}&pageSize=2").get_json() for number in (1, 2, 3, 4)]
    assert [[task["id"] for task in page["tasks"]] for page in pages] == [ids[:2], ids[2:4], ids[4:], []]
    assert {(page["total_tasks"], page["page_size"]) for page in pages} == {(5, 2)}
    assert [page["page"] for page in pages] == [1, 2, 3, 4]
    assert len(client.get(f"{tasks}?page_size=2").get_json()["tasks"]) == 5
    assert client.get(f"{V1}/projects/nobody/tasks?page=1").status_code == 404
    for query in ("page=0", "page=1&page_size=201", "page=x"):
        assert client.get(f"{tasks}?{query}").status_code == 400


def test_a_task_can_be_cancelled_once_and_then_tried_again(client: FlaskClient) -> None:
    task_id = create(client)["text_task_id"]
    assert client.post(f"{V1}/tasks/{task_id}/retry").status_code == 409
    answer = client.post(f"{V1}/tasks/{task_id}/cancel")
    assert (answer.status_code, answer.get_json()["task"]["status"]) == (200, "cancelled")
    assert client.post(f"{V1}/tasks/{task_id}/cancel").status_code == 409
    again = client.post(f"{V1}/tasks/{task_id}/retry").get_json()
    assert again["task_id"] != task_id
    assert again["message"]
    for verb in ("cancel", "retry"):
        assert client.post(f"{V1}/tasks/nobody/{verb}").status_code == 404


def test_an_unknown_task_is_told_in_the_words_that_clients_know(client: FlaskClient) -> None:
    assert client.get(f"{V1}/tasks/nobody").get_json()["error"] == "task not found: nobody"


def test_title_and_description_alone_start_nothing_again(client: FlaskClient) -> None:
    project_id = create(client, Title="old", Desription="kept")["project_id"]
    body = client.put(f"{V1}/projects/{project_id}", json={"Title": "new"}).get_json()
    assert (body["text_task"], body["shot_tasks"], body["deleted"]) == ("", [], 0)
    assert (body["project"]["title"], body["project"]["description"]) == ("new", "kept")


def test_another_story_starts_again(client: FlaskClient) -> None:
    created = create(client)
    body = client.put(
        f"{V1}/projects/{created['project_id']}", json={"story_text": "另一个。", "shot_count": 4}
    ).get_json()
    assert body["text_task"] not in ("", created["text_task_id"])
    assert (len(body["shot_tasks"]), body["deleted"]) == (4, 3)


def test_another_aspect_starts_again_and_the_same_one_does_not(client: FlaskClient) -> None:
    created = create(client, Aspect="9:16")
    address = f"{V1}/projects/{created['project_id']}"
    for same in ({"aspect": "9:16"}, {"Aspect": ""}, {"title": "new", "ASPECT": "9:16"}):
        body = client.put(address, json=same).get_json()
        assert (body["text_task"], body["deleted"], body["project"]["aspect"]) == ("", 0, "9:16")
    body = client.put(address, json={"Aspect": "4:3"}).get_json()
    assert body["text_task"] not in ("", created["text_task_id"])
    assert (len(body["shot_tasks"]), body["deleted"], body["project"]["aspect"]) == (2, 3, "4:3")
    assert image_sizes(client, body["shot_tasks"]) == {("1216", "896")}
    assert client.get(f"{V1}/projects").get_json()["items"][0]["aspect"] == "4:3"


def test_without_an_aspect_images_and_films_are_as_they_were(client: FlaskClient) -> None:
    created = create(client)
    assert client.get(f"{V1}/projects/{created['project_id']}").get_json()["project_detail"]["aspect"] == ""
    assert image_sizes(client, created["shot_task_ids"]) == {("1024", "1024")}
    assert film_size(client, created["project_id"]) == "1280x720"


@pytest.mark.parametrize(
    ("aspect", "image", "film"),
    [
        ("16:9", ("1344", "768"), "1280x720"),
        ("9:16", ("768", "1344"), "720x1280"),
        ("1:1", ("1024", "1024"), "720x720"),
        ("4:3", ("1216", "896"), "960x720"),
        ("3:4", ("896", "1216"), "720x960"),
    ],
)
def test_an_aspect_is_that_of_images_and_of_films_that_ask_for_no_size(
    client: FlaskClient, aspect: str, image: tuple[str, str], film: str
) -> None:
    created = create(client, Aspect=aspect)
    assert image_sizes(client, created["shot_task_ids"]) == {image}
    assert film_size(client, created["project_id"]) == film
    assert film_size(client, created["project_id"], resolution="640x360") == "640x360"


def test_an_image_painted_again_has_the_projects_present_aspect(client: FlaskClient, services: Services) -> None:
    """By a retry after the new storyboard failed, and by a change of the shot."""
    told = story.finish(services, story.create(client))
    change(services, told.shot_task_ids[0], status=TaskStatus.FAILED)
    board = client.put(f"{V1}/projects/{told.project_id}", json={"aspect": "3:4"}).get_json()["text_task"]
    assert client.post(f"{V1}/tasks/{board}/cancel").status_code == 200
    again = client.post(f"{V1}/tasks/{told.shot_task_ids[0]}/retry").get_json()["task_id"]
    changed = client.post(f"{V1}/projects/{told.project_id}/shots/{told.shot_ids[1]}", json={"prompt": "a fox"})
    assert image_sizes(client, [again, changed.get_json()["task_id"]]) == {("896", "1216")}


def test_the_older_desktop_clients_way_of_changing_a_shot_paints_nothing_for_its_motion_alone(
    client: FlaskClient, services: Services
) -> None:
    told = story.finish(services, story.create(client))
    sent = {"type": "updateShot", "shotId": told.shot_ids[0], "parameters": {"shot": {"motion": "none"}}}
    before = client.get(f"{V1}/projects/{told.project_id}/tasks").get_json()["total_tasks"]
    assert client.post(f"{V1}/tasks", json=sent).get_json()["task_id"] == ""
    assert client.get(f"{V1}/projects/{told.project_id}/tasks").get_json()["total_tasks"] == before
    shot = client.get(f"{V1}/projects/{told.project_id}/shots/{told.shot_ids[0]}").get_json()["shot"]
    assert (shot["motion"], shot["status"]) == ("none", "completed")


def image_sizes(client: FlaskClient, task_ids: list[str]) -> set[tuple[str, str]]:
    """The sizes that these tasks ask a node for."""
    shots = [client.get(f"{V1}/tasks/{task_id}").get_json()["task"]["parameters"]["shot"] for task_id in task_ids]
    return {(shot["image_width"], shot["image_height"]) for shot in shots}


def film_size(client: FlaskClient, project_id: str, **options: str) -> str:
    """The size of the film that is then asked for."""
    task_id = client.post(f"{V1}/projects/{project_id}/video", json=options).get_json()["task_id"]
    return str(client.get(f"{V1}/tasks/{task_id}").get_json()["task"]["parameters"]["video"]["resolution"])


def test_films_and_music_start_out_empty(client: FlaskClient) -> None:
    project_id = create(client)["project_id"]
    assert client.get(f"{V1}/projects/{project_id}/films").get_json()["films"] == []
    assert client.get(f"{V1}/projects/nobody/films").status_code == 404
    assert client.get(f"{V1}/music").get_json() == {"music": [], "total": 0}


def test_another_telling_starts_again_and_the_same_one_does_not(client: FlaskClient) -> None:
    created = create(client, Telling="TOLD")
    address = f"{V1}/projects/{created['project_id']}"
    assert client.put(address, json={"telling": "told"}).get_json()["text_task"] == ""
    body = client.put(address, json={"Telling": "verbatim"}).get_json()
    assert (body["text_task"] != "", body["project"]["telling"]) == (True, "verbatim")
    task = client.get(f"{V1}/tasks/{body['text_task']}").get_json()["task"]
    assert task["parameters"]["shot_defaults"]["telling"] == "verbatim"
    assert "telling" in client.put(address, json={"telling": "sung"}).get_json()["error"]


def test_a_cast_is_listed_in_its_order_and_goes_with_its_project(client: FlaskClient, services: Services) -> None:
    project_id = create(client)["project_id"]
    address = f"{V1}/projects/{project_id}/cast"
    assert client.get(address).get_json() == {"cast": []}
    with services.database.write() as session:
        names = [(2, "鹤"), (1, "狐狸")]
        cast_member.replace(
            session,
            project_id,
            [
                CastMember(project_id=project_id, position=position, name=name, look_en="red")
                for position, name in names
            ],
        )
    listed = client.get(address).get_json()["cast"]
    assert {name: listed[0][name] for name in ("name", "look_zh", "look_en")} == {
        "name": "狐狸",
        "look_zh": "",
        "look_en": "red",
    }
    assert [row["name"] for row in listed] == ["狐狸", "鹤"]
    assert client.delete(f"{V1}/projects/{project_id}").status_code == 200
    assert client.get(address).status_code == 404
    with services.database.read() as session:
        assert cast_member.members(session, project_id) == []
