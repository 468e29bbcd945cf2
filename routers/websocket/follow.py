"""What happens on one task WebSocket, as a function over a socket, the feed and the clock; `route` binds it to its address."""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Protocol

from common.clock import Clock
from common.errors import StoryToVideoError
from models.task import ENDED, Task, TaskStatus
from routers import serializers
from routers.errors import envelope
from routers.websocket.task_feed import TaskFeed

DELETED = "任务已删除"


class Socket(Protocol):
    """One side of an open WebSocket."""

    def send(self, text: str) -> None:
        """Send a text message; raises `SocketClosed`."""

    def wake(self) -> None:
        """Make `wait` return; may be called from any thread."""

    def wait(self) -> bool:
        """Wait for `wake`, dropping whatever the client says; returns False once the socket is not to be used any more."""


class SocketClosed(StoryToVideoError):
    """The client has gone."""


def follow(
    socket: Socket, feed: TaskFeed, clock: Clock, task_id: str, render: Callable[[Task], dict[str, Any]]
) -> None:
    """Send the task as it is, then again whenever status, progress or message changed; return when it has ended.

    A task that is deleted meanwhile ends as `cancelled`: a client that is left without an end waits for ever. An unknown one is answered
    with an error. Raises `SocketClosed`.
    """
    last: dict[str, Any] | None = None
    with feed.watch(task_id, socket.wake) as watcher:
        while True:
            row = watcher.take()
            if row is not None:
                last = render(row)
                _send(socket, last)
                if row.status in ENDED:
                    return
            elif watcher.gone:
                _send(socket, _unknown(task_id) if last is None else _deleted(last, clock))
                return
            elif not socket.wait():
                return


def _send(socket: Socket, body: dict[str, Any]) -> None:
    socket.send(json.dumps(body, ensure_ascii=False, separators=(",", ":")))


def _unknown(task_id: str) -> dict[str, Any]:
    return envelope(HTTPStatus.NOT_FOUND, f"task not found: {task_id}")


def _deleted(last: dict[str, Any], clock: Clock) -> dict[str, Any]:
    now = serializers.time(clock.now())
    return {**last, "status": TaskStatus.CANCELLED.value, "message": DELETED, "finishedAt": now, "updatedAt": now}
