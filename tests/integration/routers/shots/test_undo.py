"""A split or a merge is undone within the hour, and nothing that was made is lost by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from models.shot import Shot
from models.shot_undo import ShotUndo
from service.container import Services
from tests.contract import story
from tests.support.node.scripts import png, wav
from tests.support.removals import sweep, swept
from tests.support.shot_row import HOUR_MS, ids, is_about_now, listed, numbers, tasks, upload

KINDS = ("images", "narrations", "clips")
PATHS = ("imagePath", "audioPath", "videoPath")


def edited(client: FlaskClient, row: str, place: int, edit: str) -> dict[str, Any]:
    answer = client.post(f"{row}/{ids(client, row)[place]}/{edit}", json={"at": 5})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.get_json()
    assert is_about_now(body["undo_until"], 1)
    return body


def as_it_reads(client: FlaskClient, row: str) -> list[dict[str, Any]]:
    """All that the shots are, but for when they were changed; and their versions by what they hold."""
    found = []
    for shot in listed(client, row):
        links = {path: shot[path].partition("?")[0] for path in PATHS}
        kept = {kind: sorted(numbers(client, f"{row}/{shot['id']}", kind)) for kind in KINDS}
        found.append({**shot, **links, **kept, "updatedAt": ""})
    return found


@pytest.mark.parametrize("edit", ["split", "merge"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_was_before_is_there_again(
    client: FlaskClient, services: Services, told: story.Told, row: str, edit: str, place: int
) -> None:
    if edit == "split" and place == 2:
        client.patch(f"{row}/{told.shot_ids[2]}", json={"narration": "最后，一句。" * 3})
    first, second = told.shot_ids[place : place + 2]
    for shot, kind, content in ((first, "narrations", wav(1.0)), (second, "images", png()), (first, "images", png())):
        upload(client, f"{row}/{shot}", kind, content)
    before, files = as_it_reads(client, row), swept(services)
    edited(client, row, place, edit)
    assert ids(client, row) != told.shot_ids
    client.put(f"{row}/order", json={"order": ids(client, row)[::-1]})  # of others' places nothing is undone
    client.put(f"{row}/order", json={"order": ids(client, row)[::-1]})
    answer = client.post(f"{row}/{first}/undo").get_json()
    assert [shot["id"] for shot in answer["shots"]] == ([first] if edit == "split" else [first, second])
    assert as_it_reads(client, row) == before
    assert swept(services) == files
    assert client.post(f"{row}/{first}/undo").status_code == 404, "it is undone once"


def test_of_several_the_last_is_undone_first(client: FlaskClient, told: story.Told, row: str) -> None:
    before = as_it_reads(client, row)
    first = told.shot_ids[0]
    part = edited(client, row, 0, "split")["shots"][1]["id"]
    assert client.post(f"{row}/{part}/split", json={"at": 2}).status_code == 200
    assert client.post(f"{row}/{first}/undo").status_code == 409
    assert client.post(f"{row}/{part}/undo").status_code == 200
    assert client.post(f"{row}/{first}/undo").status_code == 200
    assert as_it_reads(client, row) == before


Change = Callable[[FlaskClient, str, str], Any]
CHANGES: dict[str, Change] = {
    "text": lambda client, row, shot: client.patch(f"{row}/{shot}", json={"narration": "别的。"}),
    "title": lambda client, row, shot: client.patch(f"{row}/{shot}", json={"title": "别的"}),
    "picture": lambda client, row, shot: upload(client, f"{row}/{shot}", "images", png()),
    "voice": lambda client, row, shot: upload(client, f"{row}/{shot}", "narrations", wav(1.0)),
    "deleted": lambda client, row, shot: client.delete(f"{row}/{shot}?undo=1"),
}


@pytest.mark.parametrize(("edit", "at"), [("split", 0), ("split", 1), ("merge", 0)])
@pytest.mark.parametrize("change", CHANGES)
def test_it_is_refused_where_a_shot_has_changed_since_and_nothing_happens(
    client: FlaskClient, told: story.Told, row: str, edit: str, at: int, change: str
) -> None:
    body = edited(client, row, 0, edit)
    shot = body["shots"][at]["id"] if edit == "split" else body["shot"]["id"]
    CHANGES[change](client, row, shot)
    before = as_it_reads(client, row)
    answer = client.post(f"{row}/{told.shot_ids[0]}/undo")
    gone = change == "deleted" and at == 0
    assert (answer.status_code, answer.get_json()["message"] != "") == (404 if gone else 409, True)
    assert as_it_reads(client, row) == before


def test_what_is_in_the_making_for_a_part_ends_with_it_and_no_version_is_lost(
    client: FlaskClient, told: story.Told, row: str
) -> None:
    first = told.shot_ids[0]
    part = edited(client, row, 0, "split")["shots"][1]["id"]
    upload(client, f"{row}/{part}", "narrations", wav(1.0))
    client.patch(f"{row}/{part}", json={"narration": "别的。"})  # which puts it aside
    client.patch(f"{row}/{part}", json={"narration": "它住在森林里。"})
    task = client.post(f"{row}/{part}/narrations", json={}).get_json()["task_id"]
    assert client.post(f"{row}/{first}/undo").status_code == 200
    assert tasks(client, row)[task] == "cancelled"
    assert numbers(client, f"{row}/{first}", "narrations") == [(1, False)]


def test_it_is_forgotten_after_the_hour_and_with_its_project(
    client: FlaskClient, services: Services, told: story.Told, row: str
) -> None:
    def kept() -> int:
        with services.database.read() as session:
            return session.query(ShotUndo).count()

    edited(client, row, 0, "split")
    sweep(services, ahead_ms=HOUR_MS - 120_000)
    assert kept() == 1
    sweep(services, ahead_ms=HOUR_MS + 1000)
    assert kept() == 0
    assert client.post(f"{row}/{told.shot_ids[0]}/undo").status_code == 404
    edited(client, row, 2, "merge")
    with services.database.write() as session:
        [undo] = session.query(ShotUndo)
        undo.until_ms = 1
    assert client.post(f"{row}/{undo.shot_id}/undo").status_code == 404, "it is too late, though it is there"
    client.delete(row.removesuffix("/shots"))
    assert kept() == 0


def test_what_the_go_backend_left_is_put_back_as_it_was(
    client: FlaskClient, services: Services, told: story.Told, row: str
) -> None:
    """Its shots have their words in the description alone."""
    with services.database.write() as session:
        session.get_one(Shot, told.shot_ids[0]).narration = None
    edited(client, row, 0, "split")
    assert client.post(f"{row}/{told.shot_ids[0]}/undo").status_code == 200
    with services.database.read() as session:
        shot = session.get_one(Shot, told.shot_ids[0])
        assert (shot.narration, shot.description) == (None, "一只狐狸。它住在森林里。")
