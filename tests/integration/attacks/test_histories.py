"""A project that has a past: two thousand ended films, clips and narrations cost what is asked today no more."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from models.asset import Asset, AssetKind
from models.base import new_id
from models.shot import ShotStatus
from models.task import Task, TaskStatus, TaskType
from routers.app import create_app
from service.container import Services
from tests.integration.models import rows
from tests.support.columns import DATABASES, address_of
from tests.support.database_work import counted
from tests.support.web_app import make_settings, open_services

SHOTS = 20
SHORT, LONG = 20, 500  # ended films, each with two narrations of its own and a clip: four tasks
SOME_READS = 400  # of one more level of an index, and of a page of it
ENDS = [TaskStatus.FAILED, TaskStatus.FINISHED, TaskStatus.CANCELLED]


@pytest.fixture
def services(request: pytest.FixtureRequest, tmp_path: Path, redis_url: str) -> Iterator[Services]:
    address = address_of(request.param, request)
    with open_services(make_settings(tmp_path, address), redis_url) as parts:
        yield parts


class Past:
    """A project with so many ended films."""

    def __init__(self, services: Services, films: int) -> None:
        project = rows.project(status="ready", story_text="从前有一座山。" * 100)
        self.id = project.id
        self.shots = [new_id() for _ in range(SHOTS)]
        made: list[Any] = [
            rows.shot(
                project.id,
                id=shot_id,
                order=number,
                status=ShotStatus.COMPLETED,
                narration="旁白。",
                image_path=f"projects/{project.id}/shots/{number}/image-1.png",
                duration=2,
            )
            for number, shot_id in enumerate(self.shots, 1)
        ]
        tasks: list[Task] = []
        assets: list[Asset] = []
        for number in range(films):
            at = rows.NOW + timedelta(seconds=number)
            common: dict[str, Any] = {"created_at": at, "updated_at": at, "finished_at": at}
            end = ENDS[number % 3]
            group = rows.task(project.id, type=TaskType.NARRATION, status=end, **common)
            shot_id = self.shots[number % SHOTS]
            children = [
                rows.task(
                    project.id, type=TaskType.NARRATION, shot_id=shot_id, parent_id=group.id, status=end, **common
                )
            ]
            clip = rows.task(project.id, type=TaskType.FILM, shot_id=shot_id, status=end, **common)
            film = rows.task(
                project.id,
                type=TaskType.FILM,
                status=end,
                parameters={"film": {}, "depends_on": [group.id, *(child.id for child in children)]},
                **common,
            )
            tasks += [group, *children, clip, film]
            assets.append(
                Asset(
                    object_key=f"projects/{project.id}/films/{number + 1}.mp4",
                    project_id=project.id,
                    task_id=film.id,
                    kind=AssetKind.FILM,
                    number=number + 1,
                    created_at=at,
                    stored_at=at,
                )
            )
        self.failed = next(task.id for task in reversed(tasks) if task.status == TaskStatus.FAILED)
        with services.database.write() as session:
            session.add(project)
            session.flush()
            session.add_all(made)
            session.flush()
            session.add_all([*tasks, *assets])


Request = Callable[[FlaskClient, Past], Any]
ASKED: dict[str, Request] = {
    "a film": lambda client, past: client.post(f"/v1/api/projects/{past.id}/video"),
    "a clip": lambda client, past: client.post(f"/v1/api/projects/{past.id}/video?shot_id={past.shots[3]}"),
    "narrations": lambda client, past: client.post(f"/v1/api/projects/{past.id}/tts"),
    "another image": lambda client, past: client.post(f"/v1/api/projects/{past.id}/shots/{past.shots[2]}?prompt=b"),
    "a retry": lambda client, past: client.post(f"/v1/api/tasks/{past.failed}/retry"),
    "the project": lambda client, past: client.get(f"/v1/api/projects/{past.id}"),
    "another story": lambda client, past: client.put(f"/v1/api/projects/{past.id}?story_text=b"),
}


CASES = [*(("sqlite", what) for what in ASKED), *itertools.product(DATABASES[1:], ("a film", "another story"))]


@pytest.mark.parametrize(("services", "what"), CASES, indirect=["services"])
def test_a_long_past_costs_what_is_asked_no_more(services: Services, tmp_path: Path, what: str) -> None:
    client = create_app(services, tmp_path / "static").test_client()
    costs = []
    for films in (SHORT, LONG):
        past = Past(services, films)
        ASKED[what](client, Past(services, 1))  # what is read once is read now
        with counted(services.database) as work:
            answer = ASKED[what](client, past)
        assert answer.status_code == 200, answer.text
        costs.append((len(work.statements), work.reads, work.tasks))
    (short, short_reads, short_tasks), (long, long_reads, long_tasks) = costs

    assert long <= short + 2, costs
    assert long_tasks <= short_tasks + 2, costs
    assert long_reads <= 1.5 * short_reads + SOME_READS, costs


@pytest.mark.parametrize("services", ["sqlite"], indirect=True)
def test_a_cancel_in_a_project_with_a_past_costs_no_more(services: Services, tmp_path: Path) -> None:
    client = create_app(services, tmp_path / "static").test_client()
    costs = []
    for films in (SHORT, LONG):
        past = Past(services, films)
        task_id = client.post(f"/v1/api/projects/{past.id}/tts").get_json()["task_id"]
        client.post(f"/v1/api/projects/{past.id}/video")
        with counted(services.database) as work:
            assert client.post(f"/v1/api/tasks/{task_id}/cancel").status_code == 200
        costs.append((len(work.statements), work.reads, work.tasks))

    assert costs[1][0] <= costs[0][0] + 2, costs
    assert costs[1][1] <= 1.5 * costs[0][1] + SOME_READS, costs
