"""People who have films made meanwhile, and what must be true of their films afterwards."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from sqlalchemy import select

from models.asset import Asset
from models.db import Database
from models.task import OPEN, Task, TaskStatus, TaskType
from tests.e2e import film_facts
from tests.e2e.client import Client
from tests.faults.world import World
from tests.support.wait import wait_until

STORY = "从前有一只小狐狸住在森林里。清晨，太阳照在雪山上。夜里，它看见月亮落进湖中。"
SHOTS = 2
PATIENCE_S = 600.0
AWAY = 503


class PatientClient(Client):
    """Asks again while it is told that something is away, or while a server is; an answer that does not come at all is a failure."""

    def request(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """The first answer that is not "try again later"."""
        return wait_until(lambda: self._answer(method, path, **arguments), PATIENCE_S, f"{method} {path}")  # type: ignore[return-value]  # true, so not None

    def _answer(self, method: str, path: str, **arguments: Any) -> requests.Response | None:
        try:
            answer = super().request(method, path, **arguments)
        except (
            requests.ConnectionError,
            requests.exceptions.ChunkedEncodingError,
        ):  # killed before, or amid its answer
            return None
        return None if answer.status_code == AWAY else answer

    def fetch(self, url: str) -> Path:
        """See `Client.fetch`."""
        return wait_until(lambda: self._fetched(url), PATIENCE_S, url)  # type: ignore[return-value]  # true, so not None

    def _fetched(self, url: str) -> Path | None:
        try:
            return super().fetch(url)
        except requests.RequestException:
            return None


@dataclass
class Stories:
    """Films that are being made: by `people` at once, one after the other until `enough`, so that work is under way all the time."""

    world: World
    people: int = 2
    enough: threading.Event = field(default_factory=threading.Event)
    projects: list[str] = field(default_factory=list)

    def tell(self, number: int) -> None:
        """One person's films."""
        client = PatientClient([server.url for server in self.world.deployment.servers], self.world.deployment.folder)
        while not self.enough.is_set():
            created = client.create(f"故事 {number}", STORY, SHOTS)
            client.wait(created["text_task_id"])
            for task_id in created["shot_task_ids"]:
                client.wait(task_id)
            client.film(created["project_id"])
            self.projects.append(created["project_id"])


@contextmanager
def told(world: World) -> Iterator[Stories]:
    """Films are made while the block runs; those begun are finished afterwards, and looked at."""
    stories = Stories(world)
    with ThreadPoolExecutor(stories.people) as threads:
        people = [threads.submit(stories.tell, number) for number in range(stories.people)]
        try:
            yield stories
        finally:
            stories.enough.set()
        for person in people:
            person.result()
    check(stories)


def check(stories: Stories) -> None:
    """All work is done, films show their images, and objects and rows match."""
    world = stories.world
    with world.deployment.database() as database:
        wait_until(lambda: not _open_tasks(database), PATIENCE_S, "the end of every task")
        with database.read() as session:
            ended = {(task.id, task.type, task.status, task.error) for task in session.scalars(select(Task))}
        assert {end for end in ended if end[2] != TaskStatus.FINISHED} == set()
        _objects_and_rows_match(world, database)
    client = PatientClient([world.deployment.servers[0].url], world.deployment.folder)
    for project in stories.projects:
        _film_is_whole(world, client, project)


def films_at_work(world: World) -> int:
    """How many films are being made, by the database, which must be there."""
    with world.deployment.database() as database, database.read() as session:
        held = (Task.type == TaskType.FILM, Task.status == TaskStatus.PROCESSING, Task.progress > 0)
        return len(list(session.scalars(select(Task.id).where(*held))))


def _open_tasks(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(Task.id).where(Task.status.in_(OPEN))))


def _objects_and_rows_match(world: World, database: Database) -> None:
    with database.read() as session:
        stored = list(session.scalars(select(Asset).where(Asset.stored_at.is_not(None))))
    named = {key for asset in stored for key in (asset.object_key, *(asset.details or {}).get("companions", []))}
    wait_until(lambda: named == set(world.deployment.store().list("projects/")), PATIENCE_S, "the removal of leftovers")


def _film_is_whole(world: World, client: Client, project: str) -> None:
    view = client.get(f"/v1/api/projects/{project}")
    url = view["project_detail"]["videoUrl"]
    number = Path(urlsplit(url).path).stem  # a film that was begun before an outage keeps its number to itself
    log = world.deployment.read_json(f"projects/{project}/films/{number}.log.json")
    assert log["warnings"] == []
    images = film_facts.frames(client.fetch(url))
    for shot, timing in zip(view["shots"], log["shots"], strict=True):
        middle = images[int((timing["start"] + timing["end"]) / 2 * 15)]
        assert film_facts.best_match(middle, client.fetch(shot["imagePath"])) > 0.8, shot["order"]
