"""The engine and the unit of work."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timezone, tzinfo
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from service.errors import DatabaseUnavailable

SQLITE_BUSY_S = 30.0


class Database:
    """Sessions over one engine. Nothing connects until the first one is used.

    `read()` and `write()` are units of work: what is not committed by leaving the block is rolled back. On SQLite a write takes the
    database's lock at its start (BEGIN IMMEDIATE), so that two writers queue up instead of failing; elsewhere READ COMMITTED lets a
    guarded UPDATE see what others committed.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._read = sessionmaker(engine, expire_on_commit=False)
        self._write = sessionmaker(engine.execution_options(s2v_write=True), expire_on_commit=False)

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite."""
        return self.engine.dialect.name == "sqlite"

    def set_zone(self, zone: tzinfo) -> None:
        """Say which zone the DATETIME columns hold: UTC, or that of the Go backend whose database this was."""
        self.engine.dialect.database_zone = zone  # type: ignore[attr-defined]  # read by models.types.Timestamp

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that is never committed."""
        with translated(), self._read() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that is committed when the block ends without an exception."""
        with translated(), self._write.begin() as session:
            yield session

    def check(self) -> str:
        """The server's name and version; raises `DatabaseUnavailable`."""
        query = "SELECT sqlite_version()" if self.is_sqlite else "SELECT VERSION()"
        with self.read() as session:
            return f"{self.engine.dialect.name} {session.scalar(text(query))}"

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


@contextmanager
def translated() -> Iterator[None]:
    """Turn the drivers' "cannot reach it" into `DatabaseUnavailable`."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise DatabaseUnavailable(f"数据库不可用：{error.orig}") from error


def open_sqlite(path: Path) -> Database:
    """A database in one file (WAL), made with its folder when missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": SQLITE_BUSY_S, "check_same_thread": False},
        pool_size=32,
        max_overflow=64,
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # the begin event below decides how a transaction begins
        for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=NORMAL", f"busy_timeout={int(SQLITE_BUSY_S * 1000)}"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        write = connection.get_execution_options().get("s2v_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    database = Database(engine)
    database.set_zone(timezone.utc)
    return database


def open_mysql(url: URL, *, pool_size: int, statement_timeout_s: int) -> Database:
    """MySQL or MariaDB by PyMySQL; connections are tested before use and bounded in age, reads and writes in time."""
    engine = create_engine(
        url,
        isolation_level="READ COMMITTED",
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        pool_recycle=1800,
        connect_args={"connect_timeout": 10, "read_timeout": statement_timeout_s, "write_timeout": statement_timeout_s},
    )
    database = Database(engine)
    database.set_zone(timezone.utc)
    return database
