"""Class: browsers. Cookies that a browser sends along are no consent: not to change anything, and not to open a socket."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.hostile.table import CHANGING, Route
from tests.integration.hostile.world import OWN_PAGE, PASSWORD, V1, World

FORM_TOKENS: dict[str, Callable[[World], dict[str, str]]] = {
    "none": lambda w: {},
    "empty": lambda w: {"X-CSRF-Token": ""},
    "of another login": lambda w: {"X-CSRF-Token": w.app.extensions["gate"].tokens.form_token(w.attacker.session_id)},
    "the access token": lambda w: {"X-CSRF-Token": w.victim.token},
}


@pytest.mark.parametrize("form_token", FORM_TOKENS)
@pytest.mark.parametrize("route", CHANGING, ids=str)
def test_cookies_alone_change_nothing(closed: World, route: Route, form_token: str) -> None:
    before, ids = closed.everything(), closed.victim.ids
    headers = closed.victim.cookies() | FORM_TOKENS[form_token](closed)
    answer = closed.send(route.method, route.address(ids), headers=headers, **route.body(ids))
    assert answer.status_code == 403, answer.text
    assert closed.everything() == before


@pytest.mark.parametrize("form_token", FORM_TOKENS)
def test_cookies_alone_do_not_refresh(closed: World, form_token: str) -> None:
    before = closed.everything()
    headers = closed.victim.cookies(refresh=True) | FORM_TOKENS[form_token](closed)
    assert closed.send("POST", f"{V1}/auth/refresh", headers=headers).status_code == 403
    assert closed.everything() == before


ORIGINS = {
    "none": None,
    "null": "null",
    "another": "https://evil.example",
    "one that begins like ours": "http://localhost.evil.example",
    "one that ends like ours": "http://evil-localhost",
    "ours by another scheme": "https://localhost",
    "ours at another port": "http://localhost:81",
    "ours as a user's name": "http://localhost@evil.example",
    "every": "*",
    "no address": "localhost",
    "empty": "",
}


SOCKETS = ("/tasks/{task_id}/wss", f"{V1}/projects/{{project_id}}/feed")


@pytest.mark.parametrize("socket", SOCKETS)
@pytest.mark.parametrize("origin", ORIGINS)
def test_no_socket_opens_by_cookies_for_a_page_of_another_origin(closed: World, origin: str, socket: str) -> None:
    headers = closed.victim.cookies() | ({"Origin": ORIGINS[origin]} if ORIGINS[origin] is not None else {})
    answer = closed.send("GET", socket.format_map(closed.victim.ids), headers=headers)
    assert answer.status_code == 403, answer.text


@pytest.mark.parametrize("socket", SOCKETS)
@pytest.mark.parametrize("origin", [OWN_PAGE, "https://studio.example", "http://[::1]:3000"])
def test_one_does_for_ours_and_for_those_that_are_configured(closed: World, origin: str, socket: str) -> None:
    headers = closed.victim.cookies() | {"Origin": origin}
    answer = closed.send("GET", socket.format_map(closed.victim.ids), headers=headers)
    assert answer.status_code not in (401, 403), "it is no handshake, and that is all that is wrong"


@pytest.mark.parametrize("origin", [origin for origin in ORIGINS if origin != "none"])
def test_no_other_page_logs_a_browser_in(closed: World, origin: str) -> None:
    before = closed.everything()
    sent: dict[str, Any] = {"username": "attacker", "password": PASSWORD, "cookie": True}
    answer = closed.send("POST", f"{V1}/auth/login", json=sent, headers={"Origin": ORIGINS[origin]})
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers
    assert closed.everything() == before


def test_a_page_of_ours_gets_cookies_that_no_script_reads_and_no_other_host_gets(fresh: World) -> None:
    sent = {"username": "victim", "password": PASSWORD, "cookie": True}
    answer = fresh.send("POST", f"{V1}/auth/login", json=sent, headers={"Origin": OWN_PAGE})
    cookies = answer.headers.getlist("Set-Cookie")
    assert len(cookies) == 2
    for cookie in cookies:
        assert re.match(r"__Host-s2v_(access|refresh)=\S+;", cookie)
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= {part.strip() for part in cookie.split(";")}
        assert "domain" not in cookie.lower()
    body = answer.get_json()
    assert body.keys() == {"csrf_token", "expires_in"}
    sent_back = {
        "Cookie": "; ".join(cookie.partition(";")[0] for cookie in cookies),
        "X-CSRF-Token": body["csrf_token"],
    }
    assert fresh.send("GET", f"{V1}/auth/me", headers=sent_back).get_json()["csrf_token"] == body["csrf_token"]
    again = fresh.send("POST", f"{V1}/auth/refresh", headers=sent_back)
    assert again.status_code == 200
    assert again.get_json().keys() == body.keys()
    path = f"{V1}/projects/{fresh.victim.ids['project_id']}"
    assert fresh.send("PUT", path, headers=sent_back, json={"title": "mine"}).status_code == 200
    left = fresh.send("POST", f"{V1}/auth/logout", headers=sent_back)
    assert all("Max-Age=0" in cookie for cookie in left.headers.getlist("Set-Cookie"))
    assert fresh.send("GET", f"{V1}/auth/me", headers=sent_back).status_code == 401
