"""The recoverer among thousands of tasks that wait."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from models.base import new_id
from models.project import Project
from models.task import Task, TaskStatus, TaskType
from processor import recoverer
from processor.recoverer import Recoverer
from service.workflow import completion
from service.workflow.unit_of_work import ProjectUnit
from tests.integration.models.rows import NOW, project, shot, task
from tests.integration.processor.conftest import Backend
from tests.support.database_work import Work, counted

MANY = 2000
NEVER_MS = 1 << 50  # as a time
LATER = NOW + timedelta(days=1)


def new_project(backend: Backend, *tasks: Task) -> Project:
    """A project with these tasks."""
    made = project()
    with backend.services.database.write() as session:
        session.add(made)
        session.flush()
        for row in tasks:
            row.project_id = made.id
        session.add_all(tasks)
    return made


def waiting(count: int) -> list[Task]:
    """Tasks that wait for a storyboard, which comes last and waits for its turn."""
    board = task("", type=TaskType.STORYBOARD, not_before=NEVER_MS)
    blocked = {"status": TaskStatus.BLOCKED, "parameters": {"depends_on": [new_id(), board.id]}}
    return [*(task("", **blocked) for _ in range(count)), board]


def a_round(backend: Backend) -> Work:
    """What one round does to the database."""
    with counted(backend.services.database) as work:
        Recoverer(backend.services).recover()
    work.statements = [one for one in work.statements if not one[0].startswith("BEGIN")]
    return work


def test_a_round_finds_the_last_of_thousands_that_is_stuck(backend: Backend) -> None:
    new_project(backend, *waiting(MANY))
    ended = task("", type=TaskType.STORYBOARD, status=TaskStatus.FAILED)
    parameters = (
        {"depends_on": [ended.id]},
        None,
        {"depends_on": [new_id()]},
        {"depends_on": [{}, 7]},
        {"depends_on": 7},
    )
    stuck = [task("", status=TaskStatus.BLOCKED, created_at=LATER, parameters=one) for one in parameters]
    new_project(backend, ended, *stuck)
    a_round(backend)
    assert {backend.status(row.id) for row in stuck} == {"cancelled"}
    with backend.services.database.read() as session:
        still = session.scalar(select(func.count()).where(Task.status == TaskStatus.BLOCKED))
    assert still == MANY


def test_a_round_asks_the_same_however_many_wait_and_its_work_grows_with_their_number(backend: Backend) -> None:
    new_project(backend, *waiting(MANY // 4))
    few = a_round(backend)
    new_project(backend, *waiting(MANY))
    many = a_round(backend)
    assert len(many.statements) == len(few.statements) <= 3
    assert many.tasks == few.tasks == 0, "no whole row is read"
    assert many.reads < 2 * (MANY * 5 // 4) / (MANY // 4) * few.reads


def test_what_ended_long_ago_does_not_slow_a_round(backend: Backend) -> None:
    new_project(backend, *waiting(10))
    before = a_round(backend)
    new_project(backend, *(task("", status=TaskStatus.FINISHED) for _ in range(MANY)))
    after = a_round(backend)
    assert after.reads < 2 * before.reads


def test_ids_that_differ_in_case_are_different_tasks(backend: Backend) -> None:
    ended, alike = task("", id="abc", status=TaskStatus.FINISHED), "ABC"
    stuck = task("", status=TaskStatus.BLOCKED, parameters={"depends_on": [alike]})
    new_project(backend, ended, stuck, task("", id="abd", not_before=NEVER_MS))
    other = task("", status=TaskStatus.BLOCKED, parameters={"depends_on": ["abd"]})
    new_project(backend, other)
    a_round(backend)
    assert (backend.status(stuck.id), backend.status(other.id)) == ("cancelled", "blocked")


def test_a_task_that_cannot_be_resumed_keeps_no_other_from_it(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = task("", status=TaskStatus.BLOCKED)
    good = task("", status=TaskStatus.BLOCKED, created_at=LATER)
    new_project(backend, bad, good)
    real = completion.resume_blocked

    def resume(unit: ProjectUnit, blocked: Task) -> None:
        if blocked.id == bad.id:
            raise RuntimeError("a bug")
        real(unit, blocked)

    monkeypatch.setattr(completion, "resume_blocked", resume)
    a_round(backend)
    assert (backend.status(bad.id), backend.status(good.id)) == ("blocked", "cancelled")


def test_groups_at_work_leave_no_other_task_out(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recoverer, "BATCH", 2)
    groups = [task("", type=TaskType.NARRATION, status=TaskStatus.PROCESSING) for _ in range(3)]
    made = new_project(backend, *groups)
    with backend.services.database.write() as session:
        session.add(shot(made.id, id="shot"))
        session.flush()
        part = {"type": TaskType.NARRATION, "shot_id": "shot", "not_before": NEVER_MS}
        session.add_all(task(made.id, parent_id=group.id, **part) for group in groups)
    due, left_by_go = task("", created_at=LATER, seq=1), task("", type=TaskType.NARRATION, created_at=LATER, seq=2)
    new_project(backend, due, left_by_go)
    a_round(backend)
    assert backend.services.queue.rq.job_ids == [due.id, left_by_go.id]


def test_a_film_that_its_processor_left_is_due_though_it_has_narrations_of_its_own(backend: Backend) -> None:
    film = task("", type=TaskType.FILM, status=TaskStatus.PROCESSING, lease_until=1)
    made = new_project(backend, film)
    with backend.services.database.write() as session:
        session.add(shot(made.id, id="shot"))
        session.flush()
        part = {"type": TaskType.NARRATION, "shot_id": "shot", "status": TaskStatus.FINISHED}
        session.add(task(made.id, parent_id=film.id, **part))
    a_round(backend)
    assert backend.services.queue.rq.job_ids == [film.id]
