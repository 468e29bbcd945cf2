"""Class: tokens and keys. Who has none that holds is told so on every route, in the same words on all, and nothing happens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from models.account import ApiKey, Scope
from routers.access import gate
from tests.integration.hostile.table import ADDRESSES, KEYS, ROUTES, TOKENS, Headers, bearer
from tests.integration.hostile.world import API, V1, World, forged, is_socket
from tests.support.database_work import counted

OPEN = {
    "/healthz",
    "/readyz",
    f"{V1}/health",
    "/assets/<path:key>",
    "/uploads/<path:key>",
    "/api/webhook/task_complete",
    f"{V1}/auth/login",
    f"{V1}/auth/refresh",
    f"{API}/auth/login",
    f"{API}/auth/refresh",
    "/openapi.json",
    "/docs",
    "/docs/<name>",
    "/",
    "/studio",
    "/studio/<path:place>",
    "/studio/sw.js",
    "/studio/manifest.webmanifest",
    "/studio/v/<version>/<path:name>",
}
CREDENTIALS = {f"token: {name}": made for name, made in TOKENS.items()} | {
    f"key: {name}": made for name, made in KEYS.items()
}


def test_every_route_but_the_public_ones_refuses_who_has_no_credential(closed: World) -> None:
    """Also a route that somebody adds tomorrow."""
    refused = set()
    for rule in closed.app.url_map.iter_rules():
        if rule.rule in OPEN:
            continue
        address = rule.rule.replace("<path:", "<")
        for name in rule.arguments:
            address = address.replace(f"<{name}>", "x")
        for method in sorted((rule.methods or set()) - {"OPTIONS"}):
            answer = closed.send(method, address)
            assert answer.status_code == 401, (method, address, answer.text)
            refused.add(rule.endpoint)
    assert len(refused) >= 25
    assert {rule.rule for rule in closed.app.url_map.iter_rules() if rule.endpoint in gate.PUBLIC} == OPEN


def test_the_table_tries_every_route_that_is_not_public(closed: World) -> None:
    adapter = closed.app.url_map.bind("localhost")
    tried = set()
    for route in ROUTES:
        path = route.address(closed.victim.ids).partition("?")[0]
        tried.add(adapter.match(path, method=route.method, websocket=is_socket(path))[0])
    assert tried == {rule.endpoint for rule in closed.app.url_map.iter_rules()} - gate.PUBLIC


@pytest.mark.parametrize("name", CREDENTIALS)
def test_a_credential_that_does_not_hold_opens_no_route(closed: World, name: str) -> None:
    headers = CREDENTIALS[name](closed)
    _refused_everywhere(
        closed,
        lambda route: closed.send(
            route.method, route.address(closed.victim.ids), headers=headers, **route.body(closed.victim.ids)
        ),
    )


@pytest.mark.parametrize("name", [name for name in TOKENS if name not in ("nothing", "noise of bytes", "no scheme")])
@pytest.mark.parametrize("place", ["query", "subprotocol", "cookie"])
def test_nor_does_it_in_another_place(closed: World, name: str, place: str) -> None:
    text = TOKENS[name](closed)["Authorization"].partition(" ")[2]
    sent: dict[str, Any] = {
        "query": {"query_string": {"token": text}},
        "subprotocol": {"headers": {"Sec-WebSocket-Protocol": f"bearer, {text}"}},
        "cookie": {"headers": {"Cookie": f"__Host-s2v_access={text}"}},
    }[place]
    before = closed.everything()
    for path in (f"/tasks/{closed.victim.ids['task_id']}/wss", f"{V1}/projects", "/static/old.png"):
        answer = closed.send("GET", path, **sent)
        assert answer.status_code == 401, answer.text
    assert closed.everything() == before


@pytest.mark.parametrize("name", ADDRESSES)
def test_nor_does_an_address_with_a_key_that_is_not_for_addresses(closed: World, name: str) -> None:
    prefix = ADDRESSES[name](closed)
    _refused_everywhere(
        closed,
        lambda route: closed.send(
            route.method, prefix + route.address(closed.victim.ids), **route.body(closed.victim.ids)
        ),
    )


def _refused_everywhere(world: World, send: Callable[[Any], Any]) -> None:
    before = world.everything()
    said = set()
    for route in ROUTES:
        answer = send(route)
        body = answer.get_json()
        assert answer.status_code == 401, (str(route), answer.text)
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert body["code"] == 401
        assert body.get("error") == (None if route.path.startswith(API) else body["message"])
        said.add(body["message"])
    assert len(said) == 1
    assert world.everything() == before


@pytest.mark.parametrize("name", ["two tokens", "a header that does not hold beside a key that does"])
def test_several_credentials_are_not_tried_in_turn(closed: World, name: str) -> None:
    right = closed.victim.token
    sent: dict[str, dict[str, Any]] = {
        "two tokens": {"query_string": f"token={right}&token={right}"},
        "a header that does not hold beside a key that does": {
            "query_string": {"token": right},
            "headers": bearer("wrong"),
        },
    }
    assert closed.send("GET", f"{V1}/auth/me", **sent[name]).status_code == 401


def test_those_that_hold_do(closed: World) -> None:
    """Without this the tests above could pass on a server that refuses everybody."""
    victim, me = closed.victim, f"{V1}/auth/me"
    offered = {"Sec-WebSocket-Protocol": f"bearer, {victim.token}"}
    answers = [
        closed.send("GET", me, headers=victim.bearer),
        closed.send("GET", me, headers=bearer(forged(closed))),
        closed.send("GET", me, headers=offered),
        closed.send("GET", me, headers=victim.cookies()),
        closed.send("GET", me, query_string={"token": victim.token}),
        closed.send("GET", f"{me}?%74oken={victim.keys['read']}"),
        closed.send("GET", f"/k/{victim.keys['legacy']}{me}"),
        *(closed.send("GET", me, headers=bearer(key)) for key in victim.keys.values()),
    ]
    assert [(answer.status_code, answer.get_json().get("username")) for answer in answers] == [(200, "victim")] * len(
        answers
    )
    with closed.send("GET", f"/k/{victim.keys['legacy']}/static/old.png") as answer:
        assert answer.data.endswith(b"Go backend")


def test_a_browser_may_ask_beforehand_without_a_credential(closed: World) -> None:
    asked: Headers = {"Origin": "https://studio.example", "Access-Control-Request-Method": "POST"}
    answer = closed.send("OPTIONS", f"{V1}/projects", headers=asked)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, "https://studio.example")


def test_the_last_use_of_a_key_is_noted_and_not_with_every_request(fresh: World) -> None:
    headers = bearer(fresh.key("victim", Scope.READ))
    written = []
    for _ in range(3):
        with counted(fresh.services.database) as work:
            assert fresh.send("GET", f"{V1}/auth/me", headers=headers).status_code == 200
        written.append(sum("UPDATE api_key" in sql for sql, _ in work.statements))
    assert written == [1, 0, 0]
    fresh.write(update(ApiKey).values(last_used_at=fresh.services.clock.now() - timedelta(minutes=2)))
    fresh.send("GET", f"{V1}/auth/me", headers=headers)
    with fresh.services.database.read() as session:
        used = [key.last_used_at for key in session.query(ApiKey)]
    assert sum(fresh.services.clock.now() - time < timedelta(minutes=1) for time in used if time is not None) == 1
