"""What PostgreSQL refuses at a start is told in one line, with what to do about it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import URL, NullPool, create_engine, text

from common.errors import DatabaseUnavailable
from config.settings import DatabaseSettings, Settings
from models import reads
from models.bootstrap import inspect_database, open_database, open_server
from models.schema_locks import _ADVISORY
from tests.integration.models.rows import project
from tests.support.servers.process import silent_port


def execute(url: URL, *statements: str) -> None:
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))


@pytest.fixture
def role(empty_postgresql: URL) -> Iterator[str]:
    """An account that may log in once at a time, and use the database as any other."""
    name = f"s2v_{uuid.uuid4().hex[:12]}"
    execute(empty_postgresql, f"CREATE ROLE {name} LOGIN CONNECTION LIMIT 1")
    yield name
    execute(empty_postgresql, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


def test_a_database_that_is_not_there_is_named_with_the_statement_that_makes_it(empty_postgresql: URL) -> None:
    with pytest.raises(DatabaseUnavailable, match='CREATE DATABASE "not_there" ENCODING') as caught:
        open_server(empty_postgresql.set(database="not_there"))
    assert "\n" not in str(caught.value)


def test_a_server_that_does_not_answer_is_told(empty_postgresql: URL) -> None:
    with silent_port() as port, pytest.raises(DatabaseUnavailable, match="nothing answers there"):
        open_server(empty_postgresql.set(host="127.0.0.1", port=port, password="hidden"))


def test_an_account_that_may_make_no_tables_is_told_which_right_it_needs(empty_postgresql: URL, role: str) -> None:
    with pytest.raises(DatabaseUnavailable, match=f'ALTER DATABASE "{empty_postgresql.database}" OWNER TO'):
        open_server(empty_postgresql.set(username=role))
    execute(empty_postgresql, f'ALTER DATABASE "{empty_postgresql.database}" OWNER TO {role}')
    open_server(empty_postgresql.set(username=role)).close()
    execute(empty_postgresql, f'ALTER DATABASE "{empty_postgresql.database}" OWNER TO postgres')


def test_a_server_without_a_connection_left_is_told(empty_postgresql: URL, role: str) -> None:
    own = empty_postgresql.set(username=role)
    with (
        create_engine(own, poolclass=NullPool).connect(),
        pytest.raises(DatabaseUnavailable, match=r"lower database\.pool_size"),
    ):
        open_server(own)


def test_tables_of_another_program_are_left_alone(empty_postgresql: URL) -> None:
    execute(empty_postgresql, "CREATE TABLE project (id INTEGER)", "INSERT INTO project VALUES (7)")
    with pytest.raises(DatabaseUnavailable, match="tables of another program"):
        open_server(empty_postgresql)
    with create_engine(empty_postgresql, poolclass=NullPool).connect() as connection:
        assert connection.scalar(text("SELECT id FROM project")) == 7
        assert (
            connection.scalar(text("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'public'")) == 1
        )


def test_a_database_that_cannot_keep_every_script_is_refused(empty_postgresql: URL) -> None:
    name = f"s2v_test_{uuid.uuid4().hex[:12]}"
    execute(empty_postgresql, f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    try:
        with pytest.raises(DatabaseUnavailable, match="keeps texts in LATIN1"):
            open_server(empty_postgresql.set(database=name))
    finally:
        execute(empty_postgresql, f"DROP DATABASE {name} WITH (FORCE)")


def test_a_start_does_not_wait_for_ever_for_another(empty_postgresql: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.bootstrap.PATIENCE_S", 1)
    with create_engine(empty_postgresql, poolclass=NullPool).connect() as other:
        other.execute(text("SELECT PG_ADVISORY_LOCK(:number)"), {"number": _ADVISORY})
        with pytest.raises(DatabaseUnavailable, match="another server has been making"):
            open_server(empty_postgresql)
    open_server(empty_postgresql).close()


def test_a_survey_tells_what_a_start_would_do_and_changes_nothing(empty_postgresql: URL, tmp_path: Path) -> None:
    url = empty_postgresql.set(drivername="postgresql").render_as_string(hide_password=False)
    settings = Settings(data_dir=tmp_path, database=DatabaseSettings(url=url))
    for _ in range(2):
        assert "no tables yet, made at the next start" in inspect_database(settings)
    with closing(open_database(settings)):
        assert "PostgreSQL" in inspect_database(settings)
        assert "times in the zone UTC" in inspect_database(settings)


def test_a_search_tells_no_large_letters_from_small_ones_in_any_script(empty_postgresql: URL) -> None:
    with closing(open_server(empty_postgresql)) as database:
        with database.write() as session:
            session.add_all([project(title="Дом 100%_é"), project(title="haus", description="ÀPRÈS")])
        found = {
            words: reads.page_of_projects(database, page=1, page_size=9, words=words)[1]
            for words in ("ДОМ", "àprès", "HAUS", "100%_É", "%")
        }
    assert found == {"ДОМ": 1, "àprès": 1, "HAUS": 1, "100%_É": 1, "%": 1}
