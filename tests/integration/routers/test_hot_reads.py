"""Reads that are repeated: given again without the database as long as they hold, and not a moment longer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from redis import Redis

from common.clock import Clock
from models.account import Scope
from models.row_versions import EVERYTHING
from routers.access import gate
from routers.app import create_app
from routers.hot_reads import ROUTES
from service.access import accounts
from service.container import Services
from tests.support.columns import DATABASES, address_of
from tests.support.database_work import counted
from tests.support.servers.redis_server import RedisServer
from tests.support.wait import wait_until
from tests.support.web_app import change, make_settings, new_task, open_services

V1 = "/v1/api"


class Host:
    """One server's application, with a task."""

    def __init__(self, services: Services, task: str = "") -> None:
        services.changes.listen()
        self.services = services
        self.app = create_app(services)
        self.client: FlaskClient = self.app.test_client()
        self.task = task or new_task(services, parameters={"shot": {"prompt": "山"}})
        self.project = self.client.get(f"{V1}/tasks/{self.task}").get_json()["task"]["projectId"]
        self.paths = [
            f"{V1}/tasks/{self.task}",
            f"{V1}/projects/{self.project}",
            f"{V1}/projects/{self.project}/shots",
            f"/api/tasks/{self.task}/status",
            f"/api/projects/{self.project}/storyboard",
        ]

    def asks(self, path: str, **headers: str) -> tuple[int, Any, int]:
        """The answer's status and body, and how many statements it took."""
        with counted(self.services.database) as work:
            answer = self.client.get(path, headers=headers)
        return answer.status_code, answer, len(work.statements)

    def given_again(self, path: str) -> Any:
        """The answer, if it took no statement."""
        status, answer, statements = self.asks(path)
        return answer if (status, statements) == (200, 0) else None

    def progress(self) -> int:
        return int(self.client.get(f"{V1}/tasks/{self.task}").get_json()["task"]["progress"])


@pytest.fixture(params=DATABASES)
def address(request: pytest.FixtureRequest) -> str:
    return address_of(request.param, request)


@pytest.fixture
def host(address: str, tmp_path: Path, redis_url: str) -> Iterator[Host]:
    with open_services(make_settings(tmp_path / "one", address), redis_url) as services:
        made = Host(services)
        wait_until(services.changes.reliable)
        yield made


def test_what_holds_is_given_again_without_the_database(host: Host) -> None:
    for path in host.paths:
        first = wait_until(lambda: host.given_again(path), what=path)  # noqa: B023 - used within this turn
        change(host.services, host.task, message=f"new at {path}")
        status, fresh, statements = host.asks(path)
        assert status == 200
        assert statements > 0
        again, by_flask = host.client.get(path), host.client.get(f"{path}?by=flask")
        for answer in (first, fresh, again, by_flask):
            body = answer.get_json()
            assert body.pop("request_id", answer.headers["X-Request-ID"]) == answer.headers["X-Request-ID"]
            if answer is not first:
                assert body == {name: value for name, value in by_flask.get_json().items() if name != "request_id"}
            assert sorted(answer.headers.keys()) == sorted(by_flask.headers.keys())
            assert answer.headers["Content-Length"] == str(len(answer.data))
        assert fresh.headers["ETag"] == again.headers["ETag"] == by_flask.headers["ETag"]


def test_a_client_that_has_it_is_told_so_until_it_changes(host: Host) -> None:
    more = [
        f"{V1}/projects",
        f"{V1}/projects/{host.project}/tasks",
        f"{V1}/projects/{host.project}/films",
        "/api/projects",
    ]
    for path in (*host.paths, *more):
        etag = host.client.get(path).headers["ETag"]
        for sent in (etag, f'"other", {etag}', "*"):
            status, answer, _ = host.asks(path, **{"If-None-Match": sent})
            assert (status, answer.data, answer.headers["ETag"]) == (304, b"", etag), path
            assert "Content-Type" not in answer.headers
        assert host.asks(path, **{"If-None-Match": 'W/"other"'})[0] == 200
        assert host.client.head(path, headers={"If-None-Match": etag}).status_code == 304
    etag = host.client.get(host.paths[0]).headers["ETag"]
    change(host.services, host.task, progress=7)
    status, answer, _ = host.asks(host.paths[0], **{"If-None-Match": etag})
    assert (status, answer.get_json()["task"]["progress"]) == (200, 7)


def test_links_are_for_the_address_and_the_page_that_asked(host: Host) -> None:
    change(host.services, host.task, status="finished", result={"resource_url": "projects/p/films/1.mp4"})
    seen = set()
    for base in ("http://one:80", "http://two", "https://two"):
        for _ in range(2):
            answer = host.client.get(host.paths[0], base_url=base)
            seen.add(answer.get_json()["task"]["result"]["resource_url"].partition("?")[0])
    assert len(seen) == 3
    allowed = {"Origin": "https://studio.example"}
    for headers, expected in (
        (allowed, True),
        ({}, False),
        ({"Origin": "https://else.example"}, False),
        (allowed, True),
    ):
        answer = host.client.get(host.paths[0], headers=headers)
        assert ("Access-Control-Allow-Origin" in answer.headers) is expected


