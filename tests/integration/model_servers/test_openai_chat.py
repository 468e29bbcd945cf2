"""The chat server: what it takes, what it refuses, how it answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.support.model_servers.broken_answers import BROKEN_ANSWERS
from tests.support.model_servers.fields import Field
from tests.support.model_servers.openai_chat import OpenAIChat
from tests.support.model_servers.schemas import Schema, misfits

TEXT = {"type": "string"}
SCENE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["title", "narration"],
    "properties": {"title": TEXT, "narration": TEXT},
}
SCHEMA: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["scenes"],
    "properties": {"scenes": {"type": "array", "minItems": 4, "maxItems": 4, "items": SCENE}},
}
BY_SCHEMA = {"type": "json_schema", "json_schema": {"name": "storyboard", "strict": True, "schema": SCHEMA}}
USER = [{"role": "user", "content": "雨夜。"}]


@pytest.fixture
def server() -> Iterator[OpenAIChat]:
    with OpenAIChat() as running:
        yield running


def ask(server: OpenAIChat, **fields: Any) -> requests.Response:
    body = {"model": "stand-in", "messages": USER, **fields}
    return requests.post(
        f"{server.base}/chat/completions", json={n: v for n, v in body.items() if v != ...}, timeout=10
    )


def choice(response: requests.Response) -> dict[str, Any]:
    found: dict[str, Any] = response.json()["choices"][0]
    return found


def content(response: requests.Response) -> str:
    text: str = choice(response)["message"]["content"]
    return text


def test_the_answer_fits_the_schema_of_the_request(server: OpenAIChat) -> None:
    response = ask(server, response_format=BY_SCHEMA, temperature=0.2, max_tokens=4000, seed=7)
    assert misfits(SCHEMA, json.loads(content(response))) == []
    assert choice(response)["finish_reason"] == "stop"
    usage = response.json()["usage"]
    assert usage["prompt_tokens"] + usage["completion_tokens"] == usage["total_tokens"] > 20


def test_without_a_schema_the_messages_say_what_is_wanted(server: OpenAIChat) -> None:
    messages = [{"role": "system", "content": f"Answer in JSON by {json.dumps(SCHEMA)}"}, *USER]
    for wanted in ({"type": "json_object"}, {"type": "text"}, ...):
        response = ask(server, messages=messages, response_format=wanted)
        assert misfits(SCHEMA, json.loads(content(response))) == []


def test_a_test_may_answer_itself() -> None:
    heard = []

    def answer(messages: list[dict[str, Any]], schema: Schema | None) -> Any:
        heard.append((messages, schema))
        return "只是一句话"

    with OpenAIChat(answer=answer) as server:
        assert content(ask(server, response_format=BY_SCHEMA)) == "只是一句话"
    assert heard == [(USER, SCHEMA)]


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"enable_thinking": False}, "unknown_parameter", "enable_thinking"),
        ({"messages": ...}, "missing_required_parameter", "messages"),
        ({"model": ...}, "missing_required_parameter", "model"),
        ({"messages": []}, "string_below_min_length", "messages"),
        ({"messages": "雨"}, "invalid_type", "messages"),
        ({"messages": [{"role": "user", "text": "雨"}]}, "unknown_parameter", "messages[0].text"),
        ({"messages": [{"role": "narrator", "content": "雨"}]}, "invalid_value", "messages[0].role"),
        ({"messages": [{"role": "user", "content": 5}]}, "invalid_type", "messages"),
        ({"temperature": "0.2"}, "invalid_type", "temperature"),
        ({"temperature": 2.5}, "value_out_of_range", "temperature"),
        ({"max_tokens": 10.5}, "invalid_type", "max_tokens"),
        ({"max_tokens": True}, "invalid_type", "max_tokens"),
        ({"seed": "7"}, "invalid_type", "seed"),
        ({"response_format": "json_object"}, "invalid_type", "response_format"),
        ({"response_format": {"type": "json"}}, "invalid_value", "response_format.type"),
        ({"response_format": {"type": "json_object"}}, None, "messages"),
        ({"response_format": {"type": "json_schema"}}, "missing_required_parameter", None),
        ({"max_tokens": 200_000}, "context_length_exceeded", "messages"),
    ],
)
def test_what_is_not_as_documented_is_refused(server: OpenAIChat, fields: Any, code: Any, param: Any) -> None:
    response = ask(server, **fields)
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (400, code, param)
    assert not server.charged


def test_json_objects_need_the_word_json_in_the_messages(server: OpenAIChat) -> None:
    assert (
        "must contain the word 'json'"
        in ask(server, response_format={"type": "json_object"}).json()["error"]["message"]
    )
    parts = [{"role": "user", "content": [{"type": "text", "text": "Answer in JSON."}]}]
    assert ask(server, response_format={"type": "json_object"}, messages=parts).ok


def test_strict_schemas_are_held_to_openais_rules(server: OpenAIChat) -> None:
    loose = {**BY_SCHEMA, "json_schema": {"name": "a", "strict": True, "schema": {"type": "array", "items": SCENE}}}
    assert "Invalid schema" in ask(server, response_format=loose).json()["error"]["message"]
    server.strict_schemas = False
    assert ask(server, response_format=loose).ok
    named = {**BY_SCHEMA, "json_schema": {"name": "分镜", "schema": SCHEMA}}
    assert ask(server, response_format=named).status_code == 400


def test_models_are_listed_and_others_are_not_there(server: OpenAIChat) -> None:
    assert [each["id"] for each in requests.get(f"{server.base}/models", timeout=10).json()["data"]] == ["stand-in"]
    assert ask(server, model="gpt-0").status_code == 404
    assert requests.get(f"{server.base}/nothing", timeout=10).json()["error"]["code"] == "unknown_url"


def test_what_is_no_json_is_refused(server: OpenAIChat) -> None:
    headers = {"Content-Type": "application/json"}
    response = requests.post(f"{server.base}/chat/completions", data=b"{", headers=headers, timeout=10)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_json")
    assert requests.post(f"{server.base}/chat/completions", data={"model": "stand-in"}, timeout=10).status_code == 400


def test_a_server_may_take_more_fields() -> None:
    with OpenAIChat(extra_fields={"enable_thinking": Field("truth")}) as server:
        assert ask(server, enable_thinking=False).ok
        assert ask(server, enable_thinking="no").status_code == 400


def test_an_answer_ends_at_its_limit(server: OpenAIChat) -> None:
    whole = content(ask(server))
    response = ask(server, max_tokens=20)
    assert choice(response)["finish_reason"] == "length"
    assert 20 <= len(content(response)) < 80
    assert whole.startswith(content(response))


def test_an_answer_is_streamed_where_that_is_asked_for(server: OpenAIChat) -> None:
    whole = content(ask(server))
    lines = ask(server, stream=True).content.decode().split("\n\n")
    events = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]
    assert "".join(each["choices"][0]["delta"].get("content", "") for each in events) == whole
    assert events[-1]["choices"][0]["finish_reason"] == "stop"
    assert lines[-2] == "data: [DONE]"


def test_broken_answers_come_as_they_are_in_the_table(server: OpenAIChat) -> None:
    right = json.loads(content(ask(server, response_format=BY_SCHEMA)))
    server.script(*(each.name for each in BROKEN_ANSWERS))
    for each in BROKEN_ANSWERS:
        found = choice(ask(server, response_format=BY_SCHEMA))
        assert (found["message"]["content"], found["finish_reason"]) == (each.make(right), each.finish)


def test_a_server_without_schemas_refuses_them_and_nothing_else() -> None:
    plain = {"type": "json_object"}
    messages = [{"role": "user", "content": "用 JSON。"}]
    with OpenAIChat(always="json_schema_unsupported") as server:
        refused = ask(server, response_format=BY_SCHEMA)
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "response_format")
        assert ask(server, response_format=plain, messages=messages).ok
    with OpenAIChat(always="response_format_unsupported") as server:
        asked = [ask(server, response_format=each, messages=messages).status_code for each in (BY_SCHEMA, plain, ...)]
        assert asked == [400, 400, 200]


def test_a_relay_that_ignores_schemas_answers_in_a_form_of_its_own(server: OpenAIChat) -> None:
    server.script("ignores_schema", "ignores_schema")
    assert content(ask(server, response_format=BY_SCHEMA)).startswith("好的")
    assert json.loads(content(ask(server)))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("answer_in_reasoning", {"content": "", "reasoning_content": "{right}"}),
        ("answer_in_reasoning_and_null", {"content": None, "reasoning_content": "{right}"}),
        ("reasoning_beside", {"content": "{right}", "reasoning_content": "先想一想 {…}。"}),
        ("content_null", {"content": None}),
        ("content_in_parts", {"content": [{"type": "text", "text": "{right}"}]}),
        ("refusal_field", {"content": None, "refusal": "I'm sorry, I can't assist with that."}),
        ("content_filter", {"content": ""}),
    ],
)
def test_messages_differ_in_where_the_answer_is(server: OpenAIChat, name: str, message: dict[str, Any]) -> None:
    right = json.dumps(content(ask(server)), ensure_ascii=False)[1:-1]
    server.script(name)
    said = json.loads(json.dumps(message, ensure_ascii=False).replace("{right}", right))
    assert choice(ask(server))["message"] == {"role": "assistant", **said}


def test_bodies_differ_in_what_they_are(server: OpenAIChat) -> None:
    names = ["choices_empty", "choices_null", "choices_missing", "error_with_200", "list_as_body", "content_missing"]
    server.script(*names)
    empty, null, missing, error, several, nothing = (ask(server).json() for _ in names)
    assert (empty["choices"], null["choices"], "choices" in missing) == ([], None, False)
    assert error["error"]["code"] == 500
    assert isinstance(several, list)
    assert nothing["choices"][0]["message"] == {}


def test_bodies_differ_in_what_their_bytes_are(server: OpenAIChat) -> None:
    server.script("not_utf8", "text_as_body", "content_as_object", "finish_length", "reasoning_until_the_limit")
    with pytest.raises(UnicodeDecodeError):
        ask(server).content.decode()
    assert json.loads(ask(server).content)["scenes"]
    assert isinstance(choice(ask(server))["message"]["content"], dict)
    assert [choice(ask(server))["finish_reason"] for _ in range(2)] == ["length", "length"]
