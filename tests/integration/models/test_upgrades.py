"""From tables of earlier versions. PostgreSQL came with version 15, so that none of them is found there but what comes after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import URL, inspect, text

from common.errors import DatabaseUnavailable
from models import cast_member, deletion, outbox, queries, shot_undo
from models.account import Account
from models.asset import Asset
from models.base import Base
from models.bootstrap import open_server
from models.cast_member import CastMember
from models.db import Database
from models.migrations import OF_POSTGRESQL, SCRIPT, SQL, run_script, statements, upgrades
from models.outbox import Removal
from models.project import Project
from models.shot import Shot
from models.task import Task, TaskStatus
from service.access import accounts
from tests.integration.models.conftest import BEFORE_POSTGRESQL, Open
from tests.integration.models.rows import NOW, info, project, shot, task
from tests.support import go_backend
from tests.support.soak import soaking

NEWEST = str(upgrades()[-1].number)
before_postgresql = pytest.mark.parametrize("url", BEFORE_POSTGRESQL, indirect=True)


def upgraded(url: URL, open_url: Open, version: int, *undone: str, rows: Sequence[Base] = ()) -> Database:
    """The tables of today, with project p and these rows of it in their order, after `undone` led back to `version`, and an upgrade."""
    with open_url(url).write() as session:
        for row in (project(id="p"), *rows):
            session.add(row)
            session.flush()
        for statement in undone:
            session.execute(text(statement))
        session.execute(text(f"UPDATE schema_info SET value = '{version}' WHERE name = 'version'"))
    database = open_url(url)
    assert info(database)["version"] == NEWEST
    return database


@before_postgresql
def test_tables_of_an_older_version_are_brought_up_to_date_with_their_rows(url: URL, open_url: Open) -> None:
    database = upgraded(url, open_url, 1, "ALTER TABLE task DROP COLUMN crashes", rows=[task("p", id="t")])
    with database.read() as session:
        assert session.get_one(Task, "t").crashes == 0


@before_postgresql
def test_tables_without_motion_and_aspect_get_them_with_nothing_chosen(url: URL, open_url: Open) -> None:
    undone = ("ALTER TABLE project DROP COLUMN aspect", "ALTER TABLE shot DROP COLUMN motion")
    database = upgraded(url, open_url, 5, *undone, rows=[shot("p", id="s")])
    with database.write() as session:
        assert (session.get_one(Project, "p").aspect, session.get_one(Shot, "s").motion) == (None, None)
        session.get_one(Project, "p").aspect, session.get_one(Shot, "s").motion = "9:16", "none"
    with open_url(url).read() as session:
        assert (session.get_one(Project, "p").aspect, session.get_one(Shot, "s").motion) == ("9:16", "none")


@before_postgresql
def test_tables_without_telling_and_cast_get_them(url: URL, open_url: Open) -> None:
    database = upgraded(url, open_url, 7, "ALTER TABLE project DROP COLUMN telling", "DROP TABLE cast_member")
    fox = {"name": "狐狸", "look_zh": "红色的皮毛", "look_en": "red fur"}
    with database.write() as session:
        assert session.get_one(Project, "p").telling is None
        for _ in range(2):
            cast_member.replace(session, "p", [CastMember(project_id="p", position=1, **fox)])
            session.flush()
    with database.write() as session:
        assert [row.name for row in cast_member.members(session, "p")] == ["狐狸"]
        cast_member.replace(session, "p", [])
    with database.read() as session:
        assert cast_member.members(session, "p") == []


@before_postgresql
def test_tables_without_a_cost_get_one_that_nobody_told(url: URL, open_url: Open) -> None:
    database = upgraded(url, open_url, 6, "ALTER TABLE project DROP COLUMN cost")
    with database.read() as session:
        assert session.get_one(Project, "p").cost is None


@before_postgresql
def test_tables_without_accounts_get_them_and_what_is_there_belongs_to_nobody(
    url: URL, open_url: Open, tmp_path: Path
) -> None:
    """From the tables as they were made before there were accounts."""
    old = SCRIPT.read_text("utf-8").partition("-- Who may come in")[0]
    kept = [line for line in old.splitlines() if "  owner_id" not in line and "UNIQUE (owner_id" not in line]
    (tmp_path / "old.sql").write_text("\n".join(kept))
    with go_backend.foreign_engine(url).begin() as connection:
        run_script(connection, tmp_path / "old.sql")
        connection.execute(text("INSERT INTO schema_info (name, value) VALUES ('version', '8'), ('zone', 'UTC')"))
        connection.execute(
            text(
                "INSERT INTO project (id, title, story_text, style, status, created_at, updated_at) "
                "VALUES ('p', '', 'a', '', 'created', '2026-01-01 00:00:00', '2026-01-01 00:00:00')"
            )
        )
    database = open_url(url)
    assert info(database)["version"] == NEWEST
    with database.write() as session:
        session.add(task("p", id="t"))
    accounts.add(database, "alice", "a long password", admin=False, now=NOW)
    assert [accounts.adopt(database, "alice") for _ in range(2)] == [1, 0]
    with database.read() as session:
        [alice] = session.query(Account)
        assert {session.get_one(Project, "p").owner_id, session.get_one(Task, "t").owner_id} == {alice.id}


@before_postgresql
def test_tables_without_options_and_with_a_plain_cast_get_more_with_nothing_chosen(url: URL, open_url: Open) -> None:
    plain = [f"ALTER TABLE cast_member DROP COLUMN {name}" for name in ("id", "voice", "reference", "updated_at")]
    member = CastMember(project_id="p", position=1, name="狐狸")
    database = upgraded(url, open_url, 12, "ALTER TABLE project DROP COLUMN options", *plain, rows=[member])
    with database.write() as session:
        [fox] = cast_member.members(session, "p")
        assert (session.get_one(Project, "p").options, fox.id, fox.public_id) == ({}, None, "1")
        session.get_one(Project, "p").options = {"seed": 7}
    with open_url(url).read() as session:
        assert session.get_one(Project, "p").options == {"seed": 7}


@before_postgresql
def test_tables_without_deletions_get_them_and_nothing_is_deleted(url: URL, open_url: Open) -> None:
    database = upgraded(url, open_url, 12, "DROP TABLE deletion", "DROP TABLE shot_undo", rows=[shot("p", id="s")])
    with database.write() as session:
        assert [row.id for row in queries.shots(session, "p")] == ["s"]
        deletion.put(session, "p", "s", keep_ms=60_000)
        assert queries.shots(session, "p") == []
        deletion.put(session, "p", keep_ms=60_000)
        assert queries.project(session, "p") is None
        assert [deletion.take_back(session, "p", of) for of in ("s", "", "")] == [True, True, False]
        for edit in ({"a": 1}, {"part": "甲"}):
            shot_undo.put(session, "p", "s", edit, keep_ms=60_000)
        assert [shot_undo.take(session, "p", of) for of in ("x", "s", "s")] == [None, {"part": "甲"}, None]
        assert [row.id for row in queries.shots(session, "p")] == ["s"]


def test_what_was_deleted_is_gone_for_good_on_the_way_back_to_the_go_backend(mysql_url: URL, open_url: Open) -> None:
    with open_url(mysql_url).write() as session:
        for name in ("p", "gone"):
            session.add(project(id=name))
            session.flush()
            for of in (name, f"{name}-deleted"):
                session.add(shot(name, id=of))
                key = f"projects/{name}/shots/{of}/image-1.png"
                common = {"kind": "image", "number": 1, "created_at": NOW, "stored_at": NOW}
                session.add(Asset(object_key=key, project_id=name, shot_id=of, **common))
        common = {"kind": "film", "number": 1, "created_at": NOW, "stored_at": NOW}
        session.add(Asset(object_key="projects/p/films/1.mp4", project_id="p", **common))
        session.flush()
        deletion.put(session, "p", "p-deleted", keep_ms=60_000)
        deletion.put(session, "gone", keep_ms=60_000)
    for _ in range(2):
        with go_backend.foreign_engine(mysql_url).begin() as connection:
            run_script(connection, SQL / "to-go-backend.sql")
    with go_backend.foreign_engine(mysql_url).begin() as connection:
        run_script(connection, SQL / "from-go-backend.sql")
    with open_url(mysql_url).read() as session:
        assert [row.id for row in session.query(Project)] == ["p"]
        assert [row.id for row in session.query(Shot)] == ["p"]
        left = sorted(row.object_key for row in session.query(Asset))
        assert left == ["projects/p/films/1.mp4", "projects/p/shots/p/image-1.png"]
        assert sorted(row.object_key.rpartition("/")[0] for row in session.query(Removal)) == [
            "projects/gone/shots/gone",
            "projects/gone/shots/gone-deleted",
            "projects/p/shots/p-deleted",
        ]


@before_postgresql
def test_what_an_older_version_could_not_remove_is_in_the_outbox_after_its_upgrade(url: URL, open_url: Open) -> None:
    """Deleted music, and uploads of tasks that have ended; not what is there, nor what may still be uploaded."""
    common = {"project_id": "p", "shot_id": "", "kind": "image", "created_at": NOW}
    uploads = [
        ("music/1.mp3", "", 9, None),
        ("music/2.mp3", "", 9, NOW),
        ("music/3.mp3", "", 0, None),
        ("projects/p/shots/s/image-1.png", "over", 0, None),
        ("projects/p/shots/s/image-2.png", "over", 9, NOW),
        ("projects/p/shots/s/image-3.png", "open", 0, None),
    ]
    assets = [
        Asset(object_key=key, task_id=task_id, number=number, size=size, stored_at=stored, **common)
        for number, (key, task_id, size, stored) in enumerate(uploads)
    ]
    over = task("p", id="over", status=TaskStatus.CANCELLED)
    database = upgraded(url, open_url, 4, "DROP TABLE outbox", rows=[task("p", id="open"), over, *assets])
    with database.read() as session:
        left = {row.object_key: (row.project_id, row.passes) for row in session.query(Removal)}
    assert left == {"music/1.mp3": ("p", 2), "projects/p/shots/s/image-1.png": ("p", 2)}


@before_postgresql
def test_a_removal_outlives_the_way_back_to_the_go_backend_and_a_start_after_it(url: URL, open_url: Open) -> None:
    go_backend.load(url)
    with open_url(url).write() as session:
        outbox.remove(session, ["projects/p/shots/s/image-1.png"], "p")
    with go_backend.foreign_engine(url).begin() as connection:
        connection.execute(text("UPDATE project SET title = 'by the Go backend'"))
    with open_url(url).read() as session:
        assert [row.object_key for row in session.query(Removal)] == ["projects/p/shots/s/image-1.png"]


@pytest.mark.parametrize("done", soaking([0, 1, 3, 8, 14, 20], keep=[0, 3, 20]))
def test_an_interrupted_take_over_goes_on_where_it_was(
    mysql_url: URL, open_url: Open, monkeypatch: pytest.MonkeyPatch, done: int
) -> None:
    go_backend.load(mysql_url)
    before = go_backend.rows(mysql_url, "project")
    left = [done]

    def cut_off(script: str) -> Iterator[str]:
        for statement in statements(script):
            if "CREATE TABLE" not in statement:
                if left[0] == 0:
                    raise ConnectionAbortedError("the power went")
                left[0] -= 1
            yield statement

    with monkeypatch.context() as patch:
        patch.setattr("models.migrations.statements", cut_off)
        with pytest.raises(ConnectionAbortedError):
            open_server(mysql_url, zone=ZoneInfo("Asia/Shanghai"))
    database = open_url(mysql_url, zone=ZoneInfo("Europe/Berlin"))
    assert info(database) == {"version": NEWEST, "zone": "Asia/Shanghai"}
    assert go_backend.rows(mysql_url, "project") == before
    assert "request_id" in {column["name"] for column in inspect(database.engine).get_columns("task")}


COLUMN = "ALTER TABLE project ADD COLUMN {}mood VARCHAR(8) DEFAULT 'calm'"


@pytest.fixture
def one_more(tmp_path: Path) -> Path:
    """An upgrade after the last, in both its forms; the table's own script does not know of it."""
    folder, number = tmp_path / "upgrade", int(NEWEST) + 1
    folder.mkdir()
    for path in (SQL / "upgrade").iterdir():
        (folder / path.name).write_text(path.read_text("utf-8"), "utf-8")
    (folder / f"{number:03}-mood.sql").write_text(COLUMN.format("") + ";\n")
    written = f"{COLUMN.format('IF NOT EXISTS ')};\nUPDATE project SET mood = 'glad';\n"
    (folder / f"{number:03}-mood{OF_POSTGRESQL}").write_text(written)
    return folder / f"{number:03}-mood{OF_POSTGRESQL}"


