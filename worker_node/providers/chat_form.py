"""How a chat server is told to answer in JSON: the strictest way that it takes, found out once in a process."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from worker_node.providers.http_errors import Refused

Way = TypeVar("Way")
UNUSABLE = (400, 415, 422, 501)


class Ways:
    """Ways of asking, the best first. A server that refuses one is asked by the next, from then on."""

    def __init__(self, ways: Sequence[str]) -> None:
        self._ways = list(ways)

    def ask(self, ask: Callable[[str], bytes]) -> bytes:
        """What `ask(way)` returns by the best way that works; raises the last refusal where none does, and is as before then."""
        for number, way in enumerate(self._ways):
            try:
                answer = ask(way)
            except Refused as refused:
                if refused.status not in UNUSABLE or not refused.said or number + 1 == len(self._ways):
                    raise
                continue
            del self._ways[:number]
            return answer
        raise AssertionError("there is always a way")


def text_in(value: Any) -> str:
    """The text of a message's content: as it is, in parts, or an object that should have been a text."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(text_in(each.get("text")) if isinstance(each, dict) and "text" in each else "" for each in value)
    return "" if value is None else as_text(value)


def as_text(value: Any) -> str:
    """Any JSON value as text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def count(value: object) -> int:
    """A number of tokens; 0 for what is none."""
    return value if isinstance(value, int) and value > 0 else 0
