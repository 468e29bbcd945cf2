"""How much a database has to do for what is asked of it: counts, which are the same on every machine, instead of times."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import event

from models.db import Database
from models.task import Task

STEPS = 10  # of SQLite's virtual machine between two counts


@dataclass
class Work:
    """`statements` with their parameters, `tasks` that were loaded, and `reads`: rows read (of servers), or steps of SQLite's machine."""

    statements: list[tuple[str, Any]] = field(default_factory=list)
    tasks: int = 0
    reads: int = 0


@contextmanager
def counted(database: Database, *, here: bool = False) -> Iterator[Work]:
    """Counts what is done on the database inside the block; `here`: of statements only this thread's."""
    work, thread = Work(), threading.get_ident()
    before: dict[int, int] = {}
    if database.kind == "postgresql":  # as it does by itself now and then: without it one index is as good as another
        with database.engine.begin() as connection:
            connection.exec_driver_sql("ANALYZE")

    def statement(_connection: Any, _cursor: Any, sql: str, parameters: Any, *_rest: Any) -> None:
        if not here or threading.get_ident() == thread:
            work.statements.append((sql, parameters))

    def loaded(_task: Task, _context: Any) -> None:
        work.tasks += 1

    def step() -> int:
        work.reads += 1
        return 0

    def taken(connection: Any, *_rest: Any) -> None:
        if database.is_sqlite:
            connection.set_progress_handler(step, STEPS)
        else:
            before[id(connection)] = _rows_read(database, connection)

    def given_back(connection: Any, *_rest: Any) -> None:
        if database.is_sqlite:
            connection.set_progress_handler(None, 0)
        else:
            work.reads += _rows_read(database, connection) - before.pop(id(connection))

    listeners: list[tuple[Any, str, Any]] = [(Task, "load", loaded)]
    for engine in {database.engine, database.reads}:
        listeners += [
            (engine, "before_cursor_execute", statement),
            (engine.pool, "checkout", taken),
            (engine.pool, "checkin", given_back),
        ]
    for target, name, listener in listeners:
        event.listen(target, name, listener)
    try:
        yield work
    finally:
        for target, name, listener in listeners:
            event.remove(target, name, listener)


def plans(database: Database, work: Work) -> list[str]:
    """How the database goes about each SELECT that was counted: SQLite's words, MariaDB's `type` and `key`, PostgreSQL's nodes.

    PostgreSQL says how it would if the tables were large: it goes through small ones from one end to the other.
    """
    found = []
    with database.engine.connect() as connection:
        if database.kind == "postgresql":
            connection.exec_driver_sql(WITHOUT_SCANS)
        for sql, parameters in work.statements:
            if sql.lstrip().startswith("SELECT"):
                found += [
                    _step(database, row) for row in connection.exec_driver_sql(EXPLAIN[database.kind] + sql, parameters)
                ]
    return found


EXPLAIN = {"sqlite": "EXPLAIN QUERY PLAN ", "mysql": "EXPLAIN ", "postgresql": "EXPLAIN (COSTS OFF) "}
WITHOUT_SCANS = "SET LOCAL enable_seqscan = off"
TUPLES = "SELECT COALESCE(SUM(seq_tup_read + COALESCE(idx_tup_fetch, 0)), 0) FROM pg_stat_user_tables"


def _step(database: Database, row: Any) -> str:
    if database.kind == "mysql":
        return f"{row.type} {row.key} {row.table}"
    return str(row.detail) if database.is_sqlite else str(row[0]).strip(" ->")


def _rows_read(database: Database, connection: Any) -> int:
    if database.kind == "postgresql":
        return _tuples_read(connection)
    with connection.cursor() as cursor:
        cursor.execute("SHOW SESSION STATUS LIKE 'Handler_read%'")
        return sum(int(value) for _, value in cursor.fetchall())


def _tuples_read(connection: Any) -> int:
    """Of all the database's sessions, which is a test's own; a session's are told when it is asked for that and idle."""
    before, connection.autocommit = connection.autocommit, True
    connection.execute("SET enable_seqscan = off")  # see `plans`
    connection.execute("SELECT PG_STAT_FORCE_NEXT_FLUSH()")
    read = int(connection.execute(TUPLES).fetchone()[0])
    connection.autocommit = before
    return read
