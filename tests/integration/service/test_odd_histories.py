"""Projects of every odd past: what is asked of them costs the same however long that was, by statements, tasks loaded and rows read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from common.errors import Conflict
from models.asset import Asset
from models.base import new_id
from models.outbox import Removal
from models.project import Project, ProjectStatus
from models.shot import Shot, ShotStatus
from models.task import Task, TaskStatus, TaskType
from processor.recoverer import Recoverer
from service import films, narrations, projects, shots, tasks
from service.container import Services
from service.schemas import FilmRequest, NarrationRequest, PageRequest, ProjectChanges, ShotChanges
from tests.integration.models.rows import NOW
from tests.support.database_work import Work, counted
from tests.support.soak import soaking_rows

SHOTS = 12
SHORT, LONG = 100, 1_000
CHUNK = 500
Rows = Iterator[dict[str, Any]]


def _task(project_id: str, number: int, **values: Any) -> dict[str, Any]:
    at = NOW + timedelta(seconds=number % 997)
    common = {
        "id": new_id(),
        "project_id": project_id,
        "type": TaskType.IMAGE,
        "status": TaskStatus.FINISHED,
        "created_at": at,
    }
    return {
        **common,
        "shot_id": None,
        "parent_id": None,
        "updated_at": at,
        "parameters": {},
        "result": {},
        "message": "",
        **values,
    }


def _films(project_id: str, _shot_ids: list[str], size: int) -> Rows:
    for number in range(size):
        status = (TaskStatus.FINISHED, TaskStatus.FAILED, TaskStatus.CANCELLED)[number % 3]
        yield _task(
            project_id, number, type=TaskType.FILM, status=status, parameters={"film": {}, "depends_on": [new_id()] * 5}
        )


def _groups(project_id: str, shot_ids: list[str], size: int) -> Rows:
    """Narrations of the whole project, each of them of one child a shot."""
    for number in range(size // (SHOTS + 1)):
        parent = _task(project_id, number, type=TaskType.NARRATION, status=TaskStatus.CANCELLED)
        yield parent
        for shot_id in shot_ids:
            yield _task(
                project_id,
                number,
                type=TaskType.NARRATION,
                shot_id=shot_id,
                parent_id=parent["id"],
                status=TaskStatus.CANCELLED,
            )


def _one_shot(project_id: str, shot_ids: list[str], size: int) -> Rows:
    """One shot that was painted over and over."""
    for number in range(size):
        yield _task(
            project_id, number, shot_id=shot_ids[0], parameters={"shot": {"shotId": shot_ids[0], "prompt": "x" * 500}}
        )


def _clips(project_id: str, shot_ids: list[str], size: int) -> Rows:
    for number in range(size):
        yield _task(
            project_id,
            number,
            type=TaskType.FILM,
            shot_id=shot_ids[number % SHOTS],
            status=TaskStatus.FAILED,
            error="x" * 500,
        )


def _storyboards(project_id: str, _shot_ids: list[str], size: int) -> Rows:
    """Stories told anew, of whose shots nothing is left."""
    for number in range(size):
        type_ = TaskType.IMAGE if number % 10 else TaskType.STORYBOARD
        yield _task(
            project_id,
            number,
            type=type_,
            status=TaskStatus.CANCELLED,
            parameters={"depends_on": [new_id()]},
            result={"a": "x" * 300},
        )


def _of_the_go_backend(project_id: str, shot_ids: list[str], size: int) -> Rows:
    """Whose shot stands in the parameters only, and the sequence is 0."""
    for number in range(size):
        kind = (TaskType.IMAGE, TaskType.NARRATION)[number % 2]
        yield _task(
            project_id, number, type=kind, seq=0, parameters={"shot": {"shotId": shot_ids[number % SHOTS]}}, result=None
        )


HISTORIES: dict[str, Callable[[str, list[str], int], Rows]] = {
    "films": _films, "narrations of all": _groups, "one shot": _one_shot, "clips": _clips, "storyboards": _storyboards,
    "the Go backend's": _of_the_go_backend,
}  # fmt: skip


def _project(services: Services, history: str, size: int) -> tuple[str, list[str]]:
    """A project with all its parts, and so much of a past."""
    project_id, shot_ids = new_id(), [new_id() for _ in range(SHOTS)]
    rows = list(HISTORIES[history](project_id, shot_ids, size))
    with services.database.write() as session:
        values = {
            "title": "a",
            "story_text": "b",
            "style": "",
            "status": ProjectStatus.READY,
            "created_at": NOW,
            "updated_at": NOW,
        }
        session.add(Project(id=project_id, **values))
        session.flush()
        for order, shot_id in enumerate(shot_ids, 1):
            more = {
                "title": "",
                "prompt": "p",
                "narration": "话",
                "image_path": f"projects/{project_id}/a.png",
                "audio_path": f"projects/{project_id}/a.mp3",
            }
            session.add(
                Shot(
                    id=shot_id,
                    project_id=project_id,
                    order=order,
                    status=ShotStatus.COMPLETED,
                    created_at=NOW,
                    updated_at=NOW,
                    **more,
                )
            )
        session.flush()
        keys = sorted({key for row in rows for key in row})
        for start in range(0, len(rows), CHUNK):
            session.execute(
                insert(Task),
                [
                    {key: row.get(key) for key in keys if key != "error"} | {"error": row.get("error", "")}
                    for row in rows[start : start + CHUNK]
                ],
            )
    return project_id, shot_ids


def _cancel_film(services: Services, project_id: str) -> None:
    tasks.cancel(services, films.request(services, project_id, FilmRequest()))


def _page_of_tasks(services: Services, project_id: str) -> None:
    tasks.page_of_project(services, project_id, page=1, page_size=20)


Use = Callable[[Services, str, list[str]], object]
USES: dict[str, Use] = {
    "a film": lambda services, project_id, _shots: films.request(services, project_id, FilmRequest()),
    "a film and its cancel": lambda services, project_id, _shots: _cancel_film(services, project_id),
    "a clip": lambda services, project_id, shot_ids: films.request(
        services, project_id, FilmRequest(shot_id=shot_ids[1])
    ),
    "narrations": lambda services, project_id, _shots: narrations.request(services, project_id, NarrationRequest()),
    "an image": lambda services, project_id, shot_ids: shots.update(
        services, project_id, shot_ids[0], ShotChanges(prompt="q")
    ),
    "another text": lambda services, project_id, shot_ids: shots.update(
        services, project_id, shot_ids[0], ShotChanges(narration="新")
    ),
    "a shot less": lambda services, _project, shot_ids: shots.delete(services, shot_ids[0]),
    "the project": lambda services, project_id, _shots: projects.get(services, project_id),
    "its storyboard": lambda services, project_id, _shots: projects.storyboard(services, project_id),
    "another title": lambda services, project_id, _shots: projects.update(
        services, project_id, ProjectChanges(title="c")
    ),
    "another story": lambda services, project_id, _shots: projects.update(
        services, project_id, ProjectChanges(story_text="c")
    ),
    "a page of its tasks": lambda services, project_id, _shots: _page_of_tasks(services, project_id),
    "the list": lambda services, _project, _shots: projects.page(services, PageRequest(q="a")),
    "a round of the recoverer": lambda services, _project, _shots: Recoverer(services).recover(),
}
GROWTH = 1.5  # of the rows read; ten times the history
SPREAD = {"sqlite": 400, "server": 60}  # of SQLite's steps (tens), or of rows
KEPT = [
    ("films", "a film"),
    ("narrations of all", "narrations"),
    ("one shot", "an image"),
    ("clips", "a film and its cancel"),
    ("storyboards", "another story"),
]


def _work(services: Services, history: str, use: str, size: int) -> Work:
    project_id, shot_ids = _project(services, history, size)
    with counted(services.database) as work, suppress(Conflict):
        USES[use](services, project_id, shot_ids)
    projects.delete(services, project_id)
    return work


@pytest.mark.parametrize(
    ("history", "use"), soaking_rows([(history, use) for history in HISTORIES for use in USES], keep=KEPT)
)
def test_the_past_costs_nothing(services: Services, history: str, use: str, request: pytest.FixtureRequest) -> None:
    short, long = (_work(services, history, use, size) for size in (SHORT, LONG))

    assert len(long.statements) <= len(short.statements) + 2
    assert long.tasks <= short.tasks + 2
    column = "sqlite" if services.database.is_sqlite else "server"
    if (history, use) not in DEPENDS:
        assert long.reads <= GROWTH * short.reads + SPREAD[column], (short.reads, long.reads)


DEPENDS: set[tuple[str, str]] = set()
"""Uses whose answer is as long as the history."""


def _stuck_among(services: Services, kind: str, size: int) -> list[str]:
    """So many blocked tasks, and with them three whose dependencies have ended; of which kind says what the others wait for."""
    project_id = new_id()
    blocked = {"status": TaskStatus.BLOCKED}
    open_ = _task(project_id, 0, status=TaskStatus.PROCESSING, lease_owner="a", lease_until=1 << 50)
    ended = _task(project_id, 0, status=TaskStatus.FAILED)
    rows = [open_, ended]
    for number in range(size):
        waits_for = {
            "one": [open_["id"]],
            "the one before": [rows[-1]["id"] if number else open_["id"]],
            "many": [ended["id"]] * 30 + [open_["id"]],
            "what is not there and one": [new_id(), open_["id"]],
            "one, by a child": [open_["id"]],
        }[kind]
        rows.append(_task(project_id, number, parameters={"depends_on": waits_for}, **blocked))
    stuck = [
        _task(project_id, number, type=TaskType.IMAGE, parameters={"depends_on": found}, **blocked)
        for number, found in ((-5, [ended["id"]]), (500, [new_id()]), (5_000, [ended["id"], new_id()]))
    ]
    with services.database.write() as session:
        values = {
            "title": "a",
            "story_text": "b",
            "style": "",
            "status": ProjectStatus.CREATED,
            "created_at": NOW,
            "updated_at": NOW,
        }
        session.add(Project(id=project_id, **values))
        session.flush()
        every = [
            {"lease_owner": None, "lease_until": 0, **row}
            for row in (*rows[:2], *rows[2 : size // 2], *stuck, *rows[size // 2 :])
        ]
        for start in range(0, len(every), CHUNK):
            session.execute(insert(Task), every[start : start + CHUNK])
    return [row["id"] for row in stuck]


WAITS = ["one", "the one before", "many", "what is not there and one"]


@pytest.mark.parametrize(
    ("kind", "size"),
    soaking_rows([(kind, size) for kind in WAITS for size in (100, 2_500)], keep=[("one", 100), ("many", 100)]),
)
def test_the_stuck_are_found_among_any_that_wait(services: Services, kind: str, size: int) -> None:
    stuck = _stuck_among(services, kind, size)
    for _ in range(3):
        with counted(services.database) as first:
            Recoverer(services).recover()
        with services.database.read() as session:
            left = {str(session.get_one(Task, task_id).status) for task_id in stuck}
        if TaskStatus.BLOCKED not in left:
            break
    assert TaskStatus.BLOCKED not in left
    with counted(services.database) as idle:
        Recoverer(services).recover()
    assert len(first.statements) < 60
    assert len(idle.statements) < 12, [sql for sql, _ in idle.statements]


@pytest.mark.parametrize("kind", ["removals", "assets"])
def test_what_waits_to_be_removed_and_what_is_stored_slows_no_request(services: Services, kind: str) -> None:
    found = []
    for size in (SHORT, LONG):
        project_id, _ = _project(services, "films", 10)
        with services.database.write() as session:
            if kind == "removals":
                session.execute(
                    insert(Removal),
                    [
                        {
                            "object_key": f"projects/{project_id}/{number}",
                            "project_id": project_id,
                            "passes": 1,
                            "not_before": 1 << 50,
                            "attempts": 3,
                        }
                        for number in range(size)
                    ],
                )
            else:
                session.execute(
                    insert(Asset),
                    [
                        {
                            "object_key": f"music/{project_id}/{number}",
                            "project_id": "",
                            "shot_id": "",
                            "task_id": "",
                            "kind": "music",
                            "number": size * 10 + number,
                            "title": "t",
                            "created_at": NOW,
                            "stored_at": NOW,
                            "details": {},
                        }
                        for number in range(size)
                    ],
                )
        with counted(services.database) as work:
            films.request(services, project_id, FilmRequest())
            projects.get(services, project_id)
        found.append(work)
    assert len(found[0].statements) == len(found[1].statements)
    assert found[1].reads <= GROWTH * found[0].reads + SPREAD["sqlite" if services.database.is_sqlite else "server"]
