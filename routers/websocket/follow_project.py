"""What happens on one project WebSocket, as a function over a socket, the feed and the clock; `route` binds it to its address."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from http import HTTPStatus
from typing import Any

from common.clock import Clock
from models.asset import Asset
from models.project import Project
from models.shot import Shot
from models.task import OPEN, Task
from models.types import DAWN
from routers import serializers
from routers.errors import envelope
from routers.websocket.follow import Socket
from routers.websocket.project_feed import Change, ProjectFeed, Snapshot, Watcher
from routers.websocket.project_rows import FILM, PROJECT, SHOT, TASK, Row

HEARTBEAT_S = 15.0
UNKNOWN = "项目不存在"

Json = serializers.Json
Render = Callable[[Row, Sequence[str]], Json]
"""A row as clients see it; of a film with the shots by which it is stale."""


def follow_project(
    socket: Socket, feed: ProjectFeed, clock: Clock, project_id: str, after: int | None, render: Render
) -> None:
    """Send what is not known to who has seen `after`, then every change, and a heartbeat where nothing was said for long.

    Returns when the project is deleted, or the socket is not to be used any more. An unknown project is answered with an error.
    Raises `SocketClosed`.
    """
    with feed.watch(project_id, socket.wake, after) as watcher:
        if watcher.gone:
            _send(socket, envelope(HTTPStatus.NOT_FOUND, UNKNOWN))
            return
        spoke = clock.monotonic()
        while True:
            for message in _news(watcher, render):
                _send(socket, message)
                spoke = clock.monotonic()
            if watcher.gone:
                _send(socket, {"seq": watcher.seq, "type": "gone"})
                return
            if clock.monotonic() - spoke >= HEARTBEAT_S:
                _send(socket, {"seq": watcher.seq, "type": "heartbeat"})
                spoke = clock.monotonic()
            if not socket.wait():
                return


def rendering(link: serializers.UrlResolver) -> Render:
    """Rows as the routes show them, with such links."""

    def render(row: Row, stale_shots: Sequence[str] = ()) -> Json:
        if isinstance(row, Project):
            body = serializers.project(row, link)
            del body["storyText"]  # it may have tens of thousands of characters, and is told with every change
            return body
        if isinstance(row, Shot):
            return serializers.shot(row, link)
        return serializers.task(row, link) if isinstance(row, Task) else serializers.film(row, link, stale_shots)

    return render


def _news(watcher: Watcher, render: Render) -> Iterator[Json]:
    found = watcher.take()
    if isinstance(found, Snapshot):
        yield _snapshot(found, render)
    else:
        yield from (_change(change, render) for change in found)


def _change(change: Change, render: Render) -> Json:
    return {"seq": change.seq, "type": change.kind, change.kind: render(change.row, change.stale_shots)}


def _snapshot(found: Snapshot, render: Render) -> Json:
    shots = sorted((row for row in found.rows if isinstance(row, Shot)), key=lambda row: (row.order, row.id))
    films = sorted((row for row in found.rows if isinstance(row, Asset)), key=lambda row: -row.number)
    projects = [row for row in found.rows if isinstance(row, Project)]
    return {
        "seq": found.seq,
        "type": "snapshot",
        PROJECT: render(projects[0], ()),
        f"{SHOT}s": [render(row, ()) for row in shots],
        f"{TASK}s": [render(row, ()) for row in _that_count(row for row in found.rows if isinstance(row, Task))],
        f"{FILM}s": [render(row, found.ages.get(row.object_key, ())) for row in films],
    }


def _that_count(tasks: Iterable[Task]) -> list[Task]:
    """Oldest first: those that are open, and of the others the last of each kind for each shot, which tells what became of it."""
    last: dict[Any, Task] = {}
    for task in sorted(tasks, key=lambda row: (row.created_at or DAWN, row.seq, row.id)):
        last[task.id if task.status in OPEN else (task.type, task.target_shot_id)] = task
    return sorted(last.values(), key=lambda row: (row.created_at or DAWN, row.seq, row.id))


def _send(socket: Socket, body: Json) -> None:
    socket.send(json.dumps(body, ensure_ascii=False, separators=(",", ":")))
