"""Bad input of every kind, on both databases: a clear 4xx that names the field and the limit, and nothing is stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from config.settings import Settings
from models.asset import Asset
from models.base import new_id
from models.outbox import Removal
from models.project import Project
from models.shot import Shot, ShotStatus
from models.task import Task
from service.container import Services
from tests.support.columns import DATABASES, address_of
from tests.support.soak import soaking
from tests.support.web_app import make_settings

V1 = "/v1/api"
STORY = "从前有一只狐狸。"
JSON = "application/json"
NUL, MEGABYTE = "a\x00b", "t" * (1 << 20)

Case = tuple[str, str, dict[str, Any], int, str, str]
"""Method, path, what is sent, then what must come: status, field, and a word of the message (the limit, where there is one)."""


@pytest.fixture(params=DATABASES)
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    address = address_of(request.param, request)
    return make_settings(tmp_path / "data", address)


# For a test of what is refused before a database is asked.
others_by_soak = pytest.mark.parametrize("settings", soaking(DATABASES, keep=1), indirect=True)


@pytest.fixture
def ids(client: FlaskClient, services: Services) -> dict[str, str]:
    """A project with a shot and waiting tasks."""
    created = client.post(f"{V1}/projects", json={"StoryText": STORY, "ShotCount": 1}).get_json()
    now = services.clock.now()
    common = {"title": "", "status": ShotStatus.PENDING, "created_at": now, "updated_at": now}
    shot = Shot(id=new_id(), project_id=created["project_id"], order=1, narration="旁白", **common)
    with services.database.write() as session:
        session.add(shot)
    return {"project": created["project_id"], "shot": shot.id, "task": created["text_task_id"]}


def everywhere(method: str, path: str, params: dict[str, str], field: str, limit: str) -> list[Case]:
    """The same parameters in the query string, as JSON and as a form."""
    places = ("query_string", "json", "data")
    return [(method, path, {place: params}, 400, field, limit) for place in places]


NO_TEXTS: tuple[Any, ...] = (1, [], {}, True)
NO_NUMBERS: tuple[Any, ...] = (True, [], 2.5, {})


def bad_values(method: str, path: str) -> list[Case]:
    """What neither a new project nor a change of one may hold."""
    ok = {"StoryText": "新的故事。"}
    return [
        *everywhere(method, path, {"StoryText": "字" * 20_001}, "StoryText", "20000"),
        *everywhere(method, path, {"story_text": NUL}, "story_text", "NUL"),
        *everywhere(method, path, {**ok, "Title": NUL}, "Title", "NUL"),
        *everywhere(method, path, {**ok, "Title": "t" * 201}, "Title", "200"),
        *everywhere(method, path, {**ok, "Style": "s" * 65}, "Style", "64"),
        *everywhere(method, path, {**ok, "Description": "字" * 20_001}, "Description", "20000"),
        *(
            case
            for count in ("0", "-1", "1000", "x", "1.5", "1e2", "9" * 5000)
            for case in everywhere(method, path, {**ok, "ShotCount": count}, "ShotCount", "")
        ),
        *everywhere(method, path, {**ok, "shot_count": "61"}, "shot_count", "1 到 60"),
        *((method, path, {"json": {**ok, "Title": value}}, 400, "Title", "文本") for value in NO_TEXTS),
        *((method, path, {"json": {**ok, "ShotCount": value}}, 400, "ShotCount", "") for value in NO_NUMBERS),
        (method, path, {"json": {"StoryText": 5}}, 400, "StoryText", "文本"),
        (method, path, {"json": {"StoryText": ["从前"]}}, 400, "StoryText", "文本"),
        (method, path, {"query_string": "StoryText=%ff%fe"}, 400, "StoryText", "UTF-8"),
        (
            method,
            path,
            {"data": b"StoryText=\xff", "content_type": "application/x-www-form-urlencoded"},
            400,
            "",
            "UTF-8",
        ),
        (method, path, {"data": '{"StoryText": "\\ud800"}', "content_type": JSON}, 400, "StoryText", "UTF-8"),
        *((method, path, {"data": body, "content_type": JSON}, 400, "body", "JSON") for body in BROKEN),
        (method, path, {"data": "a story", "content_type": "text/plain"}, 400, "body", "JSON"),
        (method, f"{path}?StoryText=a&Title={MEGABYTE}", {}, 414, "", "262144"),
        (method, path, {"json": {**ok, "Title": MEGABYTE}}, 413, "", "200000"),
        (method, path, {"data": {**ok, "Title": MEGABYTE}}, 413, "", "200000"),
        (method, path, {"json": {**ok, "Title": MEGABYTE[:100_000]}}, 400, "Title", "200"),
    ]


BROKEN = (
    "{",
    '{"StoryText": "a"',
    "{]",
    "[]",
    "[1]",
    '"a"',
    "1",
    "true",
    "NaN",
    '{"ShotCount": NaN}',
    "[" * 5000,
    b"\xff",
)


def cases(project: str, shot: str, task: str) -> list[Case]:
    create, change = f"{V1}/projects", f"{V1}/projects/{project}"
    image, film, voice = f"{change}/shots/{shot}", f"{change}/video", f"{change}/tts"
    return [
        ("POST", create, {}, 400, "StoryText", "不能为空"),
        *everywhere("POST", create, {"StoryText": ""}, "StoryText", "不能为空"),
        *everywhere("POST", create, {"StoryText": " \n "}, "StoryText", "不能为空"),
        *everywhere("POST", create, {"StoryText": "\u200b\ufeff \u2060"}, "StoryText", "不能为空"),
        ("POST", create, {"json": {"StoryText": None}}, 400, "StoryText", "不能为空"),
        *bad_values("POST", create),
        *everywhere("PUT", change, {"StoryText": ""}, "StoryText", "不能为空"),
        *bad_values("PUT", change),
        *everywhere("POST", image, {"title": NUL}, "title", "NUL"),
        *everywhere("POST", image, {"title": "t" * 201}, "title", "200"),
        *everywhere("POST", image, {"prompt": "p" * 4001}, "prompt", "4000"),
        *everywhere("POST", image, {"Transition": "x" * 65}, "Transition", "64"),
        *everywhere("POST", image, {"narration": "字" * 20_001}, "narration", "20000"),
        ("POST", image, {"json": {"prompt": ["a"]}}, 400, "prompt", "文本"),
        ("POST", image, {"json": {"title": MEGABYTE}}, 413, "", "200000"),
        *everywhere("POST", film, {"resolution": "big"}, "resolution", "1280x720"),
        *everywhere("POST", film, {"resolution": "8000x8000"}, "resolution", "4096"),
        *everywhere("POST", film, {"resolution": "101x101"}, "resolution", "偶数"),
        *everywhere("POST", film, {"fps": "61"}, "fps", "60"),
        *everywhere("POST", film, {"fps": "fast"}, "fps", "整数"),
        *everywhere("POST", film, {"format": "avi"}, "format", "mp4"),
        *everywhere("POST", film, {"mode": "best"}, "mode", "preview"),
        *everywhere("POST", film, {"rate_control": "cbr"}, "bitrate", "100"),
        *everywhere("POST", film, {"shot_id": "../../etc/passwd"}, "shot_id", "编号"),
        *everywhere("POST", film, {"first_seconds": "inf"}, "first_seconds", ""),
        *everywhere("POST", voice, {"sample_rate": "-1"}, "sample_rate", "0"),
        *everywhere("POST", voice, {"format": "flac"}, "format", "mp3"),
        *everywhere("POST", voice, {"speed": "9"}, "speed", "2"),
        *everywhere("POST", voice, {"voice": NUL}, "voice", "NUL"),
        ("GET", create, {"query_string": {"page": "0"}}, 400, "page", "1"),
        ("GET", create, {"query_string": {"page_size": "1000"}}, 400, "page_size", "100"),
        ("GET", create, {"query_string": {"q": NUL}}, 400, "q", "NUL"),
        *(
            (method, path.replace("?", bad), {}, 0, "", "")
            for method, path in ADDRESSES
            for bad in ("../x", "..%2Fx", "..%5cx", "%2e%2e", "%2e%2e%2f", "a%00b", "x" * 65, "a%20", "%0a")
        ),
        *(
            ("GET", path.replace("?", odd), {}, 404, "", "")
            for path in (f"{V1}/tasks/?",)
            for odd in (task.upper(), "狐狸")
        ),
        ("GET", f"{V1}/projects/{project.upper()}", {}, 404, "", ""),
        ("POST", f"{V1}/tasks/{task.upper()}/cancel", {}, 404, "", ""),
    ]


ADDRESSES = [
    ("GET", f"{V1}/projects/?"),
    ("PUT", f"{V1}/projects/?"),
    ("DELETE", f"{V1}/projects/?"),
    ("GET", f"{V1}/projects/?/shots"),
    ("GET", f"{V1}/projects/?/shots/x"),
    ("GET", f"{V1}/projects/x/shots/?"),
    ("POST", f"{V1}/projects/x/shots/?"),
    ("DELETE", f"{V1}/shots/?"),
    ("POST", f"{V1}/projects/?/video"),
    ("POST", f"{V1}/projects/?/tts"),
    ("GET", f"{V1}/projects/?/tasks"),
    ("GET", f"{V1}/projects/?/films"),
    ("GET", f"{V1}/tasks/?"),
    ("POST", f"{V1}/tasks/?/cancel"),
    ("POST", f"{V1}/tasks/?/retry"),
]


def everything_stored(services: Services) -> list[Any]:
    """Every row, and how many tasks are queued."""
    with services.database.read() as session:
        rows = [
            {column.key: getattr(row, column.key) for column in table.__mapper__.column_attrs}
            for table in (Project, Shot, Task, Asset, Removal)
            for row in session.scalars(select(table))
        ]
    return [*rows, services.queue.waiting(), sorted(services.store.list(""))]


def test_bad_input_is_refused_in_words_and_nothing_is_stored(
    client: FlaskClient, services: Services, ids: dict[str, str]
) -> None:
    before = everything_stored(services)
    wrong = []
    for method, path, sent, status, field, word in cases(**ids):
        answer = client.open(path, method=method, **sent)
        body = answer.get_json(silent=True) or {}
        is_told = answer.status_code == status if status else answer.status_code in (404, 405)
        if not (
            is_told
            and body.get("error")
            and word in body["error"]
            and body.get("field", "") == (field or body.get("field", ""))
        ):
            wrong.append(f"{method} {path[:80]} {str(sent)[:80]}: {answer.status_code} {answer.text[:200]}")
    assert wrong == []
    assert everything_stored(services) == before


def test_the_surfaces_for_older_clients_are_as_strict(
    client: FlaskClient, services: Services, ids: dict[str, str]
) -> None:
    before = everything_stored(services)
    for sent in (
        {"type": "updateShot", "shotId": ids["shot"], "parameters": {"shot": {"image_llm": NUL}}},
        {"type": "updateShot", "shotId": ids["shot"], "parameters": {"shot": {"image_llm": "p" * 4001}}},
        {"type": "updateShot", "shotId": "../x"},
        {"type": "generateVideo", "projectId": ids["project"], "parameters": {"video": {"resolution": "big"}}},
        {"type": "generateVideo", "projectId": ["x"]},
        {"type": "generateVideo", "projectId": "\ud800"},
        {"type": "updateShot", "shotId": "a\udfff"},
    ):
        answer = client.post(f"{V1}/tasks", data=json.dumps(sent), content_type=JSON)
        assert 400 <= answer.status_code < 500, sent
        assert answer.get_json()["error"]
    assert everything_stored(services) == before


def test_emoji_and_rare_characters_come_back_as_they_went(client: FlaskClient, ids: dict[str, str]) -> None:
    text = "👩\u200d👩\u200d👧 𠮷野家 e\u0301 \u202e 🎬"
    sent = {"Title": text, "StoryText": text, "Style": text, "Description": text, "ShotCount": 1}
    created = client.post(f"{V1}/projects", json=sent).get_json()
    body = client.get(f"{V1}/projects/{created['project_id']}").get_json()["project_detail"]
    assert [body[name] for name in ("title", "storyText", "style", "description")] == [text] * 4
    task = client.get(f"{V1}/tasks/{created['text_task_id']}").get_json()["task"]
    assert task["parameters"]["shot_defaults"]["storyText"] == text
    address = f"{V1}/projects/{ids['project']}/shots/{ids['shot']}"
    client.post(address, query_string={"title": text, "prompt": text, "narration": text, "transition": text})
    shot = client.get(address).get_json()["shot"]
    assert [shot[name] for name in ("title", "prompt", "narration", "transition")] == [text] * 4
    found = client.get(f"{V1}/projects", query_string={"q": "👩\u200d👩\u200d👧"}).get_json()
    assert [item["id"] for item in found["items"]] == [created["project_id"]]


@pytest.mark.parametrize(
    "body",
    [
        '{"a": ' + "[" * 973 + "]" * 973 + "}",
        '{"a":' * 973 + "1" + "}" * 973,
        '{"a": ["\\ud800"]}',
        '{"a": 1e999}',
        '{"a": 1, "a": 2}',
    ],
    ids=["lists", "objects", "half a pair", "infinite", "doubled"],
)
@others_by_soak
@pytest.mark.parametrize("path", ["/api/webhook/task_complete", f"{V1}/projects", f"{V1}/tasks"])
def test_json_that_nothing_could_take_is_a_400_that_says_so(client: FlaskClient, path: str, body: str) -> None:
    answer = client.post(path, data=body, content_type=JSON)
    assert (answer.status_code, answer.get_json()["message"].startswith("请求体")) == (400, True)
    assert answer.get_json().get("field") == ("body" if path.startswith(V1) else None)
    assert answer.get_json()["message"].startswith("请求体")
