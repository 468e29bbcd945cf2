"""Keys and tokens are taken out of addresses before anything else sees them."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import Client, EnvironBuilder
from werkzeug.wrappers import Response

from routers.access.url_credentials import PATH_KEY, URL_TOKEN, UrlCredentials

SEEN: list[dict[str, Any]] = []


def application(environ: dict[str, Any], start_response: Any) -> Any:
    SEEN.append({name: value for name, value in environ.items() if name != "werkzeug.request"})  # of the test's client
    return Response("here")(environ, start_response)


def seen(path: str, query: str = "", **more: Any) -> tuple[dict[str, Any], Any]:
    SEEN.clear()
    environ = EnvironBuilder(path=path, query_string=query).get_environ()
    environ |= {"RAW_URI": f"{path}?{query}", "REQUEST_URI": f"{path}?{query}", **more}
    answer = Client(UrlCredentials(application)).open(environ)
    return SEEN[0], answer


@pytest.mark.parametrize(
    ("path", "rest"),
    [
        ("/k/the-key/v1/api/projects", "/v1/api/projects"),
        ("/k/the-key/api/projects", "/api/projects"),
        ("/k/the-key/tasks/a/wss", "/tasks/a/wss"),
        ("/k/the-key/static/a/b.png", "/static/a/b.png"),
    ],
)
def test_a_key_in_the_path_is_kept_for_the_gate_alone(path: str, rest: str) -> None:
    environ, answer = seen(path, "q=1")
    assert (environ["PATH_INFO"], environ[PATH_KEY]) == (rest, "the-key")
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert environ["RAW_URI"] == environ["REQUEST_URI"] == f"{rest}?q=1"
    assert "the-key" not in str({**environ, PATH_KEY: ""})


@pytest.mark.parametrize(
    "path",
    ["/k/the-key/assets/a", "/k/the-key/api/webhook/x", "/k/the-key", "/kk/the-key/v1/api/x", "/k/a/b/v1/api/x"],
)
def test_another_address_is_none_of_these(path: str) -> None:
    environ, answer = seen(path)
    assert environ["PATH_INFO"] == path
    assert PATH_KEY not in environ
    assert "Referrer-Policy" not in answer.headers


@pytest.mark.parametrize(
    ("query", "token", "rest"),
    [
        ("token=abc", "abc", ""),
        ("a=1&token=a%2Bb&b=2", "a+b", "a=1&b=2"),
        ("%74oken=abc", "abc", ""),
        ("token=", "", ""),
        ("token=a&token=a", "-", ""),
        ("token", "", ""),
    ],
)
def test_so_is_a_token_in_the_query(query: str, token: str, rest: str) -> None:
    environ, answer = seen("/v1/api/projects", query)
    assert (environ["QUERY_STRING"], environ[URL_TOKEN]) == (rest, token)
    assert answer.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("query", ["", "Token=abc", "xtoken=abc", "q=token"])
def test_what_is_no_token_stays(query: str) -> None:
    environ, _ = seen("/v1/api/projects", query)
    assert environ["QUERY_STRING"] == query
    assert URL_TOKEN not in environ


def test_a_signed_link_keeps_its_own() -> None:
    environ, _ = seen("/assets/a.png", "token=abc")
    assert environ["QUERY_STRING"] == "token=abc"
    assert URL_TOKEN not in environ


def test_nobody_can_say_that_he_had_one() -> None:
    environ, _ = seen("/v1/api/projects", **{PATH_KEY: "forged", URL_TOKEN: "forged"})
    assert PATH_KEY not in environ
    assert URL_TOKEN not in environ
