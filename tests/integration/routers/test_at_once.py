"""What the web server's main loop may ask for without a thread: the same answers, or none and nothing counted."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from common.clock import Clock
from common.errors import TooManyRequests
from config.settings import LimitsSettings
from models.account import Scope
from routers.access.rate_limits import SHARES, Cost
from routers.app import create_app
from routers.at_once import AT_ONCE, NotAtOnce
from service.access import accounts
from service.container import Services
from service.metrics.requests import REQUESTS
from tests.integration.routers.test_hot_reads import V1, Host
from tests.support.database_work import counted
from tests.support.servers.redis_server import RedisServer
from tests.support.wait import wait_until
from tests.support.web_app import change, make_settings, new_task, open_services


def at_once(client: FlaskClient, path: str, **headers: str) -> TestResponse:
    return client.get(path, headers=headers, environ_overrides={AT_ONCE: True})


def requests_counted() -> float:
    return sum(sample.value for sample in REQUESTS.collect().samples)


@pytest.fixture
def nothing_happens(caplog: pytest.LogCaptureFixture) -> Callable[..., None]:
    """Asks at once for what is not ready, and sees that nothing is counted, written or asked of the database."""
    caplog.set_level(logging.INFO, "access")

    def ask(services: Services, client: FlaskClient, path: str, **headers: str) -> None:
        before, lines = requests_counted(), len(caplog.records)
        with counted(services.database) as work, pytest.raises(NotAtOnce):
            at_once(client, path, **headers)
        assert (requests_counted(), len(caplog.records), work.statements) == (before, lines, [])

    return ask


@pytest.fixture
def host(tmp_path: Path, redis_url: str) -> Iterator[Host]:
    with open_services(make_settings(tmp_path), redis_url) as services:
        yield Host(services)


def test_what_was_given_is_given_again_and_counted_once(
    host: Host, nothing_happens: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    for path in host.paths:
        change(host.services, host.task, message=f"new at {path}")
        nothing_happens(host.services, host.client, path)
        wait_until(lambda: host.given_again(path), what=path)  # noqa: B023 - used within this turn
        before, lines = requests_counted(), len(caplog.records)
        again = at_once(host.client, path, **{"X-Request-ID": "mine"})
        assert (requests_counted(), len(caplog.records)) == (before + 1, lines + 1)
        first = host.client.get(path, headers={"X-Request-ID": "mine"})
        assert (again.status, again.data, list(again.headers)) == (first.status, first.data, list(first.headers))
        known = at_once(host.client, path, **{"If-None-Match": first.headers["ETag"]})
        assert (known.status_code, known.data) == (304, b"")


@pytest.mark.parametrize("path", [f"{V1}/health", f"{V1}/projects", "/healthz", "/", f"{V1}/tasks/none", "/metrics2"])
def test_other_routes_are_not_given_at_once(host: Host, nothing_happens: Callable[..., None], path: str) -> None:
    for _ in range(2):
        host.client.get(path)
    nothing_happens(host.services, host.client, path)


def test_nothing_is_given_at_once_while_news_may_be_missed(mysql_dsn: str, tmp_path: Path) -> None:
    with closing(RedisServer()) as redis, open_services(make_settings(tmp_path, mysql_dsn), redis.url) as services:
        host = Host(services)
        wait_until(services.changes.reliable)
        wait_until(lambda: host.given_again(host.paths[0]))
        assert at_once(host.client, host.paths[0]).status_code == 200
        redis.stop()
        wait_until(lambda: not services.changes.reliable())
        with pytest.raises(NotAtOnce):
            at_once(host.client, host.paths[0])


def test_only_who_is_known_is_answered_at_once(
    tmp_path: Path, redis_url: str, nothing_happens: Callable[..., None]
) -> None:
    settings = make_settings(tmp_path)
    auth = settings.auth.model_copy(update={"required": "true"})
    closed = settings.model_copy(update={"auth": auth, "limits": LimitsSettings(enabled="false")})
    now: Callable[[], Any] = Clock().now
    with open_services(closed, redis_url) as services:
        services.changes.listen()
        client = create_app(services).test_client()
        path = f"{V1}/tasks/{new_task(services)}"
        accounts.add(services.database, "owner", "a long password", admin=False, now=now())
        accounts.adopt(services.database, "owner")
        number, key = accounts.add_key(services.database, "owner", "one", Scope.READ, days=0, now=now())
        _, legacy = accounts.add_key(services.database, "owner", "two", Scope.LEGACY, days=0, now=now())
        accounts.add(services.database, "other", "a long password", admin=False, now=now())
        _, other = accounts.add_key(services.database, "other", "three", Scope.READ, days=0, now=now())
        ways = {path: {"Authorization": f"Bearer {key}"}, f"/k/{legacy}{path}": {}}
        for way, headers in ways.items():
            nothing_happens(services, client, way, **headers)
            for _ in range(2):
                assert client.get(way, headers=headers).status_code == 200
            assert at_once(client, way, **headers).get_json()["task"]["message"] == ""
        assert client.get(path, headers={"Authorization": f"Bearer {other}"}).status_code == 404
        for text in (other, "nobody's", ""):
            nothing_happens(services, client, path, Authorization=f"Bearer {text}")
        nothing_happens(services, client, path)
        nothing_happens(services, client, f"/k/{key}{path}")
        accounts.revoke_key(services.database, number, now=now())
        nothing_happens(services, client, path, Authorization=f"Bearer {key}")


def test_a_limit_counts_what_is_given_at_once_and_lets_no_more_through(
    tmp_path: Path, redis_url: str, nothing_happens: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    amount = 2 * SHARES
    settings = make_settings(tmp_path).model_copy(
        update={"limits": LimitsSettings(enabled="true", read=f"{amount}/second")}
    )
    with open_services(settings, redis_url) as services:
        services.changes.listen()
        app = create_app(services)
        client, path = app.test_client(), f"{V1}/tasks/{new_task(services)}"
        wait_until(lambda: client.get(path).status_code == client.get(path).status_code == 200)
        limits = app.extensions["gate"].limits
        clock = [0.0]
        monkeypatch.setattr("routers.access.rate_limits.time.monotonic", lambda: clock[0])
        limits._taken.clear()
        nothing_happens(services, client, path)
        limits._taken["address:127.0.0.1", Cost.READ] = [1, 1.0]
        assert at_once(client, path).status_code == 200
        nothing_happens(services, client, path)
        limits._taken["address:127.0.0.1", Cost.READ] = [1, 1.0]
        clock[0] = 1.0
        nothing_happens(services, client, path)
        assert let_through(lambda: limits.take("address:127.0.0.1", Cost.READ)) <= amount


def let_through(ask: Callable[[], None]) -> int:
    """How many requests are, until one is refused."""
    for number in itertools.count():
        try:
            ask()
        except TooManyRequests:
            return number
    raise AssertionError
