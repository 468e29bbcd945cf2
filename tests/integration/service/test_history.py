"""What a project did long ago costs nothing today: statements, tasks loaded and rows read do not grow with it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from models.base import next_sequence
from models.task import Task, TaskStatus, TaskType
from service import films, narrations, projects, shots, tasks
from service.container import Services
from service.schemas import FilmRequest, NarrationRequest, ProjectChanges, ShotChanges
from service.workflow import completion
from tests.integration.models import rows
from tests.support.columns import DATABASES
from tests.support.database_work import Work, counted
from tests.support.soak import soaking_rows

SHOTS, LITTLE, MUCH = 6, 30, 3000
OWNER = "processor"
SAID = "雾来了。"
SLACK = 60  # reads: a page of the index more or less, the count's own


def prepare(services: Services, project_id: str, old: int) -> None:
    """A project in mid-work: shots to narrate, an image, a narration of a group and a film that waits for all, and `old` ended tasks."""
    with services.database.write() as session:
        session.add(rows.project(id=project_id))
        session.flush()
        for number in range(SHOTS):
            session.add(rows.shot(project_id, id=f"{project_id}-shot-{number}", order=number + 1, narration=SAID))
        session.flush()
        session.execute(insert(Task), [_ended(project_id, number) for number in range(old)])
        session.execute(insert(Task), [_row(project_id, "board", TaskType.STORYBOARD, TaskStatus.FINISHED, age=1)])
        image, spoken = (_at_work(project_id, name) for name in ("image", "spoken"))
        group = _row(project_id, "group", TaskType.NARRATION, TaskStatus.PROCESSING)
        group["parameters"] = {"depends_on": [spoken["id"]]}
        film = _row(project_id, "film", TaskType.FILM, TaskStatus.BLOCKED)
        film["parameters"] = {"depends_on": [image["id"], spoken["id"]]}
        session.execute(insert(Task), [image, {**spoken, "parent_id": group["id"]}, group, film])


def _at_work(project_id: str, name: str) -> dict[str, Any]:
    type_ = TaskType.IMAGE if name == "image" else TaskType.NARRATION
    found = _row(project_id, name, type_, TaskStatus.PROCESSING, shot_id=f"{project_id}-shot-0")
    return {**found, "lease_owner": OWNER, "parameters": {"tts": {"text": SAID}}}


def _ended(project_id: str, number: int) -> dict[str, Any]:
    """Images, narrations, films and storyboards of former days, in each state that is an end."""
    type_ = list(TaskType)[number % 4]
    status = (TaskStatus.FINISHED, TaskStatus.FAILED, TaskStatus.CANCELLED)[number % 3]
    part = type_ in (TaskType.IMAGE, TaskType.NARRATION)
    shot_id = f"{project_id}-shot-{number // 4 % SHOTS}" if part else None
    found = _row(project_id, f"old-{number}", type_, status, shot_id=shot_id, age=number + 2)
    return {**found, "parameters": {"tts": {"text": SAID}}}


def _row(
    project_id: str, name: str, type_: TaskType, status: TaskStatus, *, shot_id: str | None = None, age: int = 0
) -> dict[str, Any]:
    at = rows.NOW - timedelta(seconds=age)
    named = {"id": f"{project_id}-{name}", "project_id": project_id, "shot_id": shot_id, "type": type_}
    more: dict[str, Any] = {"lease_owner": None, "parent_id": None, "parameters": {}, "seq": next_sequence()}
    return {**named, **more, "status": status, "created_at": at, "updated_at": at}


def end(name: str, *, well: bool = True) -> Callable[[Services, str], object]:
    """The end of a task at work."""

    def finish(services: Services, project_id: str) -> None:
        task = tasks.get(services, f"{project_id}-{name}")
        if well:
            completion.finish(services, task, owner=OWNER, result={}, message="", write=lambda _unit: None)
        else:
            completion.fail(services, task, owner=OWNER, error="雾太大")
        assert tasks.get(services, task.id).status == (TaskStatus.FINISHED if well else TaskStatus.FAILED)

    return finish


ASKED: dict[str, Callable[[Services, str], object]] = {
    "a film": lambda services, project_id: films.request(services, project_id, FilmRequest()),
    "narrations": lambda services, project_id: narrations.request(services, project_id, NarrationRequest()),
    "an image's end": end("image"),
    "a narration's end": end("spoken"),
    "an image's failure": end("image", well=False),
    "a film's cancel": lambda services, project_id: tasks.cancel(services, f"{project_id}-film"),
    "a group's cancel": lambda services, project_id: tasks.cancel(services, f"{project_id}-group"),
    "a shot's update": lambda services, project_id: shots.update(
        services, project_id, f"{project_id}-shot-0", ShotChanges(prompt="雾", narration="雾散了。")
    ),
    "a project's update": lambda services, project_id: projects.update(
        services, project_id, ProjectChanges(story_text="另一个故事。")
    ),
    "a storyboard's retry": lambda services, project_id: tasks.retry(services, f"{project_id}-failed-board"),
    "the project": projects.get,
}
# The database itself goes through the rows that lose their shot or their project.
DELETED: dict[str, Callable[[Services, str], object]] = {
    "a shot": lambda services, project_id: shots.delete(services, f"{project_id}-shot-0"),
    "the project": projects.delete,
}


CASES = list(itertools.product(DATABASES, ASKED))
# Requests and ends with one database, one of each with the others; what is asked over HTTP is measured in tests/integration/attacks too.
IN_SHORT = [
    *(("sqlite", name) for name in ASKED if name not in ("narrations", "a storyboard's retry", "the project")),
    *itertools.product(DATABASES[1:], ("a film", "an image's end", "a project's update")),
]


def measure(services: Services, ask: Callable[[Services, str], object]) -> tuple[Work, Work]:
    """The work for a project that did little, and for one that did much."""
    done = []
    for project_id, old in (("little", LITTLE), ("much", MUCH)):
        prepare(services, project_id, old)
        if ask is ASKED["a storyboard's retry"]:
            board = _row(project_id, "failed-board", TaskType.STORYBOARD, TaskStatus.FAILED)
            with services.database.write() as session:
                session.execute(insert(Task), [board])
        with counted(services.database) as work:
            ask(services, project_id)
        done.append(work)
    return done[0], done[1]


@pytest.mark.parametrize(("services", "name"), soaking_rows(CASES, keep=IN_SHORT), indirect=["services"])
def test_what_is_asked_of_a_project_costs_the_same_whatever_it_did_before(services: Services, name: str) -> None:
    little, much = measure(services, ASKED[name])
    assert 0 < len(much.statements) == len(little.statements)
    assert much.tasks == little.tasks
    assert 0 < much.reads <= little.reads + SLACK


@pytest.mark.parametrize(
    ("services", "name"),
    soaking_rows(
        itertools.product(DATABASES, DELETED),
        keep=[("sqlite", "a shot"), *((other, "the project") for other in DATABASES[1:])],
    ),
    indirect=["services"],
)
def test_what_is_deleted_loads_no_task_that_ended_before(services: Services, name: str) -> None:
    little, much = measure(services, DELETED[name])
    assert 0 < len(much.statements) == len(little.statements)
    assert much.tasks == little.tasks
