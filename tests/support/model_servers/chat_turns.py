"""One turn of a conversation: what was asked for, the right answer to it, and tokens, roughly as models count them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.model_servers.broken_answers import BROKEN_ANSWERS, LENGTH, STOP, BrokenAnswer
from tests.support.model_servers.schemas import Schema, made, schema_in

Messages = list[dict[str, Any]]
MakeAnswer = Callable[[Messages, "Schema | None"], Any]
"""From the messages, as the model sees them, and the schema, where the request has one, to an object, or a text to be sent as it is."""

BROKEN = {each.name: each for each in BROKEN_ANSWERS}


def answer_by_schema(messages: Messages, schema: Schema | None) -> Any:
    """What fits the schema of the request, else the one that the messages describe."""
    return made(schema_in([text_in(each) for each in messages]) if schema is None else schema)


def text_in(message: dict[str, Any]) -> str:
    """A message's text, which may come in parts."""
    content = message["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def cost(char: str) -> float:
    """Tokens of a character: a Chinese one has its own, four Latin letters share one."""
    return 1.0 if ord(char) >= 0x2E80 else 0.25


def tokens(text: str) -> int:
    """Those of a text."""
    return round(sum(map(cost, text)))


def cut_to(text: str, limit: int | None) -> tuple[str, str]:
    """As much of a text as the limit of tokens allows, and why it ended."""
    if limit is None or tokens(text) <= limit:
        return text, STOP
    spent = 0.0
    for at, char in enumerate(text):
        spent += cost(char)
        if spent > limit:
            return text[:at], LENGTH
    return text, STOP


@dataclass(frozen=True)
class Turn:
    """`right` is the right answer; `limit` how many tokens an answer may have, None: any number."""

    body: dict[str, Any]
    schema: Schema | None
    right: Any
    limit: int | None = None
    prompt_tokens: int = 0

    @property
    def text(self) -> str:
        """The right answer as a model should write it."""
        return self.right if isinstance(self.right, str) else json.dumps(self.right, ensure_ascii=False)

    def broken(self, answer: BrokenAnswer) -> tuple[str, str]:
        """The answer as that model writes it, and why it ended."""
        return (
            cut_to(answer.make(self.right), self.limit) if answer.finish == STOP else (answer.make(self.right), LENGTH)
        )
