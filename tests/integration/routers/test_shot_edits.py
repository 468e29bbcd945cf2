"""A project's row of shots over HTTP: inserted, copied, parted, joined, moved, changed; deleted and had back; two people at once."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import websocket
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from config.settings import Settings
from models import deletion, queries
from models.account import Account, Role
from models.asset import Asset, AssetKind
from models.cast_member import CastMember
from models.project import Project
from models.shot import Shot
from models.task import Task, TaskStatus
from routers.websocket import follow
from service.access import quotas
from service.container import Services
from service.film.spec import MAX_SHOTS
from service.film_contents import CONTENTS, contents
from tests.contract import story
from tests.support.columns import DATABASES, address_of
from tests.support.model_servers import pictures
from tests.support.node.scripts import png, wav
from tests.support.removals import sweep, swept
from tests.support.soak import soaking
from tests.support.web_app import HEAR_S, NOW, hear, make_settings, serving

V1 = "/v1/api"
HOUR_MS = 3_600_000
TEXTS = ["一只狐狸。它住在森林里。", "A bear came. It was big.", "最后一句。", ""]


@pytest.fixture(params=soaking(DATABASES, keep=1))
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    return make_settings(tmp_path / "data", address_of(request.param, request))


@pytest.fixture
def told(client: FlaskClient, services: Services) -> story.Told:
    """A project of four painted shots with these texts."""
    made = story.finish(services, story.create(client, StoryText=story.STORY, ShotCount=len(TEXTS)))
    with services.database.write() as session:
        for shot_id, text in zip(made.shot_ids, TEXTS, strict=True):
            shot = session.get_one(Shot, shot_id)
            shot.narration = shot.description = text
    return made


@pytest.fixture
def row(told: story.Told) -> str:
    return f"{V1}/projects/{told.project_id}/shots"


def listed(client: FlaskClient, row: str) -> list[dict[str, Any]]:
    found = client.get(row).get_json()["shots"]
    assert [shot["order"] for shot in found] == list(range(1, len(found) + 1))
    return list(found)


def ids(client: FlaskClient, row: str) -> list[str]:
    return [shot["id"] for shot in listed(client, row)]


def upload(client: FlaskClient, shot: str, kind: str, content: bytes) -> TestResponse:
    answer = client.post(f"{shot}/{kind}", data={"file": (io.BytesIO(content), "x")})
    assert answer.status_code == 201, answer.text
    return answer


def numbers(client: FlaskClient, shot: str, kind: str) -> list[tuple[int, bool]]:
    return [(one["number"], one["current"]) for one in client.get(f"{shot}/{kind}/versions").get_json()["versions"]]


def tasks(client: FlaskClient, row: str) -> dict[str, str]:
    found = client.get(row.removesuffix("shots") + "tasks").get_json()["tasks"]
    return {task["id"]: task["status"] for task in found}


def test_a_shot_is_inserted_where_it_is_asked_for(client: FlaskClient, told: story.Told, row: str) -> None:
    first, second, *rest = told.shot_ids
    words = {"title": "新", "prompt": "a hill", "narration": "山。", "transition": "fade", "motion": "none"}
    answer = client.post(row, json={"after": first, **words})
    assert answer.status_code == 201
    behind = answer.get_json()["shot"]
    assert {name: behind[name] for name in words} == words
    assert (behind["order"], behind["status"], behind["imagePath"], behind["audioPath"]) == (2, "pending", "", "")
    at_start = client.post(row, json={"after": None}).get_json()["shot"]["id"]
    at_end = client.post(row).get_json()["shot"]["id"]
    assert ids(client, row) == [at_start, first, behind["id"], second, *rest, at_end]


def test_a_copy_stands_behind_its_shot_and_outlives_it(
    client: FlaskClient, services: Services, told: story.Told, row: str
) -> None:
    shot = f"{row}/{told.shot_ids[0]}"
    for kind, content in (("images", png()), ("narrations", wav(1.5)), ("clips", pictures.clip(64, 64, 10, 10, "x"))):
        upload(client, shot, kind, content)
    original = client.get(shot).get_json()["shot"]
    answer = client.post(f"{shot}/duplicate")
    assert answer.status_code == 201
    twin = answer.get_json()["shot"]
    assert ids(client, row) == [told.shot_ids[0], twin["id"], *told.shot_ids[1:]]
    for name in ("title", "prompt", "narration", "transition", "motion", "duration", "status"):
        assert twin[name] == original[name]
    paths = ("imagePath", "audioPath", "videoPath")
    assert all(twin[path] and twin[path] != original[path] for path in paths)
    assert [numbers(client, f"{row}/{twin['id']}", kind) for kind in ("images", "narrations", "clips")] == [
        [(1, True)]
    ] * 3
    client.delete(f"{V1}/shots/{told.shot_ids[0]}")
    kept = swept(services, f"projects/{told.project_id}/shots/{twin['id']}")
    assert len(kept) == len(paths)


@pytest.mark.parametrize(
    ("place", "at", "texts"),
    [(0, 5, ("一只狐狸。", "它住在森林里。")), (1, 12, ("A bear came.", "It was big.")), (2, 1, ("最", "后一句。"))],
)
def test_a_shot_parts_with_its_picture_in_the_first_and_no_narration(
    client: FlaskClient, told: story.Told, row: str, place: int, at: int, texts: tuple[str, str]
) -> None:
    shot_id = told.shot_ids[place]
    upload(client, f"{row}/{shot_id}", "narrations", wav(1.0))
    before = client.get(f"{row}/{shot_id}").get_json()["shot"]
    first, second = client.post(f"{row}/{shot_id}/split", json={"at": at}).get_json()["shots"]
    assert (first["narration"], second["narration"]) == texts
    assert (first["id"], first["imagePath"], second["imagePath"]) == (shot_id, before["imagePath"], "")
    assert (first["audioPath"], first["duration"], second["audioPath"]) == ("", 0, "")
    assert (second["prompt"], second["title"], second["status"]) == (before["prompt"], before["title"], "pending")
    assert ids(client, row) == [*told.shot_ids[: place + 1], second["id"], *told.shot_ids[place + 1 :]]
    assert numbers(client, f"{row}/{shot_id}", "narrations") == [(1, False)]


@pytest.mark.parametrize("at", [0, -1, 12, 13, 10**12, "x", None])
def test_a_split_that_leaves_nothing_on_one_side_is_refused_with_the_limit(
    client: FlaskClient, told: story.Told, row: str, at: Any
) -> None:
    answer = client.post(f"{row}/{told.shot_ids[0]}/split", json={"at": at})
    assert (answer.status_code, answer.get_json()["field"]) == (400, "at")
    assert ids(client, row) == told.shot_ids


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (0, "一只狐狸。它住在森林里。A bear came. It was big."),
        (1, "A bear came. It was big.最后一句。"),
        (2, "最后一句。"),
    ],
)
def test_two_shots_become_one_with_the_first_ones_picture_and_all_versions(
    client: FlaskClient, services: Services, told: story.Told, row: str, place: int, text: str
) -> None:
    first, second = told.shot_ids[place : place + 2]
    upload(client, f"{row}/{first}", "images", png())
    upload(client, f"{row}/{first}", "narrations", wav(1.0))
    upload(client, f"{row}/{second}", "narrations", wav(1.0))
    before = client.get(f"{row}/{first}").get_json()["shot"]
    merged = client.post(f"{row}/{first}/merge").get_json()["shot"]
    assert (merged["id"], merged["narration"], merged["imagePath"]) == (first, text, before["imagePath"])
    assert merged["audioPath"] == (before["audioPath"] if text == before["narration"] else "")
    assert ids(client, row) == [shot_id for shot_id in told.shot_ids if shot_id != second]
    assert sorted(numbers(client, f"{row}/{first}", "images")) == [(1, False), (2, True), (3, False)]
    restored = client.post(f"{row}/{first}/images/versions/3/restore").get_json()["shot"]
    assert second in restored["imagePath"]
    assert len(swept(services, f"projects/{told.project_id}/")) == len(told.shot_ids) + 3
    assert len(numbers(client, f"{row}/{first}", "narrations")) == 2


def test_the_last_shot_has_none_to_be_joined_with(client: FlaskClient, told: story.Told, row: str) -> None:
    assert client.post(f"{row}/{told.shot_ids[-1]}/merge").status_code == 409


def test_an_edit_stops_what_is_in_the_making_for_what_is_gone_and_nothing_else(
    client: FlaskClient, told: story.Told, row: str
) -> None:
    images = [client.post(f"{row}/{shot_id}", json={"prompt": "x"}).get_json()["task_id"] for shot_id in told.shot_ids]
    client.post(row.removesuffix("shots") + "tts", json={})
    client.post(f"{row}/{told.shot_ids[0]}/split", json={"at": 5})
    client.post(f"{row}/{told.shot_ids[1]}/merge")
    found = tasks(client, row)
    assert [found[task] for task in images] == ["pending", "pending", "cancelled", "pending"]
    said = client.get(row.removesuffix("shots") + "tasks").get_json()["tasks"]
    open_texts = [
        task["parameters"]["tts"]["text"]
        for task in said
        if task["type"] == "generate_audio" and task["status"] == "pending" and "shotId" in task
    ]
    assert sorted(open_texts) == sorted(["一只狐狸。", "A bear came. It was big.最后一句。"])


def test_shots_are_put_into_another_order(client: FlaskClient, told: story.Told, row: str) -> None:
    turned = told.shot_ids[::-1]
    answer = client.put(f"{row}/order", json={"order": turned}).get_json()
    assert [(shot["id"], shot["order"]) for shot in answer["shots"]] == [(one, at) for at, one in enumerate(turned, 1)]
    assert ids(client, row) == turned


@pytest.mark.parametrize("wrong", ["none", "less", "more", "twice", "text", "numbers"])
def test_an_order_that_is_not_of_these_shots_is_refused(
    client: FlaskClient, told: story.Told, row: str, wrong: str
) -> None:
    one = told.shot_ids
    order: Any = {
        "none": [],
        "less": one[1:],
        "more": [*one, "x"],
        "twice": [*one[1:], one[1]],
        "text": "x",
        "numbers": [1],
    }
    status = 400 if wrong in ("text", "numbers") else 409
    assert client.put(f"{row}/order", json={"order": order[wrong]}).status_code == status
    assert ids(client, row) == one


def test_several_shots_change_each_by_itself(
    client: FlaskClient, services: Services, told: story.Told, row: str
) -> None:
    first, second, third, _ = told.shot_ids
    upload(client, f"{row}/{second}", "narrations", wav(1.0))
    tag = client.get(f"{row}/{third}").headers["ETag"]
    client.patch(f"{row}/{third}", json={"title": "别人的"})
    asked = [
        {"id": first, "title": "一", "prompt": ""},
        {"id": second, "narration": "别的。"},
        {"id": third, "title": "我的", "if_match": tag},
        {"id": "nobody", "title": "x"},
        {"title": "x"},
        {"id": first, "motion": "sideways"},
        {"id": first, "title": "一" * 300},
        {"id": first, "transition": "fade", "if_match": "*"},
    ]
    results = client.patch(row, json={"shots": asked}).get_json()["results"]
    assert [one["status"] for one in results] == [200, 200, 412, 404, 400, 400, 400, 200]
    assert [one.get("field", "") for one in results] == ["", "", "", "", "id", "motion", "title", ""]
    assert results[2]["shot"]["title"] == "别人的"
    shown = {shot["id"]: shot for shot in listed(client, row)}
    assert (shown[first]["title"], shown[first]["prompt"], shown[first]["transition"]) == ("一", "", "fade")
    assert (shown[second]["narration"], shown[second]["audioPath"], shown[third]["title"]) == ("别的。", "", "别人的")
    assert set(tasks(client, row).values()) == {"finished"}, "nothing is painted or spoken"


@pytest.mark.parametrize("shots", [None, [], "x", [1], [{"id": "x"}] * (MAX_SHOTS + 1)])
def test_a_change_of_no_shots_or_of_too_many_is_refused(client: FlaskClient, row: str, shots: Any) -> None:
    answer = client.patch(row, json={"shots": shots})
    assert (answer.status_code, answer.get_json()["field"]) == (400, "shots")


EDITS: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "", {}),
    ("POST", "/{shot}/duplicate", {}),
    ("POST", "/{shot}/split", {"at": 5}),
    ("POST", "/{shot}/merge", {}),
    ("PUT", "/order", {"order": []}),
]


@pytest.mark.parametrize(("method", "path", "body"), EDITS)
def test_an_edit_is_refused_while_the_storyboard_that_replaces_the_shots_is_in_the_making(
    client: FlaskClient, services: Services, told: story.Told, row: str, method: str, path: str, body: dict[str, Any]
) -> None:
    with services.database.write() as session:
        session.get_one(Task, told.text_task_id).status = TaskStatus.PROCESSING
    answer = client.open(row + path.format(shot=told.shot_ids[0]), method=method, json=body)
    assert answer.status_code == 409
    assert ids(client, row) == told.shot_ids
    unknown = client.open(row.replace(told.project_id, "nobody") + path.format(shot="x"), method=method, json=body)
    assert unknown.status_code == 404


def test_numbers_have_neither_gap_nor_double_whoever_edits_at_the_same_time(
    app: Flask, client: FlaskClient, told: story.Told, row: str
) -> None:
    """Whatever an edit is answered (the shot may be gone, the order another one by then), it is no fault of ours."""

    def edit(seed: int) -> int:
        chance, mine = random.Random(seed), app.test_client()
        there = [shot["id"] for shot in mine.get(row).get_json()["shots"]]
        one = chance.choice(there)
        edits: list[Callable[[], TestResponse]] = [
            lambda: mine.post(row, json={"after": one, "narration": "一。二。"}),
            lambda: mine.post(f"{row}/{one}/split", json={"at": 2}),
            lambda: mine.post(f"{row}/{one}/merge"),
            lambda: mine.put(f"{row}/order", json={"order": chance.sample(there, len(there))}),
            lambda: mine.delete(f"{V1}/shots/{one}") if len(there) > 3 else mine.post(row),
            lambda: mine.delete(f"{row}/{one}?undo=1") if len(there) > 3 else mine.post(row),
            lambda: mine.post(f"{row}/{one}/undelete"),
        ]
        return chance.choice(edits)().status_code

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(edit, range(48)))
    assert set(answers) <= {200, 201, 400, 404, 409}
    assert len(listed(client, row)) >= 1


def shown(body: Any) -> dict[str, list[str]]:
    """Who appears in each of the shots that an answer or a message has, wherever in it."""
    if isinstance(body, list):
        return {shot: cast for one in body for shot, cast in shown(one).items()}
    if not isinstance(body, dict):
        return {}
    return {body["id"]: body["cast"]} if "imagePath" in body else shown(list(body.values()))


def test_every_answer_and_message_says_the_same_of_who_appears_in_a_shot(
    app: Flask, client: FlaskClient, services: Services, told: story.Told, row: str
) -> None:
    project, (first, second, *_) = row.removesuffix("/shots"), told.shot_ids
    with services.database.write() as session:
        names = enumerate(("狐狸", "Bear", "山"), start=1)
        session.add_all(
            CastMember(project_id=told.project_id, position=place, id=name, name=name) for place, name in names
        )
    old, stale = f"{row}/{first}", {"If-Match": '"old"'}
    picture = {"data": {"file": (io.BytesIO(png()), "x")}}
    asked: list[tuple[str, str, Any, int]] = [
        ("GET", project, {}, 200),
        ("GET", old, {}, 200),
        ("POST", row, {"json": {"after": first, "narration": "狐狸看见了山。"}}, 201),
        ("POST", f"{old}/duplicate", {}, 201),
        ("PUT", f"{row}/order", {}, 200),
        ("POST", f"{old}/split", {"json": {"at": 5}}, 200),
        ("POST", f"{old}/merge", {}, 200),
        ("PATCH", old, {"json": {"prompt": "a bear"}}, 200),
        ("PATCH", row, {"json": {"shots": [{"id": first, "title": "山"}, {"id": second, "if_match": "old"}]}}, 200),
        *((method, old, {"json": {"title": "x"}, "headers": stale}, 412) for method in ("PATCH", "POST", "DELETE")),
        ("POST", f"{old}/images", picture, 201),
        ("POST", f"{old}/images/versions/1/restore", {}, 200),
        ("POST", f"{old}/undelete", {}, 200),
    ]
    for method, path, sent, status in asked:
        given = {"json": {"order": ids(client, row)}} if path.endswith("/order") else sent
        answer = client.open(path, method=method, **given)
        assert answer.status_code == status, answer.text
        found, now = shown(answer.get_json()), shown(client.get(row).get_json())
        assert found, f"{method} {path} has no shot"
        assert found == {shot: now[shot] for shot in found}, f"{method} {path}"
        assert any(found.values()), f"{method} {path} shows nobody"
    with serving(app) as address:
        feed = websocket.create_connection(f"ws://{address}{project}/feed", timeout=HEAR_S)
        assert shown(hear(feed)) == now
        feed.shutdown()  # type: ignore[no-untyped-call]


# Two people at once


def test_who_knew_an_older_state_is_told_the_present_one_and_changes_nothing(
    client: FlaskClient, told: story.Told, row: str
) -> None:
    shot, project = f"{row}/{told.shot_ids[0]}", f"{V1}/projects/{told.project_id}"
    for place, name, detail in ((shot, "shot", "shot"), (project, "project", "project_detail")):
        method = "PATCH" if name == "shot" else "PUT"
        old = client.get(place).headers["ETag"]
        made = client.open(place, method=method, json={"title": "先"}, headers={"If-Match": old})
        assert made.status_code == 200
        for sent in (method, "DELETE"):
            late = client.open(place, method=sent, json={"title": "后"}, headers={"If-Match": old})
            assert (late.status_code, late.get_json()["code"], late.get_json()[name]["title"]) == (412, 412, "先")
            assert client.get(place).get_json()[detail]["title"] == "先"
        assert client.delete(f"{place}?undo=1", headers={"If-Match": old}).status_code == 412
        known = [made.headers["ETag"], f"W/{late.headers['ETag']}", f'"other", {late.headers["ETag"]}', "*"]
        for tag in known:
            assert client.open(place, method=method, json={"title": "先"}, headers={"If-Match": tag}).status_code == 200
    assert client.post(shot, json={"title": "x"}, headers={"If-Match": '"x"'}).status_code == 412
    assert client.delete(f"{V1}/shots/{told.shot_ids[0]}", headers={"If-Match": '"x"'}).status_code == 412


def test_a_tag_is_another_for_another_answer_and_stands_while_others_come_and_go(
    client: FlaskClient, told: story.Told, row: str
) -> None:
    shot, project = f"{row}/{told.shot_ids[1]}", f"{V1}/projects/{told.project_id}"
    tag, whole = client.get(shot).headers["ETag"], client.get(project).headers["ETag"]
    assert client.get(shot).headers["ETag"] == tag
    client.post(row, json={"after": None})
    assert client.get(shot).headers["ETag"] != tag, "its order is another"
    assert client.get(project).headers["ETag"] != whole, "it has another shot"
    assert client.patch(shot, json={"title": "我"}, headers={"If-Match": tag}).status_code == 200
    assert client.put(project, json={"title": "我"}, headers={"If-Match": whole}).status_code == 200
    assert client.patch(shot, json={"title": "你"}, headers={"If-Match": tag}).status_code == 412


def test_of_two_who_save_at_once_one_is_told(app: Flask, client: FlaskClient, told: story.Told, row: str) -> None:
    shot = f"{row}/{told.shot_ids[0]}"
    for turn in range(5):
        tag = client.get(shot).headers["ETag"]

        def save(name: str, tag: str = tag) -> int:
            return app.test_client().patch(shot, json={"title": name}, headers={"If-Match": tag}).status_code

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(save, [f"{turn}a", f"{turn}b"])) == [200, 412]


# Deleted, and had back


def is_about_now(text: str, hours: int) -> bool:
    then = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    return abs((then - datetime.now(timezone.utc)).total_seconds() - hours * 3600) < 60


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


# What a film was made of


def film(services: Services, project_id: str, **asked: Any) -> None:
    """A film of the shots as they are, and the project shows it."""
    with services.database.write() as session:
        key = f"projects/{project_id}/films/1.mp4"
        shots = queries.shots(session, project_id)
        details = {"parameters": asked, CONTENTS: contents(shots, asked)}
        common = {"kind": AssetKind.FILM, "number": 1, "created_at": NOW, "stored_at": NOW}
        session.add(Asset(object_key=key, project_id=project_id, details=details, **common))
        session.get_one(Project, project_id).video_url = key


Step = tuple[str, str, dict[str, Any]]
CHANGES: dict[str, tuple[Step, list[int]]] = {
    "nothing": (("PATCH", "/{0}", {"prompt": "only for the next image"}), []),
    "text": (("PATCH", "/{0}", {"narration": "别的。"}), [0]),
    "title": (("PATCH", "/{3}", {"title": "别的"}), [3]),
    "transition": (("PATCH", "/{1}", {"transition": "fade"}), [1]),
    "motion": (("PATCH", "/{2}", {"motion": "none"}), [2]),
    "moved": (("PUT", "/order", {"order": ["{3}", "{0}", "{1}", "{2}"]}), [3]),
    "turned": (("PUT", "/order", {"order": ["{1}", "{0}", "{2}", "{3}"]}), [1]),
    "deleted": (("DELETE", "/{1}", {}), [1]),
    "deleted for an hour": (("DELETE", "/{1}?undo=1", {}), [1]),
    "joined": (("POST", "/{0}/merge", {}), [0, 1]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_film_is_stale_by_the_shots_that_have_changed(
    client: FlaskClient, services: Services, told: story.Told, row: str, change: str
) -> None:
    project = row.removesuffix("/shots")
    film(services, told.project_id)
    (method, path, body), expected = CHANGES[change]
    filled = {
        name: [one.format(*told.shot_ids) for one in value] if name == "order" else value
        for name, value in body.items()
    }
    assert client.get(project).get_json()["film"]["stale"] is False
    client.open(row + path.format(*told.shot_ids), method=method, json=filled)
    wanted = [told.shot_ids[at] for at in expected]
    for found in (client.get(project).get_json()["film"], client.get(f"{project}/films").get_json()["films"][0]):
        assert (found["stale_shots"], found["stale"]) == (wanted, bool(wanted))
    if change == "deleted for an hour":
        client.post(f"{row}/{told.shot_ids[1]}/undelete")
        assert client.get(project).get_json()["film"]["stale"] is False


def test_another_version_makes_it_stale_and_the_one_that_it_shows_does_not(
    client: FlaskClient, services: Services, told: story.Told, row: str
) -> None:
    project, shot = row.removesuffix("/shots"), f"{row}/{told.shot_ids[0]}"
    film(services, told.project_id)

    def stale() -> list[str]:
        return list(client.get(project).get_json()["film"]["stale_shots"])

    upload(client, shot, "images", png())
    inserted = client.post(row, json={"after": told.shot_ids[0]}).get_json()["shot"]["id"]
    assert stale() == [told.shot_ids[0], inserted]
    client.post(f"{shot}/images/versions/1/restore")
    client.delete(f"{V1}/shots/{inserted}")
    assert stale() == []


def test_what_was_asked_for_all_shots_hides_what_one_says_and_an_older_film_is_never_stale(
    client: FlaskClient, services: Services, told: story.Told, row: str
) -> None:
    project, shot = row.removesuffix("/shots"), f"{row}/{told.shot_ids[0]}"
    film(services, told.project_id, transition="cut", narration="none")
    client.patch(shot, json={"transition": "fade"})
    upload(client, shot, "narrations", wav(1.0))
    assert client.get(project).get_json()["film"]["stale"] is False
    client.patch(shot, json={"title": "x"})
    assert client.get(project).get_json()["film"]["stale"] is True
    with services.database.write() as session:
        session.get_one(Asset, f"projects/{told.project_id}/films/1.mp4").details = {"duration": 3}
    assert client.get(project).get_json()["film"]["stale"] is False
    with services.database.write() as session:
        session.get_one(Project, told.project_id).video_url = "https://elsewhere.example/film.mp4"
    assert client.get(project).get_json()["film"] is None
