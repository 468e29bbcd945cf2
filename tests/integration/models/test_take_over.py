from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import URL, text

from models import cast_member, deletion, task_transitions
from models.cast_member import CastMember
from models.db import Database
from models.migrations import SQL, run_script
from models.project import Project, ProjectStatus
from models.row_state import values_of
from models.shot import Shot
from models.task import Task, TaskStatus
from tests.integration.models.conftest import BEFORE_POSTGRESQL, Open, empty_database
from tests.integration.models.rows import NOW, project, shot, task
from tests.support import go_backend
from tests.support.go_backend import PROJECT, SHOT, TASK

SHANGHAI = ZoneInfo(go_backend.ZONE)


@pytest.fixture(params=BEFORE_POSTGRESQL)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> URL:
    return empty_database(request, tmp_path)


@pytest.fixture
def go_url(url: URL) -> URL:
    """A database of the Go backend."""
    go_backend.load(url)
    return url


@pytest.fixture
def taken_over(mysql_url: URL, open_url: Open) -> Database:
    """A Go backend's MySQL or MariaDB database after this server has started on it."""
    go_backend.load(mysql_url)
    return open_url(mysql_url, zone=SHANGHAI)


def test_no_row_and_no_value_is_lost(go_url: URL, open_url: Open) -> None:
    before = {table: go_backend.rows(go_url, table) for table in go_backend.COLUMNS}
    open_url(go_url, zone=SHANGHAI)
    after = {table: go_backend.rows(go_url, table) for table in go_backend.COLUMNS}
    assert len(before["task"]) >= 14
    assert after["project"] == before["project"]
    assert after["shot"] == before["shot"]
    without_shot = [[(row[0], row[1], *row[3:]) for row in rows] for rows in (after["task"], before["task"])]
    assert without_shot[0] == without_shot[1]
    assert all(new[2] == old[2] for new, old in zip(after["task"], before["task"], strict=True) if old[2] is not None)


def test_an_image_made_anew_learns_its_shot(taken_over: Database) -> None:
    with taken_over.read() as session:
        found = {row.id: row.shot_id for row in session.query(Task)}
    assert found[TASK.format("32")] == SHOT.format("32")
    assert found[TASK.format("41")] == SHOT.format("41")
    assert found[TASK.format("42")] is None, "its shot was deleted"
    assert found[TASK.format("12")] is None, "it waits for the storyboard"
    assert found.get(TASK.format("73")) is None, "its parameters are broken; MySQL never let such a row in"


def test_every_row_reads(taken_over: Database) -> None:
    with taken_over.read() as session:
        projects, shots, tasks = session.query(Project).all(), session.query(Shot).all(), session.query(Task).all()
    assert {row.status for row in projects} == {status.value for status in ProjectStatus}
    assert {row.status for row in tasks} == {status.value for status in TaskStatus}
    assert next(row for row in projects if row.id == PROJECT.format("7")).title == "Ready 🎬👩‍👩‍👧"
    assert {row.spoken for row in shots if row.project_id == PROJECT.format("3")} == {"小猫出门了。", ""}
    assert all(isinstance(row.parameters, dict) and isinstance(row.result, dict) for row in tasks)
    jobs = {row.id: row.job_id for row in tasks if row.status == TaskStatus.PROCESSING}
    assert jobs == {TASK.format("11"): "job-storyboard-1", TASK.format("23"): "", TASK.format("32"): "job-image-32"}
    waiting = next(row for row in tasks if row.id == TASK.format("12"))
    assert waiting.depends_on == [TASK.format("11")]
    assert (waiting.lease_owner, waiting.lease_until, waiting.not_before, waiting.attempts) == (None, 0, 0, 0)


def test_local_times_are_understood_and_zero_times_are_none(taken_over: Database) -> None:
    with taken_over.read() as session:
        first = session.get_one(Project, PROJECT.format("1"))
        assert first.created_at == datetime(2025, 3, 1, 1, 0, tzinfo=timezone.utc)
        finished, waiting = session.get_one(Task, TASK.format("71")), session.get_one(Task, TASK.format("72"))
        assert (finished.started_at, finished.finished_at) == (None, None)
        assert [waiting.started_at, waiting.finished_at] == [None, None]
        assert not waiting.created_at


