from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import Any

import pytest
from pymysql.connections import Connection as MysqlConnection
from sqlalchemy import URL, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from common.errors import DatabaseUnavailable
from config import postgresql_url
from config.go_dsn import parse
from config.settings import ServerSettings, Settings, WorkerSettings
from models.bootstrap import open_database, open_server
from models.db import CONFLICT_ATTEMPTS, Database, retrying, translated
from models.project import Project
from tests.conftest import leave_out
from tests.integration.models.conftest import Open
from tests.integration.models.rows import project
from tests.support import go_backend
from tests.support.columns import DATABASES, address_of, sections_of
from tests.support.servers.mariadb_server import MariadbServer
from tests.support.servers.postgresql_server import PostgresqlServer
from tests.support.servers.process import MissingServiceError
from tests.support.wait import wait_until

servers = pytest.mark.parametrize("url", DATABASES[1:], indirect=True)
OWN_ID = {"mysql": "SELECT CONNECTION_ID()", "postgresql": "SELECT PG_BACKEND_PID()"}
PING = ""  # no statement
SLEEP = {"mysql": "SLEEP", "postgresql": "PG_SLEEP"}
CONNECTED = {
    "mysql": "SELECT COUNT(*) FROM information_schema.processlist WHERE db = :name",
    "postgresql": "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = :name",
}


def titles(database: Database) -> list[str]:
    with database.read() as session:
        return sorted(row.title for row in session.query(Project))


def rename(session: Session, project_id: str, title: str) -> None:
    session.execute(text("UPDATE project SET title = :title WHERE id = :id"), {"title": title, "id": project_id})


def two_projects(database: Database) -> None:
    with database.write() as session:
        session.add_all([project(id="a", title="a"), project(id="b", title="b")])


def test_a_write_that_fails_leaves_nothing_behind(database: Database) -> None:
    def fail() -> None:
        with database.write() as session:
            session.add(project())
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert titles(database) == []


def test_a_read_is_never_committed(database: Database) -> None:
    with database.read() as session:
        session.add(project())
        session.flush()
    assert titles(database) == []


def test_writers_queue_up_instead_of_failing(database: Database) -> None:
    two_projects(database)

    def count_up(_: int) -> None:
        with database.write() as session:
            found = session.query(Project).filter_by(id="a").with_for_update().one()
            found.duration = (found.duration or 0) + 1

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(count_up, range(40)))
    with database.read() as session:
        assert session.get_one(Project, "a").duration == 40


def test_a_retried_use_case_returns_what_it_returned(database: Database) -> None:
    @retrying
    def ask() -> int:
        with database.read() as session:
            return int(session.scalar(text("SELECT 41 + 1")) or 0)

    assert ask() == 42


@servers
def test_the_victim_of_a_deadlock_tries_again(url: URL, open_url: Open) -> None:
    database = open_url(url)
    two_projects(database)
    both_hold_one = threading.Barrier(2)
    calls: list[str] = []

    @retrying
    def swap(first: str, second: str) -> None:
        calls.append(first)
        with database.write() as session:
            rename(session, first, f"{first} by {first}{second}")
            if calls.count(first) == 1:
                both_hold_one.wait(timeout=60)
            rename(session, second, f"{second} by {first}{second}")

    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(swap, "a", "b"), threads.submit(swap, "b", "a")]:
            done.result()
    assert len(calls) == 3
    assert titles(database) in (["a by ab", "b by ab"], ["a by ba", "b by ba"])


@servers
def test_a_lock_that_is_held_for_long_is_waited_for_again(url: URL, open_url: Open) -> None:
    database = open_url(url, statement_timeout_s=2)  # so that a lock is waited for one second
    two_projects(database)
    tried: list[float] = []

    @retrying
    def wait_for_it() -> None:
        tried.append(time.monotonic())
        with database.write() as session:
            rename(session, "a", "in the end")

    with ThreadPoolExecutor(1) as threads, database.write() as holder:
        rename(holder, "a", "held")
        waiting = threads.submit(wait_for_it)
        wait_until(lambda: len(tried) == 2, timeout=60)
        holder.commit()
        waiting.result()
    assert titles(database) == ["b", "in the end"]


