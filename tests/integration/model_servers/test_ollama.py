"""Ollama: what it takes, what it refuses, how it answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.support.model_servers.broken_answers import BROKEN_ANSWERS
from tests.support.model_servers.ollama import Ollama, cut_context
from tests.support.model_servers.schemas import DEFAULT, Schema, misfits

SCHEMA: Schema = {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "integer", "minimum": 3}}
USER = [{"role": "user", "content": "雨夜。"}]


@pytest.fixture
def server() -> Iterator[Ollama]:
    with Ollama() as running:
        yield running


def ask(server: Ollama, **fields: Any) -> requests.Response:
    body = {"model": "qwen3:8b", "messages": USER, "stream": False, **fields}
    return post(server, "chat", {name: value for name, value in body.items() if value != ...})


def post(server: Ollama, path: str, body: Any) -> requests.Response:
    return requests.post(f"{server.url}/api/{path}", json=body, timeout=10)


def lines(response: requests.Response) -> list[dict[str, Any]]:
    return [json.loads(line) for line in response.content.decode().splitlines()]


def test_the_answer_fits_the_format_of_the_request(server: Ollama) -> None:
    options = {"temperature": 0.2, "seed": 7, "num_ctx": 8192}
    said = ask(server, format=SCHEMA, options=options, think=False, keep_alive="10m").json()
    assert misfits(SCHEMA, json.loads(said["message"]["content"])) == []
    assert (said["done"], said["done_reason"], said["prompt_eval_count"]) == (True, "stop", 3)
    assert "thinking" not in said["message"]


@pytest.mark.parametrize("format_", ["json", "", None, ...])
def test_without_a_schema_there_are_scenes(server: Ollama, format_: Any) -> None:
    assert misfits(DEFAULT, json.loads(ask(server, format=format_).json()["message"]["content"])) == []


@pytest.mark.parametrize("stream", [True, ...])
def test_answers_are_streamed_unless_that_is_declined(server: Ollama, stream: Any) -> None:
    whole = ask(server, think=True).json()["message"]
    streamed = lines(ask(server, think=True, stream=stream))
    assert "".join(each["message"]["content"] for each in streamed) == whole["content"]
    assert "".join(each["message"].get("thinking", "") for each in streamed) == whole["thinking"]
    assert [each["done"] for each in streamed] == [False] * (len(streamed) - 1) + [True]


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"temperature": 1}, 'json: unknown field "temperature"'),
        ({"options": {"n_ctx": 1}}, 'json: unknown field "options.n_ctx"'),
        ({"options": {"num_ctx": "8192"}}, "invalid option: num_ctx 8192"),
        ({"options": {"num_ctx": 0}}, "invalid option: num_ctx 0"),
        ({"options": {"seed": 1.5}}, "json: cannot unmarshal 1.5 into Go struct field .options.seed"),
        ({"messages": ...}, "messages is required"),
        ({"messages": [{"role": "user", "content": ["雨"]}]}, "json: cannot unmarshal ['雨'] into Go struct field"),
        ({"format": "yaml"}, "invalid format: 'yaml'"),
        ({"stream": "no"}, "json: cannot unmarshal 'no' into Go struct field .stream"),
        ({"model": "llama3.2", "think": True}, '"llama3.2" does not support thinking'),
    ],
)
def test_what_is_not_as_documented_is_refused(server: Ollama, fields: Any, error: str) -> None:
    response = ask(server, **fields)
    assert response.status_code == 400
    assert response.json()["error"].startswith(error)
    assert not server.charged


def test_models_without_thoughts_take_a_no(server: Ollama) -> None:
    assert ask(server, model="llama3.2", think=False).ok


def test_a_model_that_is_not_there_is_not_found_until_it_is_pulled(server: Ollama) -> None:
    missing = ask(server, model="qwen3:4b")
    assert (missing.status_code, missing.json()) == (404, {"error": "model 'qwen3:4b' not found"})
    told = lines(post(server, "pull", {"model": "qwen3:4b"}))
    assert [told[0]["status"], told[-1]["status"]] == ["pulling manifest", "success"]
    assert [each["completed"] for each in told if "completed" in each][-1] == told[1]["total"]
    assert ask(server, model="qwen3:4b").ok
    assert "qwen3:4b" in [each["name"] for each in requests.get(f"{server.url}/api/tags", timeout=10).json()["models"]]


def test_what_cannot_be_pulled_is_told_within_the_answer(server: Ollama) -> None:
    assert lines(post(server, "pull", {"model": "nothing"})) == [{"error": "pull model manifest: file does not exist"}]
    assert post(server, "pull", {"model": "nothing", "stream": False}).status_code == 500
    assert post(server, "pull", {"model": "qwen3:4b", "stream": False}).json() == {"status": "success"}
    assert post(server, "pull", {"name": "qwen3:4b"}).status_code == 400


def test_a_pull_may_break_or_end_halfway(server: Ollama) -> None:
    server.script("error_halfway", "ends_halfway", "html_502", on="POST /api/pull")
    assert "error" in lines(post(server, "pull", {"model": "qwen3:4b"}))[-1]
    assert "completed" in lines(post(server, "pull", {"model": "qwen3:4b"}))[-1]
    assert post(server, "pull", {"model": "qwen3:4b"}).status_code == 502
    assert "qwen3:4b" not in server.models


def test_it_tells_of_itself_and_of_its_models(server: Ollama) -> None:
    assert requests.get(f"{server.url}/api/version", timeout=10).json() == {"version": "0.12.3"}
    shown = post(server, "show", {"model": "qwen3:8b"}).json()
    assert "thinking" in shown["capabilities"]
    assert shown["model_info"]["qwen3.context_length"] == 40_960
    assert post(server, "show", {"model": "nothing"}).status_code == 404


def test_a_prompt_beyond_the_context_loses_its_beginning_without_a_word() -> None:
    heard: list[str] = []

    def answer(messages: list[dict[str, Any]], _schema: Any) -> Any:
        heard.append("".join(each["content"] for each in messages))
        return {}

    messages = [{"role": "system", "content": "规" * 100}, {"role": "user", "content": "始" + "雨" * 4000 + "终"}]
    with Ollama(answer=answer) as server:
        said = ask(server, messages=messages).json()
        ask(server, messages=messages, options={"num_ctx": 8192})
        assert server.cut == [6, 0]
    assert said["prompt_eval_count"] == 4096
    assert (heard[0][:94], heard[0][94]) == ("规" * 94, "始")
    assert heard[1] == "规" * 100 + messages[1]["content"]


def test_whole_messages_go_first() -> None:
    messages = [{"role": "system", "content": "规" * 10}, {"role": "user", "content": "雨" * 10}]
    assert cut_context(messages, 5) == ([{**messages[0], "content": ""}, {**messages[1], "content": "雨" * 5}], 15)
    assert cut_context(messages, 20) == (messages, 0)


def test_an_answer_ends_at_its_limit(server: Ollama) -> None:
    said = ask(server, options={"num_predict": 10}).json()
    assert (said["done_reason"], said["eval_count"]) == ("length", 10)
    assert ask(server, options={"num_predict": -1}).json()["done_reason"] == "stop"


def test_broken_answers_come_as_they_are_in_the_table(server: Ollama) -> None:
    right = json.loads(ask(server).json()["message"]["content"])
    server.script(*(each.name for each in BROKEN_ANSWERS))
    for each in BROKEN_ANSWERS:
        said = ask(server).json()
        assert (said["message"]["content"], said["done_reason"]) == (each.make(right), each.finish)


def test_the_answer_may_be_in_the_thoughts(server: Ollama) -> None:
    right = ask(server).json()["message"]["content"]
    server.script("answer_in_thinking", "answer_in_both")
    assert ask(server).json()["message"] == {"role": "assistant", "content": "", "thinking": right}
    assert ask(server).json()["message"] == {"role": "assistant", "content": right, "thinking": right}


@pytest.mark.parametrize(
    ("name", "status", "error"),
    [
        ("model_not_found", 404, "model 'qwen3:8b' not found"),
        ("out_of_memory", 500, "model requires more system memory"),
        ("out_of_gpu_memory", 500, "llama runner process has terminated: cudaMalloc failed"),
        ("server_busy", 503, "server busy"),
        ("error_with_200", 200, "unexpected EOF"),
    ],
)
def test_errors_are_in_its_own_words(server: Ollama, name: str, status: int, error: str) -> None:
    server.script(name)
    response = ask(server)
    assert response.status_code == status
    assert response.json()["error"].startswith(error)


def test_a_streamed_answer_may_break_or_end_halfway(server: Ollama) -> None:
    server.script("error_halfway", "error_halfway", "ends_halfway")
    assert "error" in lines(ask(server, stream=True))[-1]
    assert ask(server).status_code == 500
    assert not any(each["done"] for each in lines(ask(server, stream=True)))


def test_other_answers_say_nothing(server: Ollama) -> None:
    server.script("only_loaded", "message_missing", "finish_length", "ends_halfway")
    assert ask(server).json()["done_reason"] == "load"
    assert "message" not in ask(server).json()
    assert ask(server).json()["done_reason"] == "length"
    with pytest.raises(requests.JSONDecodeError):
        ask(server).json()
