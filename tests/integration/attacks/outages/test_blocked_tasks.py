"""Blocked tasks of many projects: the stuck ones among them are found, and the others cost nothing."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, func, select

from models.task import Task, TaskStatus, TaskType
from processor.recoverer import Recoverer
from routers.app import create_app
from service import shots
from tests.integration.attacks.outages.helpers import every_database, film
from tests.integration.models import rows
from tests.integration.processor.conftest import Backend
from tests.support.database_work import Work, counted
from tests.support.node.scripts import running

pytestmark = pytest.mark.soak
NEVER_MS = 1 << 50  # as a time


def blocked(backend: Backend, count: int, *, stuck_of: str = "") -> list[str]:
    """The tasks of a new project that wait for an image, which waits for its turn or has ended so; their ids."""
    made, image = rows.project(), rows.task("", not_before=NEVER_MS)
    if stuck_of == "failed":
        image.status = TaskStatus.FAILED
    waiting = [
        rows.task("", type=TaskType.FILM, status=TaskStatus.BLOCKED, parameters={"depends_on": [image.id]})
        for _ in range(count)
    ]
    with backend.services.database.write() as session:
        session.add(made)
        session.flush()
        for row in (image, *waiting):
            row.project_id = made.id
        session.add_all([*waiting, image] if stuck_of != "deleted" else waiting)
        return [row.id for row in waiting]


def a_round(backend: Backend) -> Work:
    with counted(backend.services.database) as work:
        Recoverer(backend.services).recover()
    return work


def are_blocked(backend: Backend) -> int:
    with backend.services.database.read() as session:
        return session.scalar(select(func.count()).where(Task.status == TaskStatus.BLOCKED)) or 0


@every_database
@pytest.mark.parametrize("ended", ["failed", "deleted"])
def test_the_one_stuck_project_of_many_is_found_for_as_many_statements_as_of_few(backend: Backend, ended: str) -> None:
    counts = []
    for more in (3, 60):
        for _ in range(more):
            blocked(backend, 10)
        [stuck] = blocked(backend, 1, stuck_of=ended)
        waiting = are_blocked(backend)
        counts.append(len(a_round(backend).statements))
        assert backend.status(stuck) != "blocked"
        assert are_blocked(backend) == waiting - 1
    assert counts[1] <= counts[0] + 3, counts
    assert counts[0] < 40


def test_each_of_many_stuck_projects_costs_the_same(backend: Backend) -> None:
    counts = []
    for stuck in (10, 40):
        for number in range(stuck):
            blocked(backend, 1, stuck_of=("failed", "deleted")[number % 2])
        counts.append(len(a_round(backend).statements))
        assert are_blocked(backend) == 0
    assert counts[1] <= 4.5 * counts[0]


def test_a_chain_of_blocked_tasks_whose_first_is_stuck_comes_undone(backend: Backend) -> None:
    [last] = blocked(backend, 1, stuck_of="deleted")
    with backend.services.database.write() as session:
        project_id = session.get_one(Task, last).project_id
        for _ in range(5):
            parameters = {"depends_on": [last]}
            row = rows.task(project_id, type=TaskType.FILM, status=TaskStatus.BLOCKED, parameters=parameters)
            session.add(row)
            session.flush()
            last = row.id
    backend.start()
    backend.wait(last, "finished", "failed", "cancelled")
    assert are_blocked(backend) == 0


def test_a_film_whose_image_in_the_making_is_lost_from_the_table_is_made(backend: Backend) -> None:
    backend.start()
    project_id = backend.drawn(2)
    backend.node.script("generate_shot", lambda _e: running())
    [first, _] = shots.of_project(backend.services, project_id)
    address = f"/v1/api/projects/{project_id}/shots/{first.id}"
    client = create_app(backend.services).test_client()
    image = client.post(address, json={"prompt": "红色的山"}).get_json()["task_id"]
    waiting = film(backend, project_id)
    assert backend.status(waiting) == "blocked"
    with backend.services.database.write() as session:
        session.execute(delete(Task).where(Task.id == image))
    backend.wait(waiting, "finished")
