from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from models import queries, reads
from models.bootstrap import open_sqlite
from models.db import Database
from models.project import EXCERPT, Project
from models.task import Task, TaskStatus, TaskType
from tests.integration.models.rows import NOW, project, shot, task
from tests.support.database_work import counted, plans

COLUMNS = {
    "title": "庙",
    "story_text": "山" * 5000,
    "style": "",
    "status": "created",
    "created_at": NOW,
    "updated_at": NOW,
}
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
                queries.open_tasks(session, project_id),
                queries.children(session, task_id),
                reads.task(database, task_id),
                reads.shot(database, shot_id),
                reads.shots(database, project_id),
                reads.whole_project(database, project_id),
                reads.board(database, project_id),
                reads.page_of_tasks(database, project_id, first=0, count=9),
            )
        ] + [reads.films(database, project_id) is not None]


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
    rows, total = reads.page_of_projects(database, page=1, page_size=4, words="")
    rest, _ = reads.page_of_projects(database, page=2, page_size=4, words="")
    assert ([row.id for row in rows + rest], total) == ([*reversed(ids), "old"], 6)
    assert reads.page_of_projects(database, page=1, page_size=4, words="nr. 09")[1] == 1
    assert reads.page_of_projects(database, page=1, page_size=4, words="%")[1] == 0


def test_a_project_in_the_list_has_its_storys_beginning_and_the_rest_stays_in_the_table(database: Database) -> None:
    story = "山里有座庙🏯" * 2000
    with database.write() as session:
        session.add(project(id="p", title="山", story_text=story, description="很久以前"))
    [found], _ = reads.page_of_projects(database, page=1, page_size=4, words="很久")
    assert (found.id, found.story_excerpt) == ("p", story[:EXCERPT])


@pytest.mark.parametrize(("words", "page"), [("海", 1), ("山", 2)])
def test_a_page_on_which_there_is_nothing_is_searched_for_once(filled: Database, words: str, page: int) -> None:
    with counted(filled) as work:
        found, total = reads.page_of_projects(filled, page=page, page_size=1, words=words)
    assert (found, total) == ([], page - 1)
    assert len([sql for sql, _ in work.statements if sql.startswith("SELECT")]) == 1


@pytest.mark.parametrize("words", ["", "庙"])
def test_sqlite_searches_the_list_in_an_index_without_the_stories(tmp_path: Path, words: str) -> None:
    """MariaDB keeps long stories beside the rows, and has to look at each row for its description."""
    database = open_sqlite(tmp_path / "storytovideo.db")
    with database.write() as session:
        session.execute(insert(Project), [{**COLUMNS, "id": str(number), "seq": number} for number in range(200)])
    with counted(database) as work:
        assert reads.page_of_projects(database, page=2, page_size=20, words=words)[1] == 200
    scans = [plan for plan in plans(database, work) if plan.startswith("SCAN project")]
    assert len(scans) == 2
    assert all("COVERING INDEX" in scan for scan in scans)
    database.close()


@pytest.mark.parametrize("reserved", ["waiting-shot", "a%_b", "镜头", "quo'te"])
def test_an_id_that_waits_for_the_storyboard_is_told_from_others(filled: Database, reserved: str) -> None:
    with filled.write() as session:
        waiting = task(ID, status=TaskStatus.BLOCKED, parameters={"shot": {"shotId": reserved, "prompt": "other"}})
        session.add(waiting)
    with filled.read() as session:
        assert queries.is_reserved(session, reserved)
        for other in (reserved[:-1], reserved.upper() + "x", "other", "", "%", f"{ID}-shot"):
            assert not queries.is_reserved(session, other), other
    with filled.write() as session:
        session.get_one(Task, waiting.id).status = TaskStatus.PENDING
    with filled.read() as session:
        assert not queries.is_reserved(session, reserved)


def test_clips_are_told_from_films(database: Database) -> None:
    """Also of shots that are gone; words in a prompt name none, and an id that is empty is none."""
    owner = project()
    of_owner = shot(owner.id)
    named = [{"shotId": "gone"}, {"shotId": "", "prompt": '"shotId":"x"'}, {"prompt": '"shotId": "x"'}]
    film, failed = {"type": TaskType.FILM, "status": TaskStatus.FINISHED}, TaskStatus.FAILED
    with database.write() as session:
        session.add(owner)
        session.flush()
        session.add(of_owner)
        session.flush()
        session.add_all([task(owner.id, **film, parameters={"shot": each}) for each in named])
        session.add_all([task(owner.id, **film), task(owner.id, shot_id=of_owner.id, status=TaskStatus.FINISHED)])
        session.add(task(owner.id, type=TaskType.FILM, status=failed, shot_id=of_owner.id))
    with database.read() as session:
        assert queries.clips_by_status(session) == {"finished": 1, "failed": 1}
        counts, _ = queries.tasks_by_kind(session)
        assert counts["generate_video", "finished"] == 4
