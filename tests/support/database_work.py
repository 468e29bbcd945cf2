"""How much a database has to do for what is asked of it: counts, which are the same on every machine, instead of times."""

from __future__ import annotations

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
    """`statements` with their parameters, `tasks` that were loaded, and `reads`: rows read (MariaDB), or steps of SQLite's machine."""

    statements: list[tuple[str, Any]] = field(default_factory=list)
    tasks: int = 0
    reads: int = 0


@contextmanager
def counted(database: Database) -> Iterator[Work]:
    """Counts what is done on the database inside the block."""
    work = Work()
    before: dict[int, int] = {}

    def statement(_connection: Any, _cursor: Any, sql: str, parameters: Any, *_rest: Any) -> None:
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
            before[id(connection)] = _rows_read(connection)

    def given_back(connection: Any, *_rest: Any) -> None:
        if database.is_sqlite:
            connection.set_progress_handler(None, 0)
        else:
            work.reads += _rows_read(connection) - before.pop(id(connection))

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
    """How the database goes about each SELECT that was counted: SQLite's words, or MariaDB's `type` and `key`."""
    explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
    found = []
    with database.engine.connect() as connection:
        for sql, parameters in work.statements:
            if sql.lstrip().startswith("SELECT"):
                for row in connection.exec_driver_sql(explain + sql, parameters):
                    found.append(row.detail if database.is_sqlite else f"{row.type} {row.key}")
    return found


def _rows_read(connection: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SHOW SESSION STATUS LIKE 'Handler_read%'")
        return sum(int(value) for _, value in cursor.fetchall())
