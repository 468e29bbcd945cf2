"""An OpenAI-compatible chat server: OpenAI, DeepSeek, DashScope, Ark, vLLM, LM Studio, relays."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from tests.support.model_servers.base import Refused, Route
from tests.support.model_servers.broken_answers import LENGTH, STOP
from tests.support.model_servers.chat_turns import (
    BROKEN,
    MakeAnswer,
    Turn,
    answer_by_schema,
    cut_to,
    text_in,
    tokens,
)
from tests.support.model_servers.exchange import Received, Reply, json_reply
from tests.support.model_servers.fields import Field, check
from tests.support.model_servers.openai_form import OpenAIServer
from tests.support.model_servers.schemas import Schema, not_strict

FIELDS = {
    "model": Field(required=True),
    "messages": Field("list", required=True, shortest=1),
    "temperature": Field("number", low=0, high=2),
    "top_p": Field("number", low=0, high=1),
    "max_tokens": Field("integer", low=1),
    "max_completion_tokens": Field("integer", low=1),
    "seed": Field("integer"),
    "response_format": Field("object"),
    "stream": Field("truth"),
    "stream_options": Field("object"),
    "n": Field("integer", low=1, high=1),
    "stop": Field("any"),
    "presence_penalty": Field("number", low=-2, high=2),
    "frequency_penalty": Field("number", low=-2, high=2),
    "reasoning_effort": Field(choices=("none", "minimal", "low", "medium", "high")),
    "user": Field(),
}
MESSAGE = {
    "role": Field(required=True, choices=("system", "developer", "user", "assistant")),
    "content": Field("any", required=True),
    "name": Field(),
}
FORMAT = {"type": Field(required=True, choices=("text", "json_object", "json_schema")), "json_schema": Field("object")}
NAMED_SCHEMA = {
    "name": Field(required=True, shortest=1, longest=64),
    "description": Field(),
    "schema": Field("object", required=True),
    "strict": Field("truth"),
}
NO_WORD_JSON = "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
PIECE = 7  # bytes: characters are torn between chunks
DELTA = 40  # characters of an event


def read_format(body: dict[str, Any], strict_schemas: bool) -> Schema | None:
    """The schema of a request's `response_format`; None: it has none. What OpenAI refuses is refused."""
    wanted = body.get("response_format") or {"type": "text"}
    check(FORMAT, wanted, "response_format.")
    if wanted["type"] == "json_object" and not any("json" in text_in(each).lower() for each in body["messages"]):
        raise Refused(400, NO_WORD_JSON, None, "messages")
    if wanted["type"] != "json_schema":
        return None
    if "json_schema" not in wanted:
        raise Refused(400, "Missing required parameter: 'response_format.json_schema'.", "missing_required_parameter")
    named = wanted["json_schema"]
    check(NAMED_SCHEMA, named, "response_format.json_schema.")
    fault = not_strict(named["schema"]) if named.get("strict") and strict_schemas else ""
    if fault or not re.fullmatch(r"[a-zA-Z0-9_-]+", named["name"]):
        why = fault or "the name may have letters, digits, _ and - only"
        raise Refused(400, f"Invalid schema for response_format '{named['name']}': {why}", None, "response_format")
    schema: Schema = named["schema"]
    return schema


