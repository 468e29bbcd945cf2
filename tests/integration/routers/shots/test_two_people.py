"""Two people who change one shot or one project at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from flask import Flask
from flask.testing import FlaskClient

from tests.contract import story
from tests.support.shot_row import V1


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
