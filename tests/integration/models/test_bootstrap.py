from __future__ import annotations

import itertools
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import URL, BigInteger, DateTime, Integer, String, inspect, text
from sqlalchemy.dialects import mysql

from common.errors import DatabaseUnavailable
from config.settings import MysqlSettings, Settings
from models import cast_member, deletion, outbox, queries, shot_undo
from models.account import Account, ApiKey, LoginSession
from models.asset import Asset
from models.base import Base
from models.bootstrap import FILE_NAME, inspect_database, open_database, open_mysql, open_sqlite
from models.cast_member import CastMember
from models.db import Database
from models.deletion import Deletion
from models.idempotency import Idempotency
from models.migrations import SCRIPT, SQL, run_script, statements, upgrades
from models.outbox import Removal
from models.project import Project
from models.shot import Shot
from models.shot_undo import ShotUndo
from models.stray_job import StrayJob
from models.task import Task, TaskStatus
from models.types import JsonObject
from models.webhook import Delivery, Webhook
from service.access import accounts
from tests.integration.models.conftest import Open
from tests.integration.models.rows import NOW, project, shot, task
from tests.support import go_backend
from tests.support.servers.process import silent_port
from tests.support.soak import soaking, soaking_rows
from tests.support.wait import wait_until

ROOT = Path(__file__).resolve().parents[3]
NEWEST = str(upgrades()[-1].number)
OPEN_IT = """
import sys
from pathlib import Path
from zoneinfo import ZoneInfo
from sqlalchemy import make_url
from models.bootstrap import open_mysql, open_sqlite
url = make_url(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
if url.drivername == "sqlite":
    open_sqlite(Path(url.database)).close()
else:
    open_mysql(url, zone=ZoneInfo("Asia/Shanghai")).close()
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
    soaking_rows(itertools.product(["sqlite", "mysql"], ["new", "go"]), keep=[("sqlite", "new"), ("mysql", "go")]),
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
            open_mysql(mysql_url, zone=ZoneInfo("Asia/Shanghai"))
    database = open_url(mysql_url, zone=ZoneInfo("Europe/Berlin"))
    assert info(database) == {"version": NEWEST, "zone": "Asia/Shanghai"}
    assert go_backend.rows(mysql_url, "project") == before
    assert "request_id" in {column["name"] for column in inspect(database.engine).get_columns("task")}


def test_a_start_waits_for_the_server_that_makes_the_tables_just_now(mysql_url: URL) -> None:
    impatient = mysql_url.update_query_dict(
        {"read_timeout": "1"}
    )  # `readTimeout=1s` in the DSN is for queries, not for this
    began = time.monotonic()
    with go_backend.foreign_engine(mysql_url).connect() as other, ThreadPoolExecutor(1) as threads:
        name = {"name": f"storytovideo.schema.{mysql_url.database}"}
        assert other.scalar(text("SELECT GET_LOCK(:name, 0)"), name) == 1
        starting = threads.submit(open_mysql, impatient)
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
            open_mysql(mysql_url)


def test_a_go_backend_that_still_runs_is_told_to_stop(mysql_url: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.bootstrap.PATIENCE_S", 1)
    go_backend.load(mysql_url)
    with go_backend.foreign_engine(mysql_url).connect() as backend:
        backend.execute(text("SELECT * FROM task FOR UPDATE"))
        with pytest.raises(DatabaseUnavailable, match="stop the Go backend"):
            open_mysql(mysql_url)
    open_mysql(mysql_url).close()


def test_a_database_that_is_not_there_is_named_with_the_statement_that_makes_it(mysql_url: URL) -> None:
    with pytest.raises(DatabaseUnavailable, match="CREATE DATABASE `not_there_yet`"):
        open_mysql(mysql_url.set(database="not_there_yet"))


def test_a_wrong_password_is_told_but_not_repeated(mysql_url: URL) -> None:
    with pytest.raises(DatabaseUnavailable, match="user or password") as caught:
        open_mysql(mysql_url.set(username="nobody", password="pa%ss/w@rd"))
    assert "pa%ss/w@rd" not in str(caught.value)


def test_a_server_that_does_not_answer_is_told(mysql_url: URL) -> None:
    with silent_port() as port, pytest.raises(DatabaseUnavailable, match="nothing answers there"):
        open_mysql(mysql_url.set(host="127.0.0.1", port=port))


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(b"a diary, not a database" * 100)
    with pytest.raises(DatabaseUnavailable, match="not a database"):
        open_sqlite(path)
    assert path.read_bytes() == b"a diary, not a database" * 100


def test_a_data_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(DatabaseUnavailable, match="cannot use the database file"):
        open_sqlite(tmp_path / "data" / FILE_NAME)


@pytest.fixture
def account(mysql_url: URL) -> Iterator[Callable[[str], URL]]:
    """A function that gives an account of its own these rights on the database, and only these; returns its URL."""
    name, engine = f"s2v_{uuid.uuid4().hex[:12]}", go_backend.foreign_engine(mysql_url)

    def grant(rights: str) -> URL:
        with engine.begin() as connection:
            connection.execute(text(f"CREATE USER IF NOT EXISTS {name} IDENTIFIED BY 'its password'"))
            connection.execute(text(f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM {name}"))
            connection.execute(text(f"GRANT {rights} ON `{mysql_url.database}`.* TO {name}"))
        return mysql_url.set(username=name, password="its password")

    yield grant
    with engine.begin() as connection:
        connection.execute(text(f"DROP USER IF EXISTS {name}"))


def test_the_rights_that_the_migration_page_names_are_enough(mysql_url: URL, account: Callable[[str], URL]) -> None:
    go_backend.load(mysql_url)
    rows = "SELECT, INSERT, UPDATE, DELETE"
    with pytest.raises(DatabaseUnavailable, match="the account needs CREATE"):
        open_mysql(account(rows))
    open_mysql(account(f"{rows}, CREATE, ALTER, INDEX, REFERENCES")).close()
    later = open_mysql(account(f"{rows}, CREATE, REFERENCES"))
    assert info(later)["version"] == NEWEST
    later.close()


def test_a_server_without_a_connection_left_is_told(mysql_url: URL, account: Callable[[str], URL]) -> None:
    url = account("ALL")
    database = open_mysql(url)
    with go_backend.foreign_engine(mysql_url).begin() as connection:
        query = text("SELECT COUNT(*) FROM information_schema.processlist WHERE user = :name")
        # The one that made the tables is closed; until the server has noticed, it counts.
        wait_until(lambda: connection.scalar(query, {"name": url.username}) == 0)
        connection.execute(text(f"ALTER USER {url.username} WITH MAX_USER_CONNECTIONS 1"))
    with database.read() as session:
        session.execute(text("SELECT 1"))
        with pytest.raises(DatabaseUnavailable, match="暂时不可用"), database.read() as other:
            other.execute(text("SELECT 1"))
        with pytest.raises(DatabaseUnavailable, match=r"lower mysql\.pool_size"):
            open_mysql(url)
    with database.read() as session:
        assert session.scalar(text("SELECT 1")) == 1
    database.close()


def test_a_survey_tells_what_a_start_would_do_and_changes_nothing(mysql_url: URL, mysql_dsn: str) -> None:
    settings = Settings(mysql=MysqlSettings(dsn=mysql_dsn.partition("?")[0] + "?parseTime=True&loc=Asia%2FShanghai"))
    assert "no tables yet" in inspect_database(settings)
    with go_backend.foreign_engine(mysql_url).connect() as connection:
        assert inspect(connection).get_table_names() == []
    go_backend.load(mysql_url)
    assert "upgraded in place at the next start, times in the zone Asia/Shanghai" in inspect_database(settings)
    open_database(settings).close()
    assert f"tables of version {NEWEST}, times in the zone Asia/Shanghai" in inspect_database(settings)


def test_a_survey_without_a_dsn_makes_no_file(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    assert "is made at the next start" in inspect_database(settings)
    assert not (tmp_path / "data").exists()
    open_database(settings).close()
    assert f"tables of version {NEWEST}, times in the zone UTC" in inspect_database(settings)


def test_a_survey_of_a_database_that_is_not_there_says_how_to_make_it(mysql_dsn: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="CREATE DATABASE"):
        inspect_database(Settings(mysql=MysqlSettings(dsn=mysql_dsn.replace("s2v_test_", "no_such_"))))


def test_what_an_older_version_could_not_remove_is_in_the_outbox_after_its_upgrade(url: URL, open_url: Open) -> None:
    """Deleted music, and uploads of tasks that have ended; not what is there, nor what may still be uploaded."""
    common = {"project_id": "p", "shot_id": "", "kind": "image", "created_at": NOW}
    with open_url(url).write() as session:
        session.add(project(id="p"))
        session.flush()
        session.add(task("p", id="open"))
        session.add(task("p", id="over", status=TaskStatus.CANCELLED))
        for number, (key, task_id, size, stored) in enumerate(
            [
                ("music/1.mp3", "", 9, None),
                ("music/2.mp3", "", 9, NOW),
                ("music/3.mp3", "", 0, None),
                ("projects/p/shots/s/image-1.png", "over", 0, None),
                ("projects/p/shots/s/image-2.png", "over", 9, NOW),
                ("projects/p/shots/s/image-3.png", "open", 0, None),
            ]
        ):
            row = Asset(object_key=key, task_id=task_id, number=number, size=size, stored_at=stored, **common)
            session.add(row)
        session.flush()
        session.execute(text("DROP TABLE outbox"))
        session.execute(text("UPDATE schema_info SET value = '4' WHERE name = 'version'"))
    database = open_url(url)
    assert info(database)["version"] == NEWEST
    with database.read() as session:
        left = {row.object_key: (row.project_id, row.passes) for row in session.query(Removal)}
    assert left == {"music/1.mp3": ("p", 2), "projects/p/shots/s/image-1.png": ("p", 2)}


def test_a_removal_outlives_the_way_back_to_the_go_backend_and_a_start_after_it(url: URL, open_url: Open) -> None:
    go_backend.load(url)
    with open_url(url).write() as session:
        outbox.remove(session, ["projects/p/shots/s/image-1.png"], "p")
    with go_backend.foreign_engine(url).begin() as connection:
        connection.execute(text("UPDATE project SET title = 'by the Go backend'"))
    with open_url(url).read() as session:
        assert [row.object_key for row in session.query(Removal)] == ["projects/p/shots/s/image-1.png"]
