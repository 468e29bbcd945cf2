"""Class: the same request twice. Under one Idempotency-Key it makes one thing, whoever comes meanwhile, and whatever becomes of Redis."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import delete, func, select, update
from werkzeug.test import TestResponse

from models import idempotency
from models.asset import Asset
from models.base import new_id
from models.cast_member import CastMember
from models.idempotency import Idempotency
from models.project import Project
from models.task import Task
from models.webhook import Webhook
from routers.access import once_per_key
from routers.app import create_app
from service.container import Services
from service.workflow import once
from tests.contract.story import Told, create, finish, png
from tests.integration.hostile.world import API, V1, World
from tests.support.columns import DATABASES, address_of
from tests.support.web_app import make_settings, open_services


def sound() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as made:
        made.setparams((1, 2, 8000, 0, "NONE", ""))
        made.writeframes(b"\1\0" * 8000)
    return file.getvalue()


class Open:
    """An open server with a finished story and a task that failed."""

    def __init__(self, services: Services, folder: Path) -> None:
        self.services = services
        self.app = create_app(services, folder)
        self.told: Told = finish(services, create(self.app.test_client(), StoryText="一。二。", ShotCount="2"))
        self.failed = self.told.shot_task_ids[0]
        self.board = self.told.text_task_id
        self.shot = f"/projects/{self.told.project_id}/shots/{self.told.shot_ids[0]}"
        self.split = f"/projects/{self.told.project_id}/shots/{self.told.shot_ids[1]}"
        assert self.post(f"{self.split}/split", "split", json={"at": 1}).status_code == 200
        with services.database.write() as session:
            session.execute(delete(Idempotency))
            session.execute(update(Task).where(Task.id.in_([self.failed, self.board])).values(status="failed"))
            self.member = new_id()
            session.add(CastMember(project_id=self.told.project_id, position=1, name="fox", id=self.member))

    def post(self, path: str, key: str = "k", surface: str = V1, **sent: Any) -> TestResponse:
        return self.app.test_client().post(surface + path, headers={"Idempotency-Key": key}, **sent)

    def made(self) -> dict[str, int]:
        """How much there is."""
        with self.services.database.read() as session:
            return {
                model.__tablename__: session.scalar(select(func.count()).select_from(model)) or 0
                for model in (Project, Task, Asset, Webhook, CastMember)
            }


Make = Callable[["Open", str], TestResponse]
MAKERS: dict[str, Make] = {
    "v1.projects.create": lambda o, key: o.post("/projects", key, json={"StoryText": "一", "ShotCount": 1}),
    "v1.projects.create with its film": lambda o, key: o.post(
        "/projects", key, json={"StoryText": "一", "ShotCount": 1, "film": {"mode": "preview"}}
    ),
    "v1.batches.create": lambda o, key: o.post(
        "/projects/batch", key, data='{"StoryText": "一", "ShotCount": 1}', content_type="application/x-ndjson"
    ),
    "v1.cast.add": lambda o, key: o.post(f"/projects/{o.told.project_id}/cast", key, json={"name": "fox"}),
    "v1.cast.repaint": lambda o, key: o.post(f"/projects/{o.told.project_id}/cast/{o.member}/repaint", key),
    "v1.resume.again": lambda o, key: o.post(f"/projects/{o.told.project_id}/resume", key, json={}),
    "v1.shots.update": lambda o, key: o.post(
        f"/projects/{o.told.project_id}/shots/{o.told.shot_ids[0]}", key, json={"prompt": "a fox"}
    ),
    "v1.shot_edits.insert": lambda o, key: o.post(f"/projects/{o.told.project_id}/shots", key, json={"title": "new"}),
    "v1.shot_edits.duplicate": lambda o, key: o.post(f"{o.shot}/duplicate", key),
    "v1.shot_edits.split": lambda o, key: o.post(f"{o.shot}/split", key, json={"at": 1}),
    "v1.shot_edits.merge": lambda o, key: o.post(f"{o.shot}/merge", key),
    "v1.shot_edits.undo": lambda o, key: o.post(f"{o.split}/undo", key),
    "v1.shot_versions.upload": lambda o, key: o.post(
        f"{o.shot}/images", key, data={"file": (io.BytesIO(png()), "a.png")}
    ),
    "v1.shot_versions.narrate": lambda o, key: o.post(f"{o.shot}/narrations", key, json={}),
    "v1.shot_versions.narrate by a file": lambda o, key: o.post(
        f"{o.shot}/narrations", key, data={"file": (io.BytesIO(sound()), "calm.wav")}
    ),
    "v1.films.film": lambda o, key: o.post(f"/projects/{o.told.project_id}/video", key, json={}),
    "v1.films.narration": lambda o, key: o.post(f"/projects/{o.told.project_id}/tts", key, json={}),
    "v1.tasks.create": lambda o, key: o.post(
        "/tasks", key, json={"type": "generateVideo", "projectId": o.told.project_id}
    ),
    "v1.tasks.retry": lambda o, key: o.post(f"/tasks/{o.failed}/retry", key),
    "v1.tasks.retry of a storyboard": lambda o, key: o.post(f"/tasks/{o.board}/retry", key),
    "v1.music.upload": lambda o, key: o.post(
        "/music", key, data={"file": (io.BytesIO(sound()), "calm.wav"), "title": "calm"}
    ),
    "gateway.projects.create": lambda o, key: o.post(
        "/projects/create", key, API, json={"story": "一", "shot_count": 1}
    ),
    "v1.webhooks.add": lambda o, key: o.post("/webhooks", key, json={"url": "https://receiver.example/"}),
    "gateway.projects.compose": lambda o, key: o.post(f"/projects/{o.told.project_id}/compose", key, API, json={}),
    "gateway.projects.narration": lambda o, key: o.post(f"/projects/{o.told.project_id}/tts", key, API, json={}),
    "gateway.shots.generate_image": lambda o, key: o.post(
        f"/shots/{o.told.shot_ids[0]}/generate_image", key, API, json={"seed": 7}
    ),
    "gateway.shots.generate_video": lambda o, key: o.post(
        f"/shots/{o.told.shot_ids[0]}/generate_video", key, API, json={"duration": 2}
    ),
}


def said(answer: TestResponse) -> dict[str, Any]:
    """The answer but for the request's own id."""
    body: dict[str, Any] = answer.get_json()
    return {name: value for name, value in body.items() if name != "request_id"}