def test_the_zone_is_remembered_when_the_configuration_changes(mysql_url: URL, open_url: Open) -> None:
    go_backend.load(mysql_url)
    open_url(mysql_url, zone=SHANGHAI)
    with open_url(mysql_url, zone=ZoneInfo("America/New_York")).read() as session:
        assert session.get_one(Project, PROJECT.format("1")).created_at == datetime(
            2025, 3, 1, 1, 0, tzinfo=timezone.utc
        )


def test_a_zero_start_counts_as_none_and_a_real_one_is_kept(taken_over: Database) -> None:
    def claim(owner: str, now: datetime) -> None:
        with taken_over.write() as session:
            assert task_transitions.claim(session, TASK.format("72"), owner=owner, now=now, lease_ms=-1)

    claim("first", NOW)
    claim("second", NOW.replace(hour=9))
    with taken_over.read() as session:
        assert session.get_one(Task, TASK.format("72")).started_at == NOW.replace(microsecond=0)


def test_the_go_backend_reads_what_this_server_writes(taken_over: Database, mysql_url: URL) -> None:
    with taken_over.write() as session:
        made = project(title="新 🎬", description="")
        session.add(made)
        session.flush()
        session.add(shot(made.id, id="new-shot"))
        session.flush()
        session.add(task(made.id, id="new-task", shot_id="new-shot", parameters={"shot": {"prompt": "🐱"}}))
    local = datetime(
        2026, 5, 4, 11, 2, 1
    )  # its whole second: a fraction breaks one client's decoder, and 2 s would be the future
    rows = {table: {row[0]: row[1:] for row in go_backend.rows(mysql_url, table)} for table in go_backend.COLUMNS}
    assert rows["project"][made.id] == ("新 🎬", "从前有一座山。", "movie", "created", "", 0, "", "", 0, local, local)
    assert rows["shot"]["new-shot"] == (made.id, 1, "山", "", "", "pending", "", "", "", local, local)
    kind, status, progress, message, parameters, result, error, estimate, started, finished, created, updated = rows[
        "task"
    ]["new-task"][2:]
    assert (kind, status, progress, message, error, estimate) == ("generate_shot", "pending", 0, "", "", 0)
    assert (json.loads(parameters), json.loads(result)) == ({"shot": {"prompt": "🐱"}}, {})
    assert (started, finished, created, updated) == (None, None, local, local)


def test_the_go_backend_still_writes_by_its_own_columns(go_url: URL, open_url: Open) -> None:
    database = open_url(go_url, zone=SHANGHAI)
    values = {
        "project": "'p', '标题 🌱', '故事', 'movie', 'created', '', 0, '', '', 6, :now, :now",
        "shot": "'s', 'p', 1, '一', '旁白', 'prompt', 'pending', '', '', '', :now, :now",
        "task": "'t', 'p', 's', 'generate_shot', 'pending', 0, '', '{}', '{}', '', 0, NULL, NULL, :now, :now",
    }
    with go_backend.foreign_engine(go_url).begin() as connection:
        for table, row in values.items():
            statement = f"INSERT INTO {table} ({go_backend.COLUMNS[table]}) VALUES ({row})"
            connection.execute(text(statement), {"now": "2025-04-01 08:00:00"})
    with database.read() as session:
        found = session.get_one(Task, "t")
        assert session.get_one(Project, "p").title == "标题 🌱"
        assert session.get_one(Shot, "s").spoken == "旁白"
        assert found.created_at == datetime(2025, 4, 1, 0 if not database.is_sqlite else 8, tzinfo=timezone.utc)
        assert (found.seq, found.lease_until, found.attempts) == (0, 0, 0)
    with go_backend.foreign_engine(go_url).begin() as connection:
        if database.is_sqlite:
            connection.execute(text("PRAGMA foreign_keys=ON"))
        connection.execute(text("DELETE FROM project WHERE id = 'p'"))
    with database.read() as session:
        assert session.get(Shot, "s") is None
        assert session.get(Task, "t") is None


def test_a_dump_of_the_go_backend_put_back_later_is_taken_over_too(mysql_url: URL, open_url: Open) -> None:
    open_url(mysql_url, zone=SHANGHAI).close()
    with go_backend.foreign_engine(mysql_url).begin() as connection:
        for table in ("task", "shot", "project"):
            connection.execute(text(f"DROP TABLE {table}"))
    go_backend.load(mysql_url)
    with open_url(mysql_url, zone=SHANGHAI).read() as session:
        assert session.get_one(Task, TASK.format("11")).lease_until == 0


