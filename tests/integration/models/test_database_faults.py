"""What a database refuses, as its driver says it, and which of our errors that becomes."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import URL, event, select
from sqlalchemy.exc import DBAPIError, IntegrityError, InternalError, OperationalError

from common.errors import DatabaseUnavailable, DiskFull
from models.db import translated
from models.driver_errors import is_conflict
from models.project import Project
from tests.integration.models.conftest import Open
from tests.integration.models.rows import project


def driver_error(*arguments: int | str) -> Exception:
    """As a driver raises it; PostgreSQL's first has five letters."""
    error = Exception(*arguments)
    if len(arguments) == 2 and isinstance(arguments[0], str):
        error.sqlstate = arguments[0]  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("arguments", "conflict"),
    [
        *(
            ((1205, "x"), True),
            ((1213, "x"), True),
            ((2006, "gone"), False),
            (("database is locked",), True),
            ((), False),
        ),
        *((("40P01", "x"), True), (("40001", "x"), True), (("55P03", "x"), True), (("57P01", "is locked"), False)),
    ],
)
def test_only_what_another_transaction_caused_is_tried_again(arguments: tuple[int | str, ...], conflict: bool) -> None:
    assert is_conflict(OperationalError("UPDATE", {}, driver_error(*arguments))) is conflict


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (OperationalError, (1021, "Disk full (/tmp/#sql); waiting for someone to free some space...")),
        (OperationalError, (1114, "The table 'task' is full")),
        (OperationalError, (1030, 'Got error 28 "No space left on device" from storage engine InnoDB')),
        (InternalError, (3, "Error writing file '/tmp/MLfd=29' (Errcode: 28 \"No space left on device\")")),
        (InternalError, (20, "Disk is full writing './binlog.000001'")),
        (OperationalError, ("disk I/O error",)),
        (OperationalError, ("53100", "could not extend file")),
        (OperationalError, ("database or disk is full",)),
    ],
    ids=str,
)
def test_a_full_disk_of_the_database_is_told_as_one(kind: type[DBAPIError], arguments: tuple[int | str, ...]) -> None:
    with pytest.raises(DiskFull, match="磁盘空间不足"), translated():
        raise kind("INSERT", {}, driver_error(*arguments))


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (OperationalError, "53300"),  # too many connections
        (OperationalError, "57P01"),  # the server is shut down
        (OperationalError, "57P03"),  # it starts
        (OperationalError, "57014"),  # the statement took too long
        (InternalError, "25006"),  # a standby
        (InternalError, "25P03"),  # a transaction that did nothing for too long
    ],
)
def test_a_postgresql_that_does_not_work_now_is_away(kind: type[DBAPIError], state: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="暂时不可用"), translated():
        raise kind("INSERT", {}, driver_error(state, "words"))


@pytest.mark.parametrize("kind", [InternalError, IntegrityError])
def test_other_faults_of_a_statement_stay_what_they_are(kind: type[DBAPIError]) -> None:
    with pytest.raises(kind), translated():
        raise kind("INSERT", {}, Exception(1062, "Duplicate entry"))


def test_a_sqlite_file_that_may_not_grow_refuses_writes_until_it_may_again(tmp_path: Path, open_url: Open) -> None:
    database = open_url(URL.create("sqlite", database=str(tmp_path / "storytovideo.db")))
    with database.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()

    def limit(most: int) -> None:
        database.engine.dispose()

        @event.listens_for(database.engine, "connect")
        def _limit(connection: sqlite3.Connection, _record: object) -> None:
            connection.execute(f"PRAGMA max_page_count={most}")

    limit(pages + 1)
    with pytest.raises(DiskFull), database.write() as session:
        session.add(project(story_text="长" * 100_000))
    with database.read() as session:
        assert session.scalars(select(Project)).all() == []
    limit(pages + 1000)
    with database.write() as session:
        session.add(project(story_text="长" * 100_000))
    with database.read() as session:
        assert len(session.scalars(select(Project)).all()) == 1