def test_an_upgrade_has_a_form_for_each_kind_of_database(
    url: URL, open_url: Open, one_more: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_url(url).write() as session:
        session.add(project(id="p"))
    monkeypatch.setattr("models.migrations.UPGRADES", one_more.parent)
    database = open_url(url)
    assert info(database)["version"] == str(int(NEWEST) + 1)
    with database.read() as session:
        mood = session.scalar(text("SELECT mood FROM project"))
    assert mood == ("glad" if database.kind == "postgresql" else "calm")


def test_an_upgrade_of_postgresql_that_fails_leaves_nothing_behind(
    empty_postgresql: URL, open_url: Open, one_more: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_url(empty_postgresql)
    whole = one_more.read_text()
    one_more.write_text(f"{whole}SELECT no_such_column FROM project;\n")
    with monkeypatch.context() as patch:
        patch.setattr("models.migrations.UPGRADES", one_more.parent)
        with pytest.raises(DatabaseUnavailable, match="no_such_column"):
            open_url(empty_postgresql)
        assert info(first)["version"] == NEWEST
        assert "mood" not in {column["name"] for column in inspect(first.engine).get_columns("project")}
        one_more.write_text(whole)
        assert info(open_url(empty_postgresql))["version"] == str(int(NEWEST) + 1)