def test_the_way_back_turns_keys_into_links_and_leaves_the_rest_and_back_again(
    taken_over: Database, mysql_url: URL
) -> None:
    key, base = "projects/p/shots/s/image-1.png", "http://127.0.0.1:9000/storytovideo/"
    before = {table: set(go_backend.rows(mysql_url, table)) for table in go_backend.COLUMNS}
    with taken_over.write() as session:
        session.add(project(id="p", cover_image=key, video_url=key))
        session.flush()
        session.add(shot("p", id="s", image_path=key, audio_path=key))
        session.flush()
        result = {"resource_type": "video", "resource_url": key, "task_video": {"path": key, "duration": "12"}}
        session.add(task("p", id="t", shot_id="s", result=result))
    made_here = {table: go_backend.rows(mysql_url, table) for table in go_backend.COLUMNS}
    for _ in range(2):
        with go_backend.foreign_engine(mysql_url).begin() as connection:
            run_script(connection, SQL / "to-go-backend.sql")
    assert all(before[table] < set(go_backend.rows(mysql_url, table)) for table in before)
    with taken_over.read() as session:
        made, its_shot, its_task = session.get_one(Project, "p"), session.get_one(Shot, "s"), session.get_one(Task, "t")
        assert {made.cover_image, made.video_url, its_shot.image_path, its_shot.audio_path} == {base + key}
        linked = {"resource_type": "video", "resource_url": base + key}
        assert its_task.result == {**linked, "task_video": {"path": base + key, "duration": "12"}}
    for _ in range(2):
        with go_backend.foreign_engine(mysql_url).begin() as connection:
            run_script(connection, SQL / "from-go-backend.sql")
    assert {table: _read(go_backend.rows(mysql_url, table)) for table in go_backend.COLUMNS} == {
        table: _read(rows) for table, rows in made_here.items()
    }


def test_what_a_project_chose_and_its_cast_wait_for_the_way_back(
    taken_over: Database, mysql_url: URL, open_url: Open
) -> None:
    """The Go backend reads neither, and writes projects of its own without them; who was deleted takes the cast along."""
    options = {"seed": 7, "subtitle_style": {"colour": "#FF0000"}}
    fox = {"name": "狐狸", "id": "fox", "voice": "alice", "reference": "projects/p/cast/1.png", "updated_at": NOW}
    with taken_over.write() as session:
        for id_ in ("p", "gone"):
            session.add(project(id=id_, options=options))
            session.add(CastMember(project_id=id_, position=1, **fox))
        session.flush()
        deletion.put(session, "gone", keep_ms=3_600_000)
    kept = _choices(taken_over, "p")
    assert kept[0] == options
    assert [row["reference"] for row in kept[1]] == ["projects/p/cast/1.png"]
    for script in ("to-go-backend.sql", "from-go-backend.sql"):
        with go_backend.foreign_engine(mysql_url).begin() as connection:
            for _ in range(2):
                run_script(connection, SQL / script)
            if script.startswith("to"):
                row = "'g', '标题', '故事', 'movie', 'created', '', 0, '', '', 6, :now, :now"
                insert = text(f"INSERT INTO project ({go_backend.COLUMNS['project']}) VALUES ({row})")
                connection.execute(insert, {"now": "2025-04-01 08:00:00"})
                connection.execute(text("UPDATE project SET title = '改' WHERE id = 'p'"))
    again = open_url(mysql_url, zone=SHANGHAI)
    assert [_choices(again, id_) for id_ in ("p", "g", "gone")] == [kept, ({}, []), (None, [])]


def _choices(database: Database, project_id: str) -> tuple[object, list[dict[str, object]]]:
    with database.read() as session:
        found = session.get(Project, project_id)
        cast = [values_of(row) for row in cast_member.members(session, project_id)]
    return found.options if found is not None else None, cast


def _read(rows: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """Rows with their JSON as what it says, however it is written."""
    return [tuple(_loaded(value) for value in row) for row in rows]


def _loaded(value: object) -> object:
    try:
        return json.loads(value) if isinstance(value, str) and value.startswith("{") else value
    except ValueError:
        return value
