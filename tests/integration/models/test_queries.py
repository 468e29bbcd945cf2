from __future__ import annotations

from datetime import timedelta

import pytest

from models import queries
from models.db import Database
from tests.integration.models.rows import NOW, project, shot, task

ID = "abcdef00-0000-4000-8000-000000000001"


@pytest.fixture
def filled(database: Database) -> Database:
    """A project with a shot, a task and that task's child."""
    with database.write() as session:
        session.add(project(id=ID))
        session.flush()
        session.add(shot(ID, id=f"{ID}-shot"))
        session.flush()
        session.add_all(
            [task(ID, id=f"{ID}-task", shot_id=f"{ID}-shot"), task(ID, id=f"{ID}-child", parent_id=f"{ID}-task")]
        )
    return database


def found(database: Database, project_id: str, shot_id: str, task_id: str) -> list[bool]:
    with database.read() as session:
        return [
            bool(rows)
            for rows in (
                queries.project(session, project_id),
                queries.shot(session, shot_id),
                queries.task(session, task_id),
                queries.shots(session, project_id),
                queries.tasks(session, project_id),
                queries.recent_task(session, project_id),
                queries.open_tasks(session, project_id),
                queries.children(session, task_id),
            )
        ]


def test_rows_are_found_by_their_id(filled: Database) -> None:
    assert all(found(filled, ID, f"{ID}-shot", f"{ID}-task"))


@pytest.mark.parametrize(
    "change", [str.upper, lambda text: f"{text} ", lambda text: text.replace("a", "á"), lambda text: "", str.title]
)
def test_an_id_that_only_looks_alike_finds_nothing(filled: Database, change: type[str]) -> None:
    assert not any(found(filled, change(ID), change(f"{ID}-shot"), change(f"{ID}-task")))


def test_projects_made_in_one_second_are_listed_newest_first(database: Database) -> None:
    ids = [f"{number:02d}" for number in (5, 3, 9, 1, 7)]
    for number, project_id in enumerate(ids):
        with database.write() as session:
            session.add(
                project(id=project_id, title=f"Nr. {project_id}", created_at=NOW.replace(microsecond=0), seq=number + 1)
            )
    with database.write() as session:
        session.add(project(id="old", created_at=NOW - timedelta(days=1), seq=99))
    with database.read() as session:
        rows, total = queries.page_of_projects(session, page=1, page_size=4, words="")
        rest, _ = queries.page_of_projects(session, page=2, page_size=4, words="")
        assert ([row.id for row in rows + rest], total) == ([*reversed(ids), "old"], 6)
        assert queries.page_of_projects(session, page=1, page_size=4, words="nr. 09")[1] == 1
        assert queries.page_of_projects(session, page=1, page_size=4, words="%")[1] == 0
