"""The bound of the request line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.test import Client, EnvironBuilder

from routers.middleware import RequestLineLimit, request_line_length

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def application(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"served"]


def environ(path: str, **more: Any) -> WSGIEnvironment:
    return {**EnvironBuilder(path).get_environ(), **more}


@pytest.mark.parametrize("over", [0, 1])
def test_a_line_of_just_the_limit_passes_and_one_byte_more_does_not(over: int) -> None:
    limit = 1000
    room = limit - len("GET /?a= HTTP/1.1")
    answer = Client(RequestLineLimit(application, limit)).get("/?a=" + "x" * (room + over))
    assert answer.status_code == (414 if over else 200)


def test_the_refusal_has_the_shape_of_every_error() -> None:
    answer = Client(RequestLineLimit(application, 100)).post("/" + "x" * 200)
    body = answer.get_json()
    assert answer.status_code == 414
    assert body["code"] == 414
    assert "100" in body["error"]
    assert body["error"] == body["message"]


def test_what_the_client_sent_counts_and_not_what_it_decodes_to() -> None:
    assert request_line_length(environ("/", RAW_URI="/?a=%E7%8B%90")) == len("GET /?a=%E7%8B%90 HTTP/1.1")
