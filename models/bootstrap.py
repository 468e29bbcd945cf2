"""Opening the database at start: connect, make or upgrade the tables, agree on the time zone."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timezone, tzinfo
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from common.errors import DatabaseUnavailable
from config.go_dsn import parse
from config.settings import Settings
from config.zones import zone_named
from models.db import Database
from models.diagnosis import explain
from models.engines import SQLITE_BUSY_S, mysql_engine, mysql_schema_engine, sqlite_engine
from models.migrations import migrate, outlook

FILE_NAME = "storytovideo.db"
HOUSEKEEPERS = 8  # threads that use the database beside those of requests and tasks
PATIENCE_S = 120
"""How long a start waits for another server that is making the tables, and for tables that another program holds."""


def open_database(settings: Settings) -> Database:
    """The configured database, its tables made or brought up to date. Several servers may call this at once.

    Raises `DatabaseUnavailable` with a text that tells an operator what to do.
    """
    if not settings.mysql.dsn:
        return open_sqlite(settings.data_dir / FILE_NAME)
    dsn = parse(settings.mysql.dsn)
    return open_mysql(
        dsn.url,
        zone=dsn.zone,
        pool_size=settings.mysql.pool_size,
        threads=settings.server.threads + settings.worker.concurrency + HOUSEKEEPERS,
        statement_timeout_s=settings.mysql.statement_timeout_s,
    )


def survey(settings: Settings) -> str:
    """One line for `doctor`: the server's version, what is in the database, what a start would do. Changes nothing.

    Raises `DatabaseUnavailable` as `open_database` does.
    """
    path = settings.data_dir / FILE_NAME
    if not settings.mysql.dsn:
        if not path.exists():
            return f"SQLite {sqlite3.sqlite_version}: {path} is made at the next start"
        return _survey(sqlite_engine(path), f"SQLite {sqlite3.sqlite_version}", str(path), "UTC")
    dsn = parse(settings.mysql.dsn)
    engine = mysql_schema_engine(dsn.url, patience_s=PATIENCE_S)
    return _survey(engine, "", _where(dsn.url), _name(dsn.zone), dsn.url)


def _survey(engine: Engine, server: str, where: str, foreign_zone: str, url: URL | None = None) -> str:
    try:
        with _explained(where, url), engine.connect() as connection:
            server = server or str(connection.scalar(text("SELECT VERSION()")))
            return f"{server}: {where}: {outlook(connection, foreign_zone=foreign_zone)}"
    finally:
        engine.dispose()


def open_sqlite(path: Path) -> Database:
    """A database in one file (WAL); the file and its folder are made when missing."""
    where = str(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        database = Database(sqlite_engine(path))
        writer = database.engine.execution_options(s2v_write=True)
        with _sqlite_schema_lock(path), _explained(where), writer.begin() as connection:
            name = migrate(connection, foreign_zone="UTC")
    except OSError as error:
        raise DatabaseUnavailable(f"cannot use the database file {where}: {error}") from error
    database.set_zone(_zone(name))
    return database


def open_mysql(
    url: URL, *, zone: tzinfo = timezone.utc, pool_size: int = 24, threads: int = 48, statement_timeout_s: int = 30
) -> Database:
    """MySQL or MariaDB, for so many threads. `zone` is that of the Go backend's DATETIME columns; new tables are in UTC."""
    where = _where(url)
    schema_engine = mysql_schema_engine(url, patience_s=PATIENCE_S)
    with _explained(where, url), schema_engine.connect() as connection, _mysql_schema_lock(connection, url):
        name = migrate(connection, foreign_zone=_name(zone))
    engine = mysql_engine(url, pool_size=pool_size, threads=threads, statement_timeout_s=statement_timeout_s)
    return Database(engine, _zone(name))


@contextmanager
def _sqlite_schema_lock(path: Path) -> Iterator[None]:
    """One process at a time, and WAL switched on: that switch fails at once, without waiting, when two make it together."""
    with path.with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        connection = sqlite3.connect(path, timeout=SQLITE_BUSY_S)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.Error as error:
            raise DatabaseUnavailable(f"cannot use the database file {path}: {error}") from error
        finally:
            connection.close()
        yield


@contextmanager
def _mysql_schema_lock(connection: Connection, url: URL) -> Iterator[None]:
    name = f"storytovideo.schema.{url.database}"[:64]
    got = connection.scalar(text("SELECT GET_LOCK(:name, :patience)"), {"name": name, "patience": PATIENCE_S})
    if got != 1:
        raise DatabaseUnavailable(
            f"another server has been making the tables of {url.database} for over {PATIENCE_S} s"
        )
    try:
        yield
    finally:
        if not connection.invalidated:
            connection.execute(text("SELECT RELEASE_LOCK(:name)"), {"name": name})


@contextmanager
def _explained(where: str, url: URL | None = None) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise DatabaseUnavailable(explain(error, where, url)) from error


def _where(url: URL) -> str:
    return f"{url.database} on {url.host or 'its socket'}"


def _name(zone: tzinfo) -> str:
    """The name under which a zone is noted down."""
    return str(getattr(zone, "key", "") or "UTC")


def _zone(name: str) -> tzinfo:
    try:
        return zone_named(name)
    except ValueError as error:
        raise DatabaseUnavailable(
            f"the database's times are in the zone {name!r}, which this machine does not know: install tzdata"
        ) from error
