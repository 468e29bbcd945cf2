from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL, inspect, text

from common.errors import DatabaseUnavailable
from config.settings import MysqlSettings, Settings
from models.bootstrap import FILE_NAME, inspect_database, open_database, open_server, open_sqlite
from models.migrations import upgrades
from tests.integration.models.rows import info
from tests.support import go_backend
from tests.support.servers.process import silent_port
from tests.support.wait import wait_until

NEWEST = str(upgrades()[-1].number)


def test_a_database_that_is_not_there_is_named_with_the_statement_that_makes_it(mysql_url: URL) -> None:
    with pytest.raises(DatabaseUnavailable, match="CREATE DATABASE `not_there_yet`"):
        open_server(mysql_url.set(database="not_there_yet"))


def test_a_wrong_password_is_told_but_not_repeated(mysql_url: URL) -> None:
    with pytest.raises(DatabaseUnavailable, match="user or password") as caught:
        open_server(mysql_url.set(username="nobody", password="pa%ss/w@rd"))
    assert "pa%ss/w@rd" not in str(caught.value)


def test_a_server_that_does_not_answer_is_told(mysql_url: URL) -> None:
    with silent_port() as port, pytest.raises(DatabaseUnavailable, match="nothing answers there"):
        open_server(mysql_url.set(host="127.0.0.1", port=port))


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
        open_server(account(rows))
    open_server(account(f"{rows}, CREATE, ALTER, INDEX, REFERENCES")).close()
    later = open_server(account(f"{rows}, CREATE, REFERENCES"))
    assert info(later)["version"] == NEWEST
    later.close()


def test_a_server_without_a_connection_left_is_told(mysql_url: URL, account: Callable[[str], URL]) -> None:
    url = account("ALL")
    database = open_server(url)
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
            open_server(url)
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
