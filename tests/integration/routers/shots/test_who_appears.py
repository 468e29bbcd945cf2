"""Who appears in a shot: the same in every answer and message."""

from __future__ import annotations

import io
from typing import Any

import websocket
from flask import Flask
from flask.testing import FlaskClient

from models.cast_member import CastMember
from service.container import Services
from tests.contract import story
from tests.support.node.scripts import png
from tests.support.shot_row import ids
from tests.support.web_app import HEAR_S, hear, serving


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
