"""A project's row of shots over HTTP: inserted, copied, parted, joined, moved, changed."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from models.task import Task, TaskStatus
from service.container import Services
from service.film.spec import MAX_SHOTS
from tests.contract import story
from tests.support.model_servers import pictures
from tests.support.node.scripts import png, wav
from tests.support.removals import swept
from tests.support.shot_row import V1, ids, listed, numbers, tasks, upload


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
