"""Class: limits. They hold at their edge, for each by itself, and not at all where Redis is away and nothing else was said."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from config.settings import LimitsSettings
from models.account import Account
from routers.access.gate import EXPENSIVE, LOGINS, PUBLIC
from routers.app import create_app
from tests.integration.hostile.table import Headers, bearer
from tests.integration.hostile.world import PASSWORD, V1, World, world
from tests.support.database_work import counted
from tests.support.servers.process import silent_port
from tests.support.web_app import make_settings, open_services

FEW = {"read": "4/hour", "write": "3/hour", "expensive": "2/hour", "login": "9/hour"}


@contextmanager
def limited(folder: Path, redis_url: str, **values: Any) -> Iterator[World]:
    with world(folder, redis_url, limits=LimitsSettings(**{"enabled": "auto", **FEW, **values})) as made:
        yield made


def statuses(world: World, times: int, method: str, path: str, **sent: Any) -> list[int]:
    return [world.send(method, path, **sent).status_code for _ in range(times)]


REQUESTS: dict[str, tuple[str, str, int]] = {
    "read": ("GET", f"{V1}/auth/me", 4),
    "write": ("DELETE", f"{V1}/shots/unknown", 3),
    "expensive": ("POST", f"{V1}/tasks/unknown/retry", 2),
}


@pytest.mark.parametrize("cost", REQUESTS)
def test_a_limit_holds_at_its_edge_and_each_class_has_its_own(redis_url: str, tmp_path: Path, cost: str) -> None:
    method, path, most = REQUESTS[cost]
    with limited(tmp_path, redis_url) as few:
        headers = bearer(few.attacker.keys["write"])
        found = statuses(few, most + 2, method, path, headers=headers)
        assert [status == 429 for status in found] == [False] * most + [True] * 2
        others = [name for name in REQUESTS if name != cost]
        for name in others:
            assert few.send(*REQUESTS[name][:2], headers=headers).status_code != 429
        for else_ in (few.attacker.bearer, bearer(few.victim.keys["write"])):
            assert few.send(method, path, headers=else_).status_code != 429, "somebody else"


def test_the_answer_says_when_to_come_back(redis_url: str, tmp_path: Path) -> None:
    with limited(tmp_path, redis_url) as few:
        headers = bearer(few.attacker.keys["read"])
        statuses(few, 4, "GET", f"{V1}/auth/me", headers=headers)
        answer = few.send("GET", f"{V1}/auth/me", headers=headers)
        seconds = int(answer.headers["Retry-After"])
        assert 3500 < seconds <= 3600
        for prefix in ("", "X-"):
            assert [answer.headers[f"{prefix}RateLimit-{name}"] for name in ("Limit", "Remaining")] == ["4", "0"]
        assert int(answer.headers["RateLimit-Reset"]) == seconds
        assert abs(int(answer.headers["X-RateLimit-Reset"]) - time.time() - seconds) < 60
        assert (answer.get_json()["code"], answer.get_json()["error"]) == (429, "请求过于频繁，请稍后重试")


def test_what_a_proxy_asks_about_a_request_is_no_request_but_a_credential_that_does_not_count_is(
    redis_url: str, tmp_path: Path
) -> None:
    with limited(tmp_path, redis_url) as few:
        good, bad = bearer(few.attacker.keys["read"]), bearer("guess")
        assert statuses(few, 9, "GET", f"{V1}/auth/check", headers=good) == [200] * 9
        assert few.send("GET", f"{V1}/auth/me", headers=good).headers.get("Retry-After") is None
        assert statuses(few, 6, "GET", f"{V1}/auth/check", headers=bad) == [401] * 4 + [429] * 2


def test_who_has_no_credential_is_counted_by_address(redis_url: str, tmp_path: Path) -> None:
    with limited(tmp_path, redis_url) as few:
        sent: Headers = bearer("guess")
        assert statuses(few, 6, "GET", f"{V1}/projects", headers=sent) == [401] * 4 + [429] * 2
        elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
        assert few.send("GET", f"{V1}/projects", headers=sent, environ_base=elsewhere).status_code == 401
        assert few.send("GET", f"{V1}/auth/me", headers=few.victim.bearer).status_code == 200, "with one, not"
        with counted(few.services.database) as work:
            few.send("GET", f"{V1}/projects")
        assert work.statements == []


def test_logins_of_an_address_are_counted(redis_url: str, tmp_path: Path) -> None:
    with limited(tmp_path, redis_url, login="3/hour") as few:  # the three people's own are these
        sent = {"username": "victim", "password": PASSWORD}
        assert few.send("POST", f"{V1}/auth/login", json=sent).status_code == 429


@pytest.mark.parametrize("path", ["/healthz", "/readyz", f"{V1}/health", "/assets/nothing.png"])
def test_health_and_links_are_not_counted(redis_url: str, tmp_path: Path, path: str) -> None:
    with limited(tmp_path, redis_url, read="1/hour") as few:
        assert 429 not in statuses(few, 4, "GET", path)


def test_one_client_polls_sixty_tasks_a_second_and_opens_sixty_sockets(redis_url: str, tmp_path: Path) -> None:
    """By the limits that come."""
    with world(tmp_path, redis_url, limits=LimitsSettings()) as usual:
        task = f"{V1}/tasks/{usual.victim.ids['task_id']}"
        address = f"/k/{usual.victim.keys['legacy']}"
        assert set(statuses(usual, 60, "GET", address + task)) == {200}
        assert 429 not in statuses(usual, 60, "GET", f"{address}/tasks/unknown/wss", buffered=True)


def _lose_redis(world: World) -> None:
    """A Redis that is there at the start and answers no more."""
    limits = world.app.extensions["gate"].limits
    with silent_port() as port:
        pool = limits._windows.storage.storage.connection_pool
        pool.connection_kwargs.update(port=port)
        pool.reset()


@pytest.mark.parametrize("choice", ["open", "closed"])
def test_without_redis_it_is_as_configured(
    redis_url: str, tmp_path: Path, choice: str, caplog: pytest.LogCaptureFixture
) -> None:
    with limited(tmp_path, redis_url, without_redis=choice) as few:
        _lose_redis(few)
        found = statuses(few, 6, "GET", f"{V1}/auth/me", headers=bearer(few.victim.keys["read"]))
        assert set(found) == ({200} if choice == "open" else {503})
        assert caplog.text.count("requests are not counted") == 1


def test_without_redis_failed_logins_are_counted_all_the_same(redis_url: str, tmp_path: Path) -> None:
    with limited(tmp_path, redis_url, failed_logins="2/hour", login="99/hour") as few:
        _lose_redis(few)
        sent = {"username": "victim", "password": "guess"}
        assert statuses(few, 4, "POST", f"{V1}/auth/login", json=sent) == [401, 401, 429, 429]


def test_every_class_names_routes_that_there_are(closed: World) -> None:
    there = {rule.endpoint for rule in closed.app.url_map.iter_rules()}
    assert there >= EXPENSIVE | PUBLIC | LOGINS.keys()


QUOTAS: dict[str, tuple[dict[str, Any], str, dict[str, Any], int]] = {
    "stories": ({"stories_per_day": 2}, "/projects", {"StoryText": "一", "ShotCount": 1}, 1),
    "tasks": ({"tasks_at_once": 4}, "/projects", {"StoryText": "一", "ShotCount": 1}, 2),
    "films": ({"films_per_day": 2}, "/projects/{project_id}/video", {}, 2),
    "bytes": ({"stored_gib": 1e-10}, "/projects/{project_id}/tts", {}, 0),
}


@pytest.mark.parametrize("name", QUOTAS)
def test_an_account_gets_no_more_than_its_quota(redis_url: str, tmp_path: Path, name: str) -> None:
    values, path, body, fit = QUOTAS[name]
    with world(tmp_path, redis_url, limits=LimitsSettings(enabled="false", **values)) as bounded:
        for person in ("victim", "attacker"):  # each has begun one story, by which its world was made
            who = bounded.people[person]
            address = V1 + path.format(**who.ids)
            found = statuses(bounded, fit, "POST", address, headers=who.bearer, json=body)
            assert found == [200] * fit
            before = bounded.everything()
            refused = bounded.send("POST", address, headers=who.bearer, json=body)
            assert (refused.status_code, refused.get_json()["code"]) == (429, 429)
            assert bounded.everything() == before
        assert (
            bounded.send("POST", f"{V1}/projects", headers=bounded.admin.bearer, json={"StoryText": "一"}).status_code
            == 200
        )


def test_a_deleted_story_counts_all_the_same_and_the_next_day_begins_anew(redis_url: str, tmp_path: Path) -> None:
    with world(tmp_path, redis_url, limits=LimitsSettings(enabled="false", stories_per_day=1)) as bounded:
        who = bounded.victim
        assert bounded.send("DELETE", f"{V1}/projects/{who.ids['project_id']}", headers=who.bearer).status_code == 200
        again = {"headers": who.bearer, "json": {"StoryText": "一", "ShotCount": 1}}
        assert bounded.send("POST", f"{V1}/projects", **again).status_code == 429
        bounded.write(update(Account).values(quota_day=Account.quota_day - 1))
        assert bounded.send("POST", f"{V1}/projects", **again).status_code == 200


def test_an_open_server_asks_its_database_and_redis_nothing_more(redis_url: str, tmp_path: Path) -> None:
    with open_services(make_settings(tmp_path), redis_url) as services:
        client = create_app(services).test_client()
        for headers in ({}, bearer("anything")):
            with counted(services.database) as work:
                assert client.get(f"{V1}/tasks/unknown", headers=headers).status_code == 404
            assert len([sql for sql, _ in work.statements if "SELECT" in sql]) == 1
            assert "account" not in str(work.statements)
