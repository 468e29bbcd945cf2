from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import URL, inspect, text

from common.errors import DatabaseUnavailable
from config.settings import MysqlSettings, Settings
from models import cast_member, deletion, queries, shot_undo
from models.account import Account, ApiKey, LoginSession
from models.asset import Asset
from models.base import Base
from models.bootstrap import FILE_NAME, open_database, open_server
from models.migrations import upgrades
from models.project import Project
from models.shot import Shot
from models.shot_undo import ShotUndo
from models.stray_job import StrayJob
from models.task import Task
from models.types import JsonObject
from models.webhook import Delivery, Webhook
from service.access import accounts
from tests.integration.models.conftest import Open
from tests.integration.models.rows import info
from tests.support import go_backend
from tests.support.wait import wait_until

ROOT = Path(__file__).resolve().parents[3]
NEWEST = str(upgrades()[-1].number)
OPEN_IT = """
import sys
from pathlib import Path
from zoneinfo import ZoneInfo
from sqlalchemy import make_url
from models.bootstrap import open_server, open_sqlite
url = make_url(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
if url.drivername == "sqlite":
    open_sqlite(Path(url.database)).close()
else:
    open_server(url, zone=ZoneInfo("Asia/Shanghai")).close()
"""


def info(database: Database) -> dict[str, str]:
    with database.read() as session:
        return {row.name: row.value for row in session.execute(text("SELECT name, value FROM schema_info"))}


@pytest.mark.parametrize("origin", ["new", "go"])
def test_the_tables_are_those_of_the_models(url: URL, open_url: Open, origin: str) -> None:
    if origin == "go":
        go_backend.load(url)
    database = open_url(url)
    inspector = inspect(database.engine)
    models = (
        *(Project, CastMember, Shot, Task, Asset, Removal, StrayJob, Account, LoginSession, ApiKey, Idempotency),
        *(Webhook, Delivery, Deletion, ShotUndo),
    )
    assert set(Base.metadata.tables) == {model.__tablename__ for model in models}
    for table in Base.metadata.sorted_tables:
        found = {column["name"]: column for column in inspector.get_columns(table.name)}
        assert set(found) == set(table.columns.keys())
        assert inspector.get_pk_constraint(table.name)["constrained_columns"] == [c.name for c in table.primary_key]
        for column in table.columns:
            made = found[column.name]
            assert made["nullable"] == column.nullable, f"{table.name}.{column.name}"
            if isinstance(column.type, BigInteger):
                assert isinstance(made["type"], BigInteger)
            elif isinstance(column.type, Integer):
                assert isinstance(made["type"], Integer)
            elif isinstance(column.type, String) and database.is_sqlite:
                assert isinstance(made["type"], String)  # SQLite keeps a width and never looks at it
            elif isinstance(column.type, String) and column.type.length:
                assert getattr(made["type"], "length", None) == column.type.length, f"{table.name}.{column.name}"
            elif isinstance(column.type, String):
                assert isinstance(made["type"], mysql.MEDIUMTEXT), f"{table.name}.{column.name}"
            elif isinstance(column.type, JsonObject) and not database.is_sqlite:
                assert isinstance(made["type"], mysql.JSON | mysql.LONGTEXT)
            elif isinstance(column.type, DateTime):
                assert isinstance(made["type"], DateTime)
        keys = {
            (tuple(key["constrained_columns"]), key["referred_table"], key["options"].get("ondelete"))
            for key in inspector.get_foreign_keys(table.name)
        }
        assert keys == {((key.parent.name,), key.column.table.name, key.ondelete) for key in table.foreign_keys}, (
            table.name
        )


@pytest.mark.parametrize("origin", ["new", "go"])
def test_every_list_that_is_asked_for_has_an_index(url: URL, open_url: Open, origin: str) -> None:
    if origin == "go":
        go_backend.load(url)
    database = open_url(url)
    inspector = inspect(database.engine)

    def indices(table: str) -> set[tuple[str | None, ...]]:
        if not database.is_sqlite:
            return {tuple(index["column_names"]) for index in inspector.get_indexes(table)}
        columns = text(
            "SELECT group_concat(c.name) FROM pragma_index_list(:t) i, pragma_index_info(i.name) c GROUP BY i.name"
        )
        with database.read() as session:
            return {tuple(names.split(",")) for names in session.scalars(columns, {"t": table})}

    assert {("created_at", "seq", "id"), ("created_at", "seq", "id", "title", "description")} <= indices("project")
    assert ("project_id", "order", "id") in indices("shot")
    assert {
        ("project_id", "created_at", "seq", "id"),
        ("project_id", "status", "id"),
        ("project_id", "type", "created_at", "seq", "id"),
        ("status", "id"),
        ("shot_id", "id"),
        ("parent_id", "id"),
    } <= indices("task")
    assert ("project_id", "kind", "shot_id", "number") in indices("asset")
    assert {("not_before", "object_key"), ("project_id", "object_key")} <= indices("outbox")
    assert ("until_ms", "project_id", "shot_id") in indices("deletion") & indices("shot_undo")


