"""What every stand-in does: requests read, keys asked for, behaviours in their order, work counted, answers sent badly."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.support.model_servers.base import CHARGED_PAGES, PAGES, REFUSALS
from tests.support.model_servers.exchange import SENDINGS
from tests.support.model_servers.openai_chat import OpenAIChat
from tests.support.wait import wait_until

BODY = {"model": "stand-in", "messages": [{"role": "user", "content": "讲个故事，用 json。"}]}


@pytest.fixture
def server() -> Iterator[OpenAIChat]:
    with OpenAIChat(answer=lambda _messages, _schema: {"scenes": ["雨" * 200]}) as running:
        yield running


def ask(server: OpenAIChat, headers: dict[str, str] | None = None, stream: bool = False) -> requests.Response:
    return requests.post(f"{server.base}/chat/completions", json=BODY, headers=headers, timeout=10, stream=stream)


def said(response: requests.Response) -> str:
    content: str = response.json()["choices"][0]["message"]["content"]
    return content


def test_behaviours_come_in_the_order_of_the_script_and_then_the_usual_one(server: OpenAIChat) -> None:
    server.script("html_502", "ok", "rate_limited_429")
    server.always = "empty"
    assert [ask(server).status_code for _ in range(3)] == [502, 200, 429]
    assert said(ask(server)) == ""


def test_a_behaviour_that_there_is_not_is_refused_when_it_is_scripted(server: OpenAIChat) -> None:
    with pytest.raises(ValueError, match="no behaviour 'nonsense'"):
        server.script("nonsense")
    with pytest.raises(ValueError, match="no behaviour"):
        OpenAIChat(faults=["ok", "nonsense"])


def test_a_key_is_asked_for_where_one_is_configured() -> None:
    with OpenAIChat(key="sk-1") as server:
        assert [ask(server, {"Authorization": f"Bearer {key}"}).status_code for key in ("sk-2", "", "sk-1")] == [
            401,
            401,
            200,
        ]
        assert ask(server).status_code == 401
        assert ask(server).json()["error"]["code"] == "invalid_api_key"
        assert len(server.refused) == 4
        assert sum(server.charged.values()) == 1


def test_requests_are_kept_with_headers_and_bodies(server: OpenAIChat) -> None:
    ask(server, {"X-Mine": "yes"})
    requests.get(f"{server.base}/models?a=1", timeout=10)
    chat, models = server.received
    assert (chat.method, chat.path, chat.body, chat.headers["x-mine"]) == ("POST", "/v1/chat/completions", BODY, "yes")
    assert (models.path, models.query) == ("/v1/models", {"a": "1"})
    assert server.requests() == [chat]


def test_a_request_in_chunks_is_read(server: OpenAIChat) -> None:
    pieces = iter([json.dumps(BODY).encode()[:9], json.dumps(BODY).encode()[9:]])
    headers = {"Content-Type": "application/json"}
    response = requests.post(f"{server.base}/chat/completions", data=pieces, headers=headers, timeout=10)
    assert (response.status_code, server.received[0].body) == (200, BODY)


@pytest.mark.parametrize("name", sorted(REFUSALS))
def test_a_refusal_has_its_status_and_the_form_of_the_api_and_costs_nothing(server: OpenAIChat, name: str) -> None:
    server.script(name)
    response = ask(server)
    assert str(response.status_code) in name
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}
    assert not server.charged
    assert ("Retry-After" in response.headers) == name.startswith(("quota_402", "rate_limited", "overloaded"))


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_is_in_html(server: OpenAIChat, name: str) -> None:
    server.script(name)
    response = ask(server)
    assert str(response.status_code) in name
    assert response.text.startswith("<html>")
    assert sum(server.charged.values()) == (name in CHARGED_PAGES)


def test_what_is_charged_is_counted_by_key(server: OpenAIChat) -> None:
    for key in ("a", "b", "a"):
        ask(server)
        ask(server, {"Idempotency-Key": key})
    assert server.charged == {"": 3, "a": 2, "b": 1}


def test_a_server_that_honours_keys_works_once_for_each() -> None:
    with OpenAIChat(honours_keys=True, faults=["cut"]) as server:
        with pytest.raises(requests.RequestException):
            ask(server, {"Idempotency-Key": "a"})
        again = [ask(server, {"Idempotency-Key": "a"}).json() for _ in range(2)]
    assert again[0] == again[1]
    assert server.charged == {"a": 1}


@pytest.mark.parametrize("name", ["cut", "closed", "reset"])
def test_a_connection_that_ends_early_is_an_error_for_the_client(server: OpenAIChat, name: str) -> None:
    server.script(name)
    with pytest.raises(requests.RequestException):
        ask(server)
    assert said(ask(server)) == json.dumps({"scenes": ["雨" * 200]}, ensure_ascii=False)
    assert sum(server.charged.values()) == 2


def test_a_server_that_hangs_notices_that_its_client_has_left(server: OpenAIChat) -> None:
    server.script("hang")
    with pytest.raises(requests.ReadTimeout):
        requests.post(f"{server.base}/chat/completions", json=BODY, timeout=0.1)
    wait_until(lambda: server.left)


def test_a_slow_answer_comes_byte_by_byte(server: OpenAIChat) -> None:
    server.script("drip")
    with ask(server, stream=True) as response:
        first = response.raw.read1(1 << 16) + response.raw.read1(1 << 16)
    assert int(response.headers["Content-Length"]) > 400
    assert first.startswith(b'{"')
    assert len(first) < 100
    wait_until(lambda: server.left)


def test_a_huge_answer_says_so_and_goes_on_behind_the_right_one(server: OpenAIChat) -> None:
    server.script("huge")
    with ask(server, stream=True) as response:
        start = response.raw.read(1 << 16)
    assert int(response.headers["Content-Length"]) > 200 << 20
    assert json.loads(start)["choices"]


def test_compressed_answers_come_unasked(server: OpenAIChat) -> None:
    server.script("gzip", "gzip_bomb")
    response = ask(server, {"Accept-Encoding": "identity"})
    assert response.headers["Content-Encoding"] == "gzip"
    assert "雨雨" in said(response)
    with ask(server, stream=True) as bomb:
        assert int(bomb.headers["Content-Length"]) < 1 << 20
        assert len(bomb.raw.read(1 << 21, decode_content=True)) == 1 << 21


def test_an_empty_body_is_empty(server: OpenAIChat) -> None:
    server.script("empty_body")
    assert ask(server).content == b""


def test_every_way_of_sending_is_tested_here() -> None:
    named = {"cut", "closed", "reset", "hang", "drip", "huge", "gzip", "gzip_bomb", "empty_body"}
    assert named == set(SENDINGS)


def test_what_hangs_ends_with_the_server() -> None:
    with OpenAIChat(faults=["hang"]) as server, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ask, server)
        wait_until(lambda: server.charged)
        server.close()
        with pytest.raises(requests.ConnectionError):
            waiting.result(timeout=60)
    assert not server.left
