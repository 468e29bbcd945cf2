"""Whatever a client changes of a project is seen by the reads that are given again, and by their tags."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from werkzeug.test import TestResponse

from common.shared_cache import SharedCache
from models.asset import Asset, AssetKind
from models.project import Project
from models.row_versions import RowVersions, now, slot_of
from models.shot import Shot
from routers import answer_cache
from routers.answer_cache import Answer, AnswerCache
from routers.answer_dictionary import DICTIONARY
from service.film_contents import CONTENTS, contents
from tests.contract import story
from tests.integration.routers.test_hot_reads import V1, Host
from tests.support.columns import DATABASES, address_of
from tests.support.node.scripts import png
from tests.support.wait import wait_until
from tests.support.web_app import NOW, make_settings, open_services

FILM = "projects/{project}/films/1.mp4"


class Told(Host):
    """A project of two shots, with somebody in its cast, and a film that it shows."""

    def __init__(self, host: Host) -> None:
        told = story.finish(host.services, story.create(host.client, StoryText=story.STORY, ShotCount="2"))
        super().__init__(host.services, told.shot_task_ids[0])
        self.first, self.last = told.shot_ids
        with self.services.database.write() as session:
            shots = [session.get_one(Shot, shot) for shot in told.shot_ids]
            shots[0].narration = "狐狸来了。"
            session.get_one(Project, self.project).video_url = key = FILM.format(project=self.project)
            film = Asset(object_key=key, project_id=self.project, kind=AssetKind.FILM, number=1, title="", size=1)
            film.created_at = film.stored_at = NOW
            film.details = {CONTENTS: contents(shots, {})}
            session.add(film)
        self.ask("POST", "/cast", json={"name": "狐狸"})
        self.member = self.client.get(f"{V1}/projects/{self.project}/cast").get_json()["cast"][0]["id"]

    def ask(self, method: str, path: str, **what: Any) -> TestResponse:
        answer = self.client.open(f"{V1}/projects/{self.project}{path.format(**vars(self))}", method=method, **what)
        assert answer.status_code < 300, answer.text
        return answer

    def seen(self, *, by_flask: bool) -> dict[str, Any]:
        found = {}
        for path in self.paths:
            answer = self.client.get(f"{path}?by=flask" if by_flask else path)
            body = {name: value for name, value in answer.get_json().items() if name != "request_id"}
            found[path] = (answer.status_code, answer.headers.get("ETag"), body)
        return found


@pytest.fixture(params=DATABASES)
def told(request: pytest.FixtureRequest, tmp_path: Path, redis_url: str) -> Iterator[Told]:
    address = address_of(request.param, request)
    with open_services(make_settings(tmp_path, address), redis_url) as services:
        host = Host(services)
        wait_until(services.changes.reliable)
        yield Told(host)


SHOT = "/shots/{first}"
WRITES: list[tuple[str, str, dict[str, Any]]] = [
    ("DELETE", "/shots/{last}?undo=1", {}),
    ("POST", "/shots/{last}/undelete", {}),
    ("PATCH", "", {"json": {"seed": 7, "subtitle_style": {"karaoke": True}}}),
    ("PATCH", "/cast/{member}", {"json": {"name": "nobody"}}),
    ("PATCH", "/cast/{member}", {"json": {"name": "狐狸"}}),
    ("DELETE", "/cast/{member}", {}),
    ("POST", f"{SHOT}/images", {"upload": True}),
    ("POST", f"{SHOT}/images/versions/1/restore", {}),
    ("PATCH", SHOT, {"json": {"title": "新"}}),
    ("POST", f"{SHOT}/duplicate", {}),
    ("DELETE", "?undo=1", {}),
    ("POST", "/undelete", {}),
]


def test_whatever_clients_change_is_seen_by_the_next_read(told: Told) -> None:
    for method, path, what in WRITES:
        for hot in told.paths:
            if told.client.get(hot).status_code == 200:
                wait_until(lambda: told.given_again(hot), what=hot)  # noqa: B023 - used within this turn
        before = told.seen(by_flask=False)
        sent = {"data": {"file": (io.BytesIO(png(size=(96, 64))), "x")}} if what.get("upload") else what
        told.ask(method, path, **sent)
        after = told.seen(by_flask=False)
        assert after == told.seen(by_flask=True), (method, path)
        assert after != before, (method, path)


def test_a_project_has_one_tag_whoever_answers_and_it_is_what_if_match_takes(told: Told) -> None:
    project = f"{V1}/projects/{told.project}"
    given = wait_until(lambda: told.given_again(project))
    etag, body = given.headers["ETag"], given.get_json()
    assert (body["film"]["stale"], body["film"]["stale_shots"]) == (False, [])
    assert (body["shots"][0]["cast"], body["options"]["seed"]) == ([told.member], None)
    assert told.client.get(f"{project}?by=flask").headers["ETag"] == etag
    changed = told.client.put(project, json={"title": "新"}, headers={"If-Match": etag})
    assert changed.status_code == 200, changed.text
    again = told.client.put(project, json={"title": "又"}, headers={"If-Match": etag})
    assert again.status_code == 412
    fresh = told.client.get(project).headers["ETag"]
    states = {tag.partition("-")[0] for tag in (changed.headers["ETag"], again.headers["ETag"], fresh)}
    assert len(states) == 1, "a row that was written and one that was read have the same state"
    shot = f"{project}/shots/{told.first}"
    known = told.client.get(shot).headers["ETag"]
    patched = told.client.patch(shot, json={"title": "新"}, headers={"If-Match": known})
    assert patched.status_code == 200, patched.text
    assert patched.headers["ETag"].partition("-")[0] == told.client.get(shot).headers["ETag"].partition("-")[0]


def test_an_answer_goes_with_the_hour_of_its_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(wall=answer_cache.HOUR_S * 1000 - 1.0, steady=50.0)
    fake = SimpleNamespace(time=lambda: clock.wall, monotonic=lambda: clock.steady)
    monkeypatch.setattr(answer_cache, "time", fake)
    versions = RowVersions(tmp_path, "boot")
    cache, answer = AnswerCache(versions, SharedCache(1 << 20)), Answer("tag", b"body", -1)
    cache.keep(b"path", answer, slot_of("project"), now())
    clock.steady += 0.9
    assert cache.get(b"path") == answer
    clock.steady += 0.2
    assert cache.get(b"path") is None
    versions.close()


def test_answers_are_packed_with_what_they_all_say(told: Told, tmp_path: Path) -> None:
    for path in told.paths[:3]:
        unknown = {
            name for name in names_in(told.client.get(path).get_json()) if f'"{name}":' not in DICTIONARY.decode()
        }
        assert unknown <= {"request_id"}, (path, "a new field of answers belongs into routers.answer_dictionary")
    task = told.client.get(told.paths[0]).data
    versions, shared = RowVersions(tmp_path, "boot"), SharedCache(1 << 20)
    AnswerCache(versions, shared).keep(b"path", Answer("tag", task, -1), slot_of("project"), now())
    assert len(shared.get(b"path") or b"") < 0.75 * len(zlib.compress(task, answer_cache.LEVEL))
    versions.close()


def names_in(answer: Any) -> set[str]:
    """Of all objects in it."""
    if isinstance(answer, dict):
        return set(answer).union(*map(names_in, answer.values()))
    return set().union(*map(names_in, answer)) if isinstance(answer, list) else set()