def test_a_conflict_that_does_not_end_is_reported(database: Database) -> None:
    calls: list[int] = []

    @retrying
    def lose() -> None:
        calls.append(1)
        with database.write():
            raise OperationalError("UPDATE", {}, Exception(1213, "Deadlock found"))

    with pytest.raises(DatabaseUnavailable):
        lose()
    assert len(calls) == CONFLICT_ATTEMPTS


@pytest.mark.parametrize(
    "wrong", ["SELECT 1 FROM no_such_table", "SELECT no_such_column FROM project", "SELECT SELECT"]
)
def test_a_wrong_statement_is_neither_tried_again_nor_blamed_on_the_server(database: Database, wrong: str) -> None:
    calls: list[int] = []

    @retrying
    def make_a_mistake() -> None:
        calls.append(1)
        with database.read() as session:
            session.execute(text(wrong))

    with pytest.raises(DBAPIError):
        make_a_mistake()
    assert calls == [1]


@servers
def test_more_threads_than_connections_wait_for_their_turn(url: URL, open_url: Open) -> None:
    database = open_url(url)  # 8 connections are kept, 40 more opened at peaks
    seen: set[int] = set()
    everybody = threading.Barrier(64)

    def ask(_: int) -> int:
        everybody.wait(timeout=60)
        with database.read() as session:
            seen.add(int(session.scalar(text(OWN_ID[database.kind])) or 0))
            wait_until(lambda: len(seen) > 8, 60, "more connections than are kept")
            return int(session.scalar(text(f"SELECT 1 FROM (SELECT {SLEEP[database.kind]}(0.02)) AS nap")) or 0)

    with ThreadPoolExecutor(64) as threads:
        assert sum(threads.map(ask, range(64))) == 64

    def kept() -> int:
        with database.read() as session:
            return int(session.scalar(text(CONNECTED[database.kind]), {"name": url.database}) or 0)

    wait_until(lambda: 1 <= kept() <= 8, what="the end of the connections that were more")  # the server takes its time


def test_connections_that_are_all_in_use_are_told() -> None:
    def wait_in_vain() -> None:
        with translated():
            raise PoolTimeout("QueuePool limit reached")

    with pytest.raises(DatabaseUnavailable, match="连接已用尽"):
        wait_in_vain()


@servers
def test_a_statement_that_takes_too_long_is_ended(url: URL, open_url: Open) -> None:
    database = open_url(url, statement_timeout_s=1)
    started = time.monotonic()
    with pytest.raises(DatabaseUnavailable), database.read() as session:
        session.scalar(
            text(
                "SELECT COUNT(*) FROM information_schema.columns a, information_schema.columns b, information_schema.columns c"
                " WHERE a.column_name || b.column_name || c.column_name = 'no such name'"
            )
        )
    assert time.monotonic() - started < 60
    assert database.check().startswith(f"{database.kind} ")


def test_sessions_know_emoji_and_strictness_whatever_the_server_says(mysql_url: URL, open_url: Open) -> None:
    database = open_url(mysql_url.update_query_dict({"charset": "utf8"}))
    with database.read() as session:
        isolation_of = "@@tx_isolation" if "maria" in database.check().lower() else "@@transaction_isolation"
        mode, charset, isolation = session.execute(
            text(f"SELECT @@sql_mode, @@character_set_client, {isolation_of}")
        ).one()
    assert "STRICT_TRANS_TABLES" in mode
    assert "NO_ZERO_DATE" not in mode
    assert (charset, isolation) == ("utf8mb4", "READ-COMMITTED")


@pytest.mark.parametrize("kind", DATABASES[1:])
def test_no_thread_waits_for_another_ones_connection(kind: str, request: pytest.FixtureRequest) -> None:
    """All threads of the server and its workers may be in the database at once, whatever is kept of their connections afterwards."""
    threads = 12 + 3
    settings = Settings(
        **{
            name: section.model_copy(update={"pool_size": 2})
            for name, section in sections_of(address_of(kind, request)).items()
        },
        server=ServerSettings(threads=12),
        worker=WorkerSettings(concurrency=3),
    )
    database = open_database(settings)
    met = threading.Barrier(threads, timeout=60)

    def use(_number: int) -> int:
        with database.read() as session:
            connection = int(session.scalar(text(OWN_ID[database.kind])) or 0)
            met.wait()
            return connection

    with ThreadPoolExecutor(threads) as pool:
        assert len(set(pool.map(use, range(threads)))) == threads
    database.close()


