"""What is read most takes one statement, whose plan goes through no table."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from sqlalchemy import insert

from common.caller import Caller, calling
from models import reads
from models.base import next_sequence
from models.db import Database
from models.project import Project
from models.shot import Shot
from models.task import Task, TaskStatus, TaskType
from tests.integration.models.rows import NOW
from tests.support.columns import DATABASES
from tests.support.database_work import Work, counted, plans

PROJECTS, EACH = 200, 5
OWNER, ONE = "account-7", "project-77"
TIMES = {"created_at": NOW, "updated_at": NOW}
READS: dict[str, tuple[int, Callable[[Database], object]]] = {
    "a task": (1, lambda database: reads.task(database, f"{ONE}-task-3")),
    "a shot": (1, lambda database: reads.shot(database, f"{ONE}-shot-3")),
    "shots": (1, lambda database: reads.shots(database, ONE)),
    "a project": (1, lambda database: reads.whole_project(database, ONE)),
    "a storyboard": (1, lambda database: reads.board(database, ONE)),
    "films": (1, lambda database: reads.films(database, ONE) is not None),
    "tasks": (1, lambda database: reads.page_of_tasks(database, ONE, first=0, count=3)),
    "a page of projects": (2, lambda database: reads.page_of_projects(database, page=1, page_size=20, words="")),
}


@pytest.fixture
def full(database: Database) -> Database:
    ids = [f"project-{number}" for number in range(PROJECTS)]
    common = {"title": "山", "style": "", "status": "created", **TIMES}
    with database.write() as session:
        session.execute(
            insert(Project),
            [{**common, "id": id_, "story_text": "山" * 500, "owner_id": OWNER, "seq": next_sequence()} for id_ in ids],
        )
        session.execute(
            insert(Shot),
            [
                {**TIMES, "id": f"{id_}-shot-{n}", "project_id": id_, "order": n, "title": "", "status": "pending"}
                for id_ in ids
                for n in range(EACH)
            ],
        )
        session.execute(
            insert(Task),
            [
                {
                    **TIMES,
                    "id": f"{id_}-task-{n}",
                    "project_id": id_,
                    "type": TaskType.IMAGE,
                    "status": TaskStatus.BLOCKED,
                    "parameters": {"n": n},
                    "seq": next_sequence(),
                }
                for id_ in ids
                for n in range(EACH)
            ],
        )
    with database.engine.connect() as connection:
        for table in ("project", "shot", "task"):
            connection.exec_driver_sql("ANALYZE" if database.kind != "mysql" else f"ANALYZE TABLE {table}")
    return database


@pytest.mark.parametrize("caller", [None, OWNER], ids=["everybody", "an account"])
@pytest.mark.parametrize("kind", READS)
def test_a_read_is_one_statement_that_goes_through_no_table(full: Database, kind: str, caller: str | None) -> None:
    count, read = READS[kind]
    with calling(Caller(caller, sees_all=caller is None)):
        with counted(full) as work:
            assert read(full)
        assert not _scanned(full, work)
    assert len([sql for sql, _ in work.statements if not sql.startswith("BEGIN")]) == count


def test_an_answers_parts_come_apart_again(full: Database) -> None:
    found = reads.whole_project(full, ONE)
    assert found is not None
    assert (found.project.id, found.project.story_text, found.project.created_at.tzinfo) == (
        ONE,
        "山" * 500,
        NOW.tzinfo,
    )
    assert [shot.order for shot in found.shots] == list(range(EACH))
    assert found.recent_task is not None
    assert (found.recent_task.id, found.recent_task.parameters) == (f"{ONE}-task-{EACH - 1}", {"n": EACH - 1})
    assert found.recent_task.started_at is None
    tasks, total = reads.page_of_tasks(full, ONE, first=1, count=2) or ([], 0)
    assert ([task.id for task in tasks], total) == ([f"{ONE}-task-1", f"{ONE}-task-2"], EACH)
    board = reads.board(full, ONE)
    assert board is not None
    assert [task.parameters for task in board.waiting] == [{"n": n} for n in range(EACH)]


@pytest.mark.parametrize("url", DATABASES[1:], indirect=True)
def test_a_read_outlives_the_connections_that_the_server_has_closed(database: Database) -> None:
    assert reads.task(database, "unknown") is None
    with database.engine.connect() as connection:
        if database.kind == "postgresql":
            of_others = "datname = CURRENT_DATABASE() AND pid <> PG_BACKEND_PID()"
            ended = f"SELECT PG_TERMINATE_BACKEND(pid, 30000) FROM pg_stat_activity WHERE {of_others}"
            assert connection.exec_driver_sql(ended).all()
        else:
            own = connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar()
            for row in connection.exec_driver_sql("SHOW PROCESSLIST").all():
                if row.Id != own and row.db == database.engine.url.database:
                    connection.exec_driver_sql(f"KILL {row.Id}")
    assert reads.task(database, "unknown") is None


SCANS = {
    "sqlite": r"SCAN (project|shot|task|asset)\b(?!.*COVERING INDEX)",
    "mysql": r"ALL \S+ [a-z]",
    "postgresql": r"Seq Scan on ",
}


def _scanned(database: Database, work: Work) -> list[str]:
    """The tables that a plan goes through from one end to the other; an index may be gone through to count."""
    return [step for step in plans(database, work) if re.match(SCANS[database.kind], step)]
