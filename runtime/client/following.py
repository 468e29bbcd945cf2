"""A project's tasks as they change: by its feed, and by looking once per second where there is none."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from runtime.client.api import Api, FeedBroken, Json
from runtime.client.outcomes import Refused, Unreachable

LOOK_S = 1.0
PATIENCE_S = 60.0  # for a server that is being started again
ENDED = ("finished", "failed", "cancelled")

Show = Callable[[list[Json]], None]


@dataclass
class Tasks:
    """A project's tasks by their ids, the oldest first; `seq` is the last message's."""

    project_id: str
    seq: int | None = None
    known: dict[str, Json] = field(default_factory=dict)

    def hear(self, message: Json) -> bool:
        """Take a message of the feed; whether it is about tasks."""
        self.seq = message.get("seq", self.seq)
        if message["type"] == "gone":
            raise Refused("the project was deleted")
        if message["type"] == "snapshot":
            self.known |= {task["id"]: task for task in message["tasks"]}
        elif message["type"] == "task":
            self.known[message["task"]["id"]] = message["task"]
        return message["type"] in ("snapshot", "task")

    def look(self, api: Api) -> None:
        """Ask for all of them."""
        found = api.call("GET", f"/projects/{self.project_id}/tasks")["tasks"]
        self.known = {task["id"]: task for task in found}


def follow(api: Api, project_id: str) -> Iterator[list[Json]]:
    """All of the project's tasks, at first and after each change. Raises `Unreachable` when the server is away for too long."""
    tasks, heard = Tasks(project_id), time.monotonic()
    while True:
        try:
            for message in api.feed(project_id, tasks.seq):
                heard = time.monotonic()
                if tasks.hear(message):
                    yield list(tasks.known.values())
        except FeedBroken:
            pass
        try:
            tasks.look(api)
            heard = time.monotonic()
            yield list(tasks.known.values())
        except Unreachable:
            if time.monotonic() > heard + PATIENCE_S:
                raise
        time.sleep(LOOK_S)


def wait_for_project(api: Api, project_id: str, show: Show) -> list[Json]:
    """Until nothing of the project is at work; returns what has failed or was cancelled and was not made since."""
    for tasks in follow(api, project_id):
        latest = list({(task["type"], task.get("shotId", "")): task for task in tasks}.values())
        show(latest)
        if all(task["status"] in ENDED for task in tasks):
            return [task for task in latest if task["status"] != "finished"]
    raise AssertionError


def wait_for_task(api: Api, task_id: str, show: Show) -> Json:
    """Until the task has ended; returns it."""
    task: dict[str, Any] = api.call("GET", f"/tasks/{task_id}")["task"]
    show([task])
    if task["status"] in ENDED:
        return task
    for tasks in follow(api, task["projectId"]):
        task = next((one for one in tasks if one["id"] == task_id), task)
        show([task])
        if task["status"] in ENDED:
            return task
    raise AssertionError
