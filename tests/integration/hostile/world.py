"""A closed server with a victim, an attacker and an admin, and everything that they could use against each other."""

from __future__ import annotations

import io
import json
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
from flask import Flask
from sqlalchemy import text, update
from werkzeug.test import TestResponse

from config.settings import AuthSettings, LimitsSettings
from models.account import LoginSession, Scope
from models.base import Base, new_id
from models.cast_member import CastMember
from models.shot import Shot, ShotStatus
from models.task import Task, TaskStatus
from routers.access.credentials import ACCESS_COOKIE, REFRESH_COOKIE
from routers.app import create_app
from service.access import accounts
from service.container import Services
from tests.support.web_app import make_settings, open_services

SECRET = "the-secret-of-these-tests-is-long-enough"
PASSWORD = "correct horse battery"
V1, API = "/v1/api", "/api"
UNKNOWN = "11111111-2222-4333-8444-555555555555"
STORY = {"Title": "狐狸", "StoryText": "从前有一只狐狸。它住在森林里。", "ShotCount": "2"}
HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "eA==",
}
OWN_PAGE = "http://localhost"  # of the test client's host


@dataclass(frozen=True)
class Person:
    """An account with a login and a key of each scope."""

    name: str
    login: Mapping[str, Any]
    keys: Mapping[str, str]
    ids: Mapping[str, str] = field(default_factory=dict)

    @property
    def token(self) -> str:
        return str(self.login["access_token"])

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def session_id(self) -> str:
        claims = jwt.decode(self.token, options={"verify_signature": False})
        return str(claims["sid"])

    def cookies(self, *, refresh: bool = False) -> dict[str, str]:
        name, value = (REFRESH_COOKIE, "refresh_token") if refresh else (ACCESS_COOKIE, "access_token")
        return {"Cookie": f"{name}={self.login[value]}"}


def is_socket(path: str) -> bool:
    """Whether it is a WebSocket's address."""
    return path.partition("?")[0].endswith(("/wss", "/feed"))