def test_opening_again_changes_nothing(url: URL, open_url: Open) -> None:
    first = open_url(url)
    with first.write() as session:
        session.add(project(title="again"))
    before = info(first)
    second = open_url(url)
    with second.read() as session:
        assert [row.title for row in session.query(Project)] == ["again"]
    assert info(second) == before


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("sqlite", "new"),
        pytest.param("sqlite", "go", marks=pytest.mark.soak),
        ("mariadb", "new"),
        pytest.param("mariadb", "go", marks=pytest.mark.mariadb_alone),
        ("postgresql", "new"),
    ],
    indirect=["url"],
)
def test_servers_that_start_at_once_do_not_collide(url: URL, open_url: Open, origin: str) -> None:
    if origin == "go":
        go_backend.load(url)
    command = [sys.executable, "-c", OPEN_IT, url.render_as_string(hide_password=False)]
    servers = [
        subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for server in servers:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
    for server in servers:
        assert server.stdin is not None
        server.stdin.write("\n")
        server.stdin.flush()
    errors = [server.communicate(timeout=120)[1] for server in servers]
    assert errors == [""] * 2
    with open_url(url).read() as session:
        assert (session.query(Project).count() > 0) == (origin == "go")


def test_a_new_database_is_in_utc_whatever_the_dsn_says(mysql_dsn: str) -> None:
    dsn = mysql_dsn.partition("?")[0] + "?parseTime=True&loc=Asia%2FShanghai"
    database = open_database(Settings(mysql=MysqlSettings(dsn=dsn)))
    assert info(database) == {"version": NEWEST, "zone": "UTC"}
    assert str(database.zone) == "UTC"
    database.close()


def test_tables_of_an_older_version_are_brought_up_to_date_with_their_rows(url: URL, open_url: Open) -> None:
    with open_url(url).write() as session:
        session.add(project(id="p"))
        session.flush()
        session.add(task("p", id="t"))
        session.flush()
        session.execute(text("ALTER TABLE task DROP COLUMN crashes"))
        session.execute(text("UPDATE schema_info SET value = '1' WHERE name = 'version'"))
    database = open_url(url)
    assert info(database)["version"] == NEWEST
    with database.read() as session:
        assert session.get_one(Task, "t").crashes == 0


def test_tables_without_motion_and_aspect_get_them_with_nothing_chosen(url: URL, open_url: Open) -> None:
    with open_url(url).write() as session:
        session.add(project(id="p"))
        session.flush()
        session.add(shot("p", id="s"))
        session.flush()
        session.execute(text("ALTER TABLE project DROP COLUMN aspect"))
        session.execute(text("ALTER TABLE shot DROP COLUMN motion"))
        session.execute(text("UPDATE schema_info SET value = '5' WHERE name = 'version'"))
    database = open_url(url)
    assert info(database)["version"] == NEWEST
    with database.write() as session:
        assert (session.get_one(Project, "p").aspect, session.get_one(Shot, "s").motion) == (None, None)
        session.get_one(Project, "p").aspect, session.get_one(Shot, "s").motion = "9:16", "none"
    with open_url(url).read() as session:
        assert (session.get_one(Project, "p").aspect, session.get_one(Shot, "s").motion) == ("9:16", "none")


def test_tables_without_telling_and_cast_get_them(url: URL, open_url: Open) -> None:
    with open_url(url).write() as session:
        session.add(project(id="p"))
        session.flush()
        session.execute(text("ALTER TABLE project DROP COLUMN telling"))
        session.execute(text("DROP TABLE cast_member"))
        session.execute(text("UPDATE schema_info SET value = '7' WHERE name = 'version'"))
    database = open_url(url)
    assert info(database)["version"] == NEWEST
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


def test_tables_without_a_cost_get_one_that_nobody_told(url: URL, open_url: Open) -> None:
    with open_url(url).write() as session:
        session.add(project(id="p"))
        session.flush()
        session.execute(text("ALTER TABLE project DROP COLUMN cost"))
        session.execute(text("UPDATE schema_info SET value = '6' WHERE name = 'version'"))
    database = open_url(url)
    assert info(database)["version"] == NEWEST
    with database.read() as session:
        assert session.get_one(Project, "p").cost is None


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


def test_tables_without_options_and_with_a_plain_cast_get_more_with_nothing_chosen(url: URL, open_url: Open) -> None:
    with open_url(url).write() as session:
        session.add(project(id="p"))
        session.add(CastMember(project_id="p", position=1, name="狐狸"))
        session.flush()
        session.execute(text("ALTER TABLE project DROP COLUMN options"))
        for column in ("id", "voice", "reference", "updated_at"):
            session.execute(text(f"ALTER TABLE cast_member DROP COLUMN {column}"))
        session.execute(text("UPDATE schema_info SET value = '12' WHERE name = 'version'"))
    database = open_url(url)
    assert info(database)["version"] == NEWEST
    with database.write() as session:
        [fox] = cast_member.members(session, "p")
        assert (session.get_one(Project, "p").options, fox.id, fox.public_id) == ({}, None, "1")
        session.get_one(Project, "p").options = {"seed": 7}
    with open_url(url).read() as session:
        assert session.get_one(Project, "p").options == {"seed": 7}


def test_tables_without_deletions_get_them_and_nothing_is_deleted(url: URL, open_url: Open) -> None:
    with open_url(url).write() as session:
        session.add(project(id="p"))
        session.flush()
        session.add(shot("p", id="s"))
        session.execute(text("DROP TABLE deletion"))
        session.execute(text("DROP TABLE shot_undo"))
        session.execute(text("UPDATE schema_info SET value = '12' WHERE name = 'version'"))
    database = open_url(url)
    assert info(database)["version"] == NEWEST
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


def test_without_a_dsn_the_database_is_a_file_in_the_data_folder(tmp_path: Path) -> None:
    database = open_database(Settings(data_dir=tmp_path / "made" / "here"))
    assert (tmp_path / "made" / "here" / FILE_NAME).is_file()
    with database.read() as session:
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
        assert session.scalar(text("PRAGMA foreign_keys")) == 1
    assert database.check().startswith("sqlite 3.")
    database.close()


def test_a_start_waits_for_the_server_that_makes_the_tables_just_now(mysql_url: URL) -> None:
    impatient = mysql_url.update_query_dict(
        {"read_timeout": "1"}
    )  # `readTimeout=1s` in the DSN is for queries, not for this
    began = time.monotonic()
    with go_backend.foreign_engine(mysql_url).connect() as other, ThreadPoolExecutor(1) as threads:
        name = {"name": f"storytovideo.schema.{mysql_url.database}"}
        assert other.scalar(text("SELECT GET_LOCK(:name, 0)"), name) == 1
        starting = threads.submit(open_server, impatient)
        wait_until(lambda: time.monotonic() - began > 1.5, timeout=30)
        assert not starting.done()
        assert inspect(other).get_table_names() == []
        other.execute(text("SELECT RELEASE_LOCK(:name)"), name)
        database = starting.result()
    assert info(database)["version"] == NEWEST
    database.close()


def test_a_start_does_not_wait_for_ever(mysql_url: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.bootstrap.PATIENCE_S", 1)
    with go_backend.foreign_engine(mysql_url).connect() as other:
        other.execute(text("SELECT GET_LOCK(:name, 0)"), {"name": f"storytovideo.schema.{mysql_url.database}"})
        with pytest.raises(DatabaseUnavailable, match="another server"):
            open_server(mysql_url)


def test_a_go_backend_that_still_runs_is_told_to_stop(mysql_url: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.bootstrap.PATIENCE_S", 1)
    go_backend.load(mysql_url)
    with go_backend.foreign_engine(mysql_url).connect() as backend:
        backend.execute(text("SELECT * FROM task FOR UPDATE"))
        with pytest.raises(DatabaseUnavailable, match="stop the Go backend"):
            open_server(mysql_url)
    open_server(mysql_url).close()
