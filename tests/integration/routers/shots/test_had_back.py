"""What is deleted for an hour: seen nowhere, and had back."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

from models import deletion
from models.account import Account, Role
from models.asset import Asset
from models.cast_member import CastMember
from models.project import Project
from models.shot import Shot
from models.task import Task
from routers.websocket import follow
from service.access import quotas
from service.container import Services
from tests.contract import story
from tests.support.node.scripts import png
from tests.support.removals import sweep, swept
from tests.support.shot_row import HOUR_MS, V1, ids, is_about_now, numbers, tasks, upload
from tests.support.web_app import NOW, hear


def test_a_deleted_shot_is_seen_nowhere_and_comes_back_where_it_was(
    client: FlaskClient, services: Services, told: story.Told, row: str
) -> None:
    second = told.shot_ids[1]
    shot = f"{row}/{second}"
    upload(client, shot, "images", png())
    task = client.post(shot, json={"prompt": "x"}).get_json()["task_id"]
    before = client.get(shot).get_json()["shot"]
    answer = client.delete(f"{shot}?undo=1").get_json()
    assert is_about_now(answer["undo_until"], 1)
    assert tasks(client, row)[task] == "cancelled"
    assert ids(client, row) == [one for one in told.shot_ids if one != second]
    assert second not in [one["id"] for one in client.get(row.removesuffix("/shots")).get_json()["shots"]]
    for method, path in (
        ("GET", ""),
        ("GET", "/images/versions"),
        ("PATCH", ""),
        ("POST", ""),
        ("POST", "/split"),
        ("DELETE", ""),
    ):
        assert client.open(shot + path, method=method, json={"at": 1}).status_code == 404
    assert client.post(row.removesuffix("shots") + "video", json={"shot_id": second}).status_code == 404
    assert client.post(f"{V1}/tasks/{task}/retry").status_code == 409
    sweep(services, ahead_ms=HOUR_MS - 120_000)
    assert client.post(f"{shot}/undelete").get_json()["shot"]["order"] == 2
    assert ids(client, row) == told.shot_ids
    assert len(numbers(client, shot, "images")) == 2
    back = client.post(f"{shot}/undelete").get_json()["shot"]  # it is there: nothing happens
    assert {**back, "status": "", "updatedAt": ""} == {**before, "status": "", "updatedAt": ""}
    assert back["status"] == "completed"


def test_what_was_deleted_over_an_hour_ago_is_gone_for_good(
    client: FlaskClient, services: Services, told: story.Told, row: str
) -> None:
    first, second, *_ = told.shot_ids
    client.delete(f"{row}/{first}?undo=1")
    sweep(services, ahead_ms=HOUR_MS + 1000)
    assert client.post(f"{row}/{first}/undelete").status_code == 404
    assert not [key for key in swept(services) if first in key]
    client.delete(f"{row}/{second}?undo=1")
    client.delete(f"{V1}/projects/{told.project_id}?undo=1")
    sweep(services, ahead_ms=HOUR_MS + 1000)
    assert client.post(f"{V1}/projects/{told.project_id}/undelete").status_code == 404
    assert swept(services) == []
    with services.database.read() as session:
        for table in (Project, Shot, Task, Asset, CastMember, deletion.Deletion):
            assert session.query(table).all() == [], table


def test_it_cannot_be_had_back_after_the_hour_even_before_it_is_gone(
    client: FlaskClient, services: Services, told: story.Told, row: str
) -> None:
    with services.database.write() as session:
        deletion.put(session, told.project_id, told.shot_ids[0], keep_ms=-1)
    assert client.post(f"{row}/{told.shot_ids[0]}/undelete").status_code == 404
    with services.database.write() as session:
        deletion.put(session, told.project_id, keep_ms=-1)
    assert client.post(f"{V1}/projects/{told.project_id}/undelete").status_code == 404


def test_a_deleted_project_is_seen_nowhere_and_comes_back_as_it_was(
    client: FlaskClient, services: Services, connect: Any, told: story.Told, row: str
) -> None:
    project = f"{V1}/projects/{told.project_id}"
    client.post(project + "/video", json={})
    before = client.get(project).get_json()
    socket = connect(before["recent_task"]["id"])
    assert hear(socket)["id"] == before["recent_task"]["id"]
    answer = client.delete(f"{project}?undo=1").get_json()
    assert is_about_now(answer["undo_until"], 1)
    assert is_about_now(answer["deleteAt"], 0)
    assert client.get(f"{V1}/projects").get_json()["total"] == 0
    assert client.get(f"{V1}/projects?q=狐").get_json()["total"] == 0
    assert client.get(row).get_json()["shots"] == []
    task = before["recent_task"]["id"]
    for method, path in (("GET", project), ("PUT", project), ("GET", f"{project}/films"), ("GET", f"{project}/tasks")):
        assert client.open(path, method=method, json={"title": "x"}).status_code == 404
    for method, path in (
        ("GET", f"{V1}/tasks/{task}"),
        ("POST", f"{V1}/tasks/{task}/retry"),
        ("GET", f"/api/tasks/{task}/status"),
    ):
        assert client.open(path, method=method).status_code == 404
    assert hear(socket)["message"] == follow.DELETED
    assert hear(connect(task))["code"] == 404
    assert client.delete(project).status_code == 200, "as for an unknown one"
    assert client.delete(f"{project}?undo=1").status_code == 404
    back = client.post(f"{project}/undelete").get_json()["project"]
    assert back["title"] == before["project_detail"]["title"]
    after = client.get(project).get_json()
    assert [shot["id"] for shot in after["shots"]] == told.shot_ids
    assert after["recent_task"]["status"] == "cancelled"
    assert client.post(f"{project}/undelete").status_code == 200


def test_what_was_deleted_counts_for_no_quota(
    client: FlaskClient, services: Services, told: story.Told, row: str
) -> None:
    upload(client, f"{row}/{told.shot_ids[0]}", "images", png())
    with services.database.write() as session:
        session.get_one(Project, told.project_id).owner_id = "alice"
        role = {"name": "alice", "password_hash": "", "role": Role.USER}
        session.add(Account(id="alice", created_at=NOW, **role))

    def stored() -> int:
        with services.database.read() as session:
            return quotas._stored(session, "alice")

    full = stored()
    assert full > 0
    client.delete(f"{row}/{told.shot_ids[0]}?undo=1")
    assert stored() == 0
    client.post(f"{row}/{told.shot_ids[0]}/undelete")
    assert stored() == full
    client.delete(f"{V1}/projects/{told.project_id}?undo=1")
    assert stored() == 0