@contextmanager
def opened(folder: Path, redis_url: str, address: str = "") -> Iterator[Open]:
    settings = make_settings(folder / "data", address)
    with open_services(settings, redis_url) as services:
        yield Open(services, folder)


@pytest.fixture(params=DATABASES)
def server(request: pytest.FixtureRequest, tmp_path: Path, redis_url: str) -> Iterator[Open]:
    address = address_of(request.param, request)
    with opened(tmp_path, redis_url, address) as made:
        yield made


def test_every_post_that_creates_something_is_tried(closed: World) -> None:
    posts = {rule.endpoint for rule in closed.app.url_map.iter_rules() if "POST" in (rule.methods or ())}
    logins = {f"{surface}.auth.{name}" for surface in ("v1", "gateway") for name in ("login", "refresh", "logout")}
    neither = {"v1.tasks.cancel", "gateway.shots.update_prompt", "webhook.task_complete"}
    neither |= {"v1.webhooks.rotate", "v1.webhooks.test", "v1.webhooks.resend"}
    neither |= {
        "v1.projects.undelete",
        "v1.shot_edits.undelete",
        "v1.shot_versions.restore",
    }  # twice is as good as once
    neither |= {"gateway.oss.sts", "gateway.oss.presign"}  # what they give away makes nothing, and goes by itself
    neither |= {"gateway.oss.complete"}  # an upload's key is a key for this
    assert posts - neither - logins == once_per_key.CREATES == {name.partition(" ")[0] for name in MAKERS}


@pytest.mark.parametrize("name", MAKERS)
def test_twice_makes_one_thing_with_the_same_answer(server: Open, redis_url: str, name: str) -> None:
    first = MAKERS[name](server, "a")
    assert first.status_code in {200, 201}, first.text
    made = server.made()
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
    again = MAKERS[name](server, "a")
    assert (again.status_code, said(again)) == (first.status_code, said(first))
    assert server.made() == made


@pytest.mark.parametrize("name", MAKERS)
def test_twins_that_come_at_once_make_one_thing(server: Open, name: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: MAKERS[name](server, "a"), range(4)))
    assert {answer.status_code for answer in answers} in ({200}, {201}), [answer.text for answer in answers]
    assert [said(answer) for answer in answers] == [said(answers[0])] * 4
    with server.services.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Idempotency)) == 1


def test_another_request_under_the_same_key_is_refused(server: Open) -> None:
    assert MAKERS["v1.projects.create"](server, "a").status_code == 200
    made = server.made()
    for sent in ({"json": {"StoryText": "二", "ShotCount": 1}}, {"query_string": {"StoryText": "一"}}):
        answer = server.post("/projects", "a", **sent)
        assert (answer.status_code, answer.get_json()["code"]) == (422, 422)
    assert server.made() == made
    assert MAKERS["v1.films.film"](server, "a").status_code == 200, "on another route it is another key"
    assert MAKERS["v1.projects.create"](server, "A").status_code == 200, "keys differ by case"


def test_after_a_day_the_key_is_free(server: Open) -> None:
    first = MAKERS["v1.projects.create"](server, "a").get_json()
    old = server.services.clock.now() - once.KEPT - timedelta(seconds=1)
    with server.services.database.write() as session:
        session.execute(update(Idempotency).values(created_at=old))
    assert MAKERS["v1.projects.create"](server, "a").get_json() != first
    with server.services.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Idempotency)) == 1


def test_what_was_refused_is_not_kept(server: Open) -> None:
    assert server.post("/projects", "a", json={}).status_code == 400
    assert server.post("/projects/nobody/video", "a", json={}).status_code == 404
    assert MAKERS["v1.projects.create"](server, "a").status_code == 200


def test_row_and_work_are_one_commit(server: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that dies in between leaves neither."""
    before = server.made()

    def dies(*_: object) -> None:
        raise RuntimeError("the power went")

    with monkeypatch.context() as patch:
        patch.setattr(idempotency, "keep", dies)
        assert MAKERS["v1.projects.create"](server, "a").status_code == 500
    assert server.made() == before
    assert MAKERS["v1.projects.create"](server, "a").status_code == 200


@pytest.mark.parametrize("key", ["", " ", "a b", "钥匙", "a" * 256, "a\tb"])
def test_what_is_no_key_is_refused(closed: World, key: str) -> None:
    before = closed.everything()
    headers = {**closed.victim.bearer, "Idempotency-Key": key.encode().decode("latin-1")}
    answer = closed.send("POST", f"{V1}/projects", headers=headers, json={"StoryText": "一"})
    assert (answer.status_code, answer.get_json()["field"]) == (400, "Idempotency-Key")
    assert closed.everything() == before


def test_anothers_key_is_another(fresh: World) -> None:
    sent = {"json": {"StoryText": "一", "ShotCount": 1}}
    answers = [
        fresh.send("POST", f"{V1}/projects", headers={**person.bearer, "Idempotency-Key": "a"}, **sent).get_json()
        for person in (fresh.victim, fresh.attacker)
    ]
    assert answers[0]["project_id"] != answers[1]["project_id"]
