"""A body that stops coming."""

from __future__ import annotations

import asyncio

import pytest
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from worker_node.bodylimit import BodyLimit

SCOPE: Scope = {"type": "http", "headers": []}


async def nothing_sent(_message: Message) -> None: ...


def ask(*messages: Message, reads: int) -> None:
    """Read so many messages through the limits; after those given none comes for longer than the limits wait."""

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        for _ in range(reads):
            await receive()

    left = list(messages)

    async def receive() -> Message:
        if not left:
            await asyncio.sleep(0.5)
            return {"type": "http.disconnect"}
        return left.pop(0)

    asyncio.run(BodyLimit(app, limit=100, total=100, idle_s=0.05)(SCOPE, receive, nothing_sent))


def test_a_body_that_stops_coming_is_given_up() -> None:
    with pytest.raises(HTTPException) as raised:
        ask({"type": "http.request", "body": b"half", "more_body": True}, reads=2)
    assert raised.value.status_code == 408


def test_who_sent_all_may_wait_for_the_answer() -> None:
    ask({"type": "http.request", "body": b"whole"}, reads=2)