class OpenAIChat(OpenAIServer):
    """`answer` makes the right answer; a model's whole `context`, in tokens, is for question and answer together.

    Besides those of `BROKEN_ANSWERS` and of every server it has the behaviours of `_replies`.
    """

    main = "POST /v1/chat/completions"

    def __init__(
        self,
        *,
        answer: MakeAnswer = answer_by_schema,
        context: int = 128_000,
        strict_schemas: bool = True,
        **common: Any,
    ) -> None:
        self.answer, self.context, self.strict_schemas = answer, context, strict_schemas
        super().__init__(**common)

    def serves(self) -> dict[str, Route[Any]]:
        return {**super().serves(), self.main: Route(self._check, self._happy, self._replies(), charged=True)}

    def _check(self, received: Received) -> Turn:
        body = self.checked(received, FIELDS)
        for number, message in enumerate(body["messages"]):
            if not isinstance(message, dict):
                raise Refused(400, f"Invalid type for 'messages[{number}]'.", "invalid_type", "messages")
            check(MESSAGE, message, f"messages[{number}].")
            if not isinstance(message["content"], (str, list)):
                raise Refused(400, f"Invalid type for 'messages[{number}].content'.", "invalid_type", "messages")
        schema = read_format(body, self.strict_schemas)
        limit = body.get("max_tokens") or body.get("max_completion_tokens")
        asked = sum(tokens(text_in(message)) for message in body["messages"])
        if asked + (limit or 0) > self.context:
            said = f"This model's maximum context length is {self.context} tokens. However, you requested {asked + (limit or 0)} tokens"
            raise Refused(
                400,
                f"{said} ({asked} in the messages, {limit or 0} in the completion).",
                "context_length_exceeded",
                "messages",
            )
        return Turn(body, schema, self.answer(body["messages"], schema), limit or self.context - asked, asked)

    def _happy(self, turn: Turn) -> Reply:
        return self._said(turn, *cut_to(turn.text, turn.limit))

    def _said(self, turn: Turn, content: Any, finish: str = STOP, **more: Any) -> Reply:
        """A completion with this content, streamed where that was asked for."""
        message = {"role": "assistant", "content": content, **more}
        if turn.body.get("stream"):
            return self._streamed(turn, message, finish)
        return self._completion(turn, [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}])

    def _completion(self, turn: Turn, choices: Any) -> Reply:
        made = tokens(json.dumps(choices, ensure_ascii=False))
        usage = {
            "prompt_tokens": turn.prompt_tokens,
            "completion_tokens": made,
            "total_tokens": turn.prompt_tokens + made,
        }
        return json_reply({**self._frame(turn, "chat.completion"), "choices": choices, "usage": usage})

    def _frame(self, turn: Turn, kind: str) -> dict[str, Any]:
        number = len(self.received)
        return {"id": f"chatcmpl-{number}", "object": kind, "created": 1_700_000_000, "model": turn.body["model"]}

    def _streamed(self, turn: Turn, message: dict[str, Any], finish: str) -> Reply:
        texts = [
            (name, message[name]) for name in ("reasoning_content", "content") if isinstance(message.get(name), str)
        ]
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        deltas += [{name: text[at : at + DELTA]} for name, text in texts for at in range(0, len(text), DELTA)]
        choices: list[dict[str, Any]] = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
        choices.append({"index": 0, "delta": {}, "finish_reason": finish})
        frame = self._frame(turn, "chat.completion.chunk")
        events = [json.dumps({**frame, "choices": [choice]}, ensure_ascii=False) for choice in choices]
        content = "".join(f"data: {event}\n\n" for event in [*events, "[DONE]"]).encode()
        return Reply(content=content, content_type="text/event-stream", piece=PIECE * 100)

    def _replies(self) -> dict[str, Callable[[Turn], Reply]]:
        def broken(name: str) -> Callable[[Turn], Reply]:
            return lambda turn: self._said(turn, *turn.broken(BROKEN[name]))

        said = self._said
        return {
            **{name: broken(name) for name in BROKEN},
            "json_schema_unsupported": lambda turn: self._unsupported(turn, "json_schema"),
            "response_format_unsupported": lambda turn: self._unsupported(turn, "json_schema", "json_object"),
            "ignores_schema": self._ignores_schema,
            "answer_in_reasoning": lambda turn: said(turn, "", reasoning_content=turn.text),
            "answer_in_reasoning_and_null": lambda turn: said(turn, None, reasoning_content=turn.text),
            "reasoning_beside": lambda turn: said(turn, turn.text, reasoning_content="先想一想 {…}。"),
            "reasoning_until_the_limit": lambda turn: said(turn, "", LENGTH, reasoning_content="再想一想。" * 200),
            "content_null": lambda turn: said(turn, None),
            "content_missing": lambda turn: self._completion(
                turn, [{"index": 0, "message": {}, "finish_reason": STOP}]
            ),
            "content_in_parts": lambda turn: said(turn, [{"type": "text", "text": turn.text}]),
            "content_as_object": lambda turn: said(turn, turn.right),
            "refusal_field": lambda turn: said(turn, None, refusal="I'm sorry, I can't assist with that."),
            "content_filter": lambda turn: said(turn, "", "content_filter"),
            "finish_length": lambda turn: said(turn, turn.text[: len(turn.text) // 2], LENGTH),
            "choices_empty": lambda turn: self._completion(turn, []),
            "choices_null": lambda turn: self._completion(turn, None),
            "choices_missing": lambda _turn: json_reply({"object": "chat.completion"}),
            "error_with_200": lambda _turn: json_reply({"error": {"message": "upstream error", "code": 500}}),
            "list_as_body": lambda turn: json_reply([turn.right]),
            "not_utf8": lambda turn: Reply(content=self._happy(turn).content.decode().encode("gb18030")),
            "text_as_body": lambda turn: Reply(content=turn.text.encode(), content_type="text/plain; charset=utf-8"),
        }

    def _unsupported(self, turn: Turn, *types: str) -> Reply:
        type_ = (turn.body.get("response_format") or {}).get("type")
        if type_ in types:
            message = f"Invalid parameter: 'response_format' of type '{type_}' is not supported with this model."
            raise Refused(400, message, None, "response_format")
        return self._happy(turn)

    def _ignores_schema(self, turn: Turn) -> Reply:
        if turn.schema is None:
            return self._happy(turn)
        return self._said(
            turn, BROKEN["chatter_before"].make(BROKEN["code_fence"].make(BROKEN["bare_list"].make(turn.right)))
        )