def test_a_read_that_a_write_overtook_is_not_kept(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    from service import tasks

    read = tasks.read

    def slow(services: Services, task_id: str) -> Any:
        row = read(services, task_id)
        change(services, task_id, progress=50)
        return row

    monkeypatch.setattr(tasks, "read", slow)
    assert host.progress() != 50
    monkeypatch.setattr(tasks, "read", read)
    assert host.progress() == 50


def test_another_host_sees_a_change_and_whatever_it_missed(
    mysql_dsn: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(RedisServer()) as redis:
        settings = [make_settings(tmp_path / name, mysql_dsn) for name in ("one", "two")]
        with open_services(settings[0], redis.url) as first, open_services(settings[1], redis.url) as second:
            writer = Host(first)
            reader = Host(second, writer.task)
            wait_until(second.changes.reliable)
            for number in range(1, 20):
                reader.progress()
                change(first, writer.task, progress=number)
                wait_until(lambda: reader.progress() == number)  # noqa: B023 - used within this turn
            wait_until(lambda: reader.given_again(reader.paths[0]))

            redis.stop()
            wait_until(lambda: not second.changes.reliable())
            change(first, writer.task, progress=77)
            assert reader.progress() == 77, "nothing is given again while Redis is away"
            redis.start_again()
            wait_until(second.changes.reliable, 30)
            assert reader.progress() == 77
    assert "changes" in caplog.text


def test_a_key_that_is_revoked_opens_nothing_from_then_on(tmp_path: Path, redis_url: str) -> None:
    settings = make_settings(tmp_path)
    closed = settings.model_copy(update={"auth": settings.auth.model_copy(update={"required": "true"})})
    now: Callable[[], Any] = Clock().now
    with open_services(closed, redis_url) as services:
        services.changes.listen()
        client = create_app(services).test_client()
        task = new_task(services)
        keys = {}
        for name in ("owner", "other"):
            accounts.add(services.database, name, "a long password", admin=False, now=now())
            keys[name] = accounts.add_key(services.database, name, name, Scope.READ, days=0, now=now())
            if name == "owner":
                accounts.adopt(services.database, name)

        def status(name: str) -> int:
            return client.get(f"{V1}/tasks/{task}", headers={"Authorization": f"Bearer {keys[name][1]}"}).status_code

        def asks_nobody() -> bool:
            with counted(services.database) as work:
                assert (status("owner"), status("other")) == (200, 404)
                assert client.get(f"{V1}/tasks/{task}").status_code == 401
            return not any("api_key" in sql for sql, _ in work.statements)

        wait_until(asks_nobody)
        accounts.revoke_key(services.database, keys["owner"][0], now=now())
        assert (status("owner"), status("other")) == (401, 404)
        accounts.disable(services.database, "other", now=now())
        assert status("other") == 401


def test_without_a_bound_on_its_bytes_nothing_is_kept(tmp_path: Path, redis_url: str) -> None:
    settings = make_settings(tmp_path)
    none = settings.model_copy(update={"server": settings.server.model_copy(update={"answer_cache": 0})})
    with open_services(none, redis_url) as services:
        host = Host(services)
        assert all(host.asks(host.paths[0])[2] > 0 for _ in range(3))


def test_the_routes_are_the_applications_own(host: Host) -> None:
    routes = {rule.endpoint for rule in host.app.url_map.iter_rules()}
    endpoints = {endpoint for endpoint, _ in ROUTES.values()}
    assert endpoints <= routes - gate.PUBLIC - gate.EXPENSIVE.union(gate.LOGINS)
    adapter = host.app.url_map.bind("localhost")
    assert {adapter.match(path)[0] for path in host.paths} == endpoints


@pytest.mark.parametrize("message", [b"[]", b"{", b'["someone", "x"]', b"1", b'["someone", []]'])
def test_a_message_that_is_none_makes_everything_new(
    mysql_dsn: str, tmp_path: Path, redis_url: str, message: bytes
) -> None:
    with open_services(make_settings(tmp_path, mysql_dsn), redis_url) as services:
        services.changes.listen()
        wait_until(services.changes.reliable)
        versions = services.database.versions
        assert versions is not None
        before = versions._versions[len(EVERYTHING) - 1]
        with Redis.from_url(redis_url) as redis:
            redis.publish(services.changes._channel, message)
        wait_until(lambda: versions._versions[len(EVERYTHING) - 1] > before)