@dataclass
class World:
    """The server and who is about."""

    services: Services
    app: Flask
    people: dict[str, Person] = field(default_factory=dict)

    @property
    def victim(self) -> Person:
        return self.people["victim"]

    @property
    def attacker(self) -> Person:
        return self.people["attacker"]

    @property
    def admin(self) -> Person:
        return self.people["admin"]

    def send(self, method: str, path: str, **sent: Any) -> TestResponse:
        """A request by somebody who keeps no cookies; on a socket's address it asks for a socket."""
        if is_socket(path):
            sent["headers"] = {**HANDSHAKE, **sent.get("headers", {})}
        return self.app.test_client(use_cookies=False).open(path, method=method, **sent)

    def person(self, name: str, *, admin: bool = False) -> Person:
        """A new account with a login, and a key of each scope."""
        database, now = self.services.database, self.services.clock.now()
        accounts.add(database, name, PASSWORD, admin=admin, now=now)
        scopes = [scope for scope in Scope if admin or scope is not Scope.ADMIN]
        keys = {scope.value: self.key(name, scope) for scope in scopes}
        return Person(name, self.log_in(name), keys)

    def key(self, name: str, scope: Scope) -> str:
        """A new key of an account."""
        now = self.services.clock.now()
        return accounts.add_key(self.services.database, name, scope.value, scope, days=0, now=now)[1]

    def log_in(self, name: str) -> Mapping[str, Any]:
        """The tokens of a new login."""
        answer = self.send("POST", f"{V1}/auth/login", json={"username": name, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        found: Mapping[str, Any] = answer.get_json()
        return found

    def write(self, statement: Any) -> None:
        """Change the database behind the server's back."""
        with self.services.database.write() as session:
            session.execute(statement)

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row but for the times at which keys were used."""
        found = {}
        with self.services.database.read() as session:
            for table in Base.metadata.sorted_tables:
                columns = [column for column in table.columns if column.name != "last_used_at"]
                rows = session.execute(table.select().with_only_columns(*columns))
                found[table.name] = sorted((tuple(row) for row in rows), key=repr)
        return found


@contextmanager
def world(folder: Path, redis_url: str, **settings: Any) -> Iterator[World]:
    """A closed server with its people; `settings` are sections that replace those that come."""
    chosen = make_settings(folder / "data").model_copy(
        update={
            "auth": AuthSettings(required="true", secret=SECRET),
            "limits": LimitsSettings(enabled="false", failed_logins="500/minute"),
            **settings,
        }
    )
    with open_services(chosen, redis_url) as services:
        static = folder / "static"
        static.mkdir(exist_ok=True)
        (static / "old.png").write_bytes(b"\x89PNG of the Go backend")
        made = World(services, create_app(services, static))
        made.people["admin"] = made.person("admin", admin=True)
        for name in ("victim", "attacker"):
            person = made.person(name)
            made.people[name] = Person(name, person.login, person.keys, _belongings(made, person))
        yield made


def _belongings(made: World, person: Person) -> dict[str, str]:
    """A story with its shots drawn by hand, a task that failed, and a piece of music."""
    body = made.send("POST", f"{V1}/projects", query_string=STORY, headers=person.bearer).get_json()
    project, now = body["project_id"], made.services.clock.now()
    shot = new_id()
    with made.services.database.write() as session:
        common: dict[str, Any] = {"title": "镜头", "status": ShotStatus.COMPLETED, "created_at": now, "updated_at": now}
        session.add(Shot(id=shot, project_id=project, order=1, narration="它住在森林里。", prompt="fox", **common))
        session.add(CastMember(project_id=project, position=1, name="狐狸", look_en="fox", id=(member := new_id())))
        session.flush()
        done = update(Task).where(Task.project_id == project).values(status=TaskStatus.FAILED, shot_id=shot)
        session.execute(done)
        row = session.execute(text("SELECT owner_id FROM project WHERE id = :id"), {"id": project}).one()
        session.execute(
            text(
                "INSERT INTO asset (object_key, project_id, shot_id, task_id, kind, number, title, sha256, size, "
                "content_type, details, created_at, stored_at, owner_id) VALUES (:key, '', '', '', 'music', :number, "
                "'calm', '', 1, 'audio/mpeg', '{}', '2026-01-01 00:00:00', '2026-01-01 00:00:00', :owner)"
            ),
            {"key": f"music/{_music(person)}.mp3", "number": int(_music(person)), "owner": row.owner_id},
        )
    made.services.store.put(f"music/{_music(person)}.mp3", io.BytesIO(b"music"))
    hook = {"url": "https://receiver.example/"}
    added = made.send("POST", f"{V1}/webhooks", json=hook, headers=person.bearer).get_json()["webhook"]["id"]
    tested = made.send("POST", f"{V1}/webhooks/{added}/test", headers=person.bearer).get_json()
    return {
        "webhook_id": added,
        "message_id": tested["delivery"]["id"],
        "project_id": project,
        "shot_id": shot,
        "cast_id": member,
        "task_id": body["shot_task_ids"][0],
        "music_id": _music(person),
        "storyboard": body["text_task_id"],
    }


def _music(person: Person) -> str:
    return {"victim": "1", "attacker": "2"}[person.name]


def unknown_like(ids: Mapping[str, str]) -> dict[str, str]:
    """Ids of the same form that nothing has."""
    return {name: "999999" if name == "music_id" else UNKNOWN for name in ids}


_VARYING = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def told(answer: TestResponse, ids: Mapping[str, str]) -> tuple[int, str, list[str]]:
    """What an answer says, but for the ids that the request named, times and the request's own id; and the names of its headers."""
    body = answer.get_json(silent=True)
    if isinstance(body, dict):
        body.pop("request_id", None)
    said = json.dumps(body, ensure_ascii=False, sort_keys=True) if body is not None else answer.text
    for name, id_ in sorted(ids.items(), key=lambda item: -len(item[1])):
        said = said.replace(id_, f"<{name if id_ != UNKNOWN else 'id'}>") if len(id_) > 6 else said
    said = re.sub(r"<\w+>", "<id>", said)
    for id_ in ids.values():
        said = re.sub(rf"\b{re.escape(id_)}\b", "<id>", said)
    return answer.status_code, _VARYING.sub("<time>", said), sorted(name for name, _ in answer.headers)


def forged(
    world: World, key: Any = None, algorithm: str = "HS256", headers: Any = None, claims: Any = None, **more: Any
) -> str:
    """A token of the victim's login with other claims (None: without it), under the server's own key or another."""
    tokens = world.app.extensions["gate"].tokens
    right = jwt.decode(world.victim.token, options={"verify_signature": False})
    wanted = {name: value for name, value in {**right, **(claims or {}), **more}.items() if value is not None}
    with warnings.catch_warnings():  # of keys that are short for their algorithm
        warnings.simplefilter("ignore")
        return jwt.encode(wanted, tokens._signing if key is None else key, algorithm=algorithm, headers=headers)


def ended(world: World, how: str) -> str:
    """An access token of a login of the victim's that has ended in some way."""
    login = world.log_in("victim")
    token = str(login["access_token"])
    session_id = jwt.decode(token, options={"verify_signature": False})["sid"]
    now = world.services.clock.now()
    of_login = update(LoginSession).where(LoginSession.id == session_id)
    if how == "revoked":
        world.write(of_login.values(revoked_at=now))
    elif how == "expired":
        world.write(of_login.values(expires_at=now - timedelta(seconds=1)))
    elif how == "logged out":
        world.send("POST", f"{V1}/auth/logout", headers={"Authorization": f"Bearer {token}"})
    elif how == "reused refresh":
        for _ in range(2):
            world.send("POST", f"{V1}/auth/refresh", json={"refresh_token": login["refresh_token"]})
    return token