def test_a_unit_of_work_asks_whether_the_server_lives_and_then_for_nothing_but_its_statements_and_the_commit(
    mysql_url: URL, open_url: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = open_url(mysql_url)
    two_projects(database)
    asked: list[str] = []
    whole: Any = vars(MysqlConnection)["_execute_command"]

    def note(self: MysqlConnection[Any], command: int, sql: str | bytes) -> None:
        asked.append(str(sql if isinstance(sql, str) else sql.decode()).partition(" ")[0])
        whole(self, command, sql)

    monkeypatch.setattr(MysqlConnection, "_execute_command", note)
    with database.write() as session:
        rename(session, "a", "c")
    assert asked == [PING, "UPDATE", "COMMIT"]
    asked.clear()
    with pytest.raises(ZeroDivisionError), database.write() as session:
        _a_mistake(session)
    assert asked == [PING, "UPDATE", "ROLLBACK"]
    assert titles(database) == ["b", "c"]


def begun(database: Database, url: URL) -> int:
    """Transactions of this database's connections that have not ended."""
    query = (
        "SELECT COUNT(*) FROM information_schema.innodb_trx JOIN information_schema.processlist"
        " ON id = trx_mysql_thread_id WHERE db = :name"
    )
    with go_backend.foreign_engine(url.set(database="mysql")).connect() as other:
        return int(other.execute(text(query), {"name": url.database}).scalar() or 0)


def _twice_the_same(session: Session) -> None:
    session.add(project(id="a"))
    session.flush()


def _a_mistake(session: Session) -> None:
    rename(session, "a", "x")
    raise ZeroDivisionError


def _a_look(session: Session) -> None:
    session.execute(text("SELECT title FROM project FOR UPDATE"))


@pytest.mark.parametrize("work", [_a_look, _twice_the_same, _a_mistake])
@pytest.mark.parametrize("unit", ["read", "write"])
def test_a_unit_of_work_leaves_nothing_begun_however_it_ends(
    mysql_url: URL, open_url: Open, work: Callable[[Any], None], unit: str
) -> None:
    database = open_url(mysql_url)
    two_projects(database)
    with suppress(ZeroDivisionError, IntegrityError), getattr(database, unit)() as session:
        work(session)
    assert begun(database, mysql_url) == 0


def own_server(kind: str) -> tuple[MariadbServer | PostgresqlServer, URL]:
    """A server of a test's own, with a database."""
    try:
        if kind == "mariadb":
            server = MariadbServer()
            url = parse(server.dsn("test_restart")).url
            with go_backend.foreign_engine(url.set(database="mysql")).connect() as connection:
                connection.execute(text("CREATE DATABASE test_restart CHARACTER SET utf8mb4"))
            return server, url
        postgresql = PostgresqlServer()
        return postgresql, postgresql_url.parse(postgresql.url())
    except MissingServiceError as error:
        leave_out(str(error))


@pytest.mark.parametrize("kind", DATABASES[1:])
def test_the_database_comes_back_after_its_server_was_restarted(kind: str) -> None:
    server, url = own_server(kind)
    with closing(server), closing(open_server(url)) as database:
        two_projects(database)
        server.stop()
        server.start_again()
        assert titles(database) == ["a", "b"], "its old connections are dead, which nobody needs to notice"
        server.stop()
        with pytest.raises(DatabaseUnavailable, match="暂时不可用") as caught, database.write() as session:
            session.add(project())
        assert isinstance(caught.value.__cause__, OperationalError)
        server.start_again()
        with database.write() as session:
            rename(session, "a", "still here")
        assert titles(database) == ["b", "still here"]


@pytest.mark.parametrize("kind", DATABASES[1:])
def test_a_server_that_hangs_is_told_before_the_longest_statement_could_have_ended(kind: str) -> None:
    server, url = own_server(kind)
    with closing(server), closing(open_server(url, statement_timeout_s=86_400)) as database:
        database.check()
        server.hang()
        with pytest.raises(DatabaseUnavailable):
            database.check()
        server.go_on()
        database.check()
