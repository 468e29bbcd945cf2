"""Opening the database at start: connect, make or upgrade the tables, agree on the time zone."""

from __future__ import annotations

import sqlite3
from datetime import timezone, tzinfo
from pathlib import Path

from sqlalchemy import URL, Engine, text

from common.errors import DatabaseUnavailable
from config import go_dsn, postgresql_url
from config.settings import Settings
from config.zones import zone_named
from models.db import Database
from models.engines import mysql_engine, mysql_reads_engine, mysql_schema_engine, sqlite_engine
from models.migrations import dry_run, migrate
from models.row_versions import RowVersions
from models.schema_locks import mysql_schema_lock, sqlite_schema_lock, take_postgresql_schema_lock
from models.start_errors import place_of, with_error_hint

FILE_NAME = "storytovideo.db"
HOUSEKEEPERS = 8  # threads that use the database beside those of requests and tasks
PATIENCE_S = 120
"""How long a start waits for another server that is making the tables, and for tables that another program holds."""


def open_database(settings: Settings) -> Database:
    """The configured database, its tables made or brought up to date. Several servers may call this at once.

    Raises `DatabaseUnavailable` with a text that tells an operator what to do.
    """
    if settings.is_on_sqlite:
        database = open_sqlite(settings.data_dir / FILE_NAME)
    else:
        database = _configured(settings, _migrate_server(*_address(settings)))
    database.keep_versions(RowVersions.open(settings.data_dir))
    return database


def reopen_database(settings: Settings, zone: tzinfo) -> Database:
    """The configured database for another process of a server that has opened it, and found its times to be in `zone`. Nothing connects."""
    database = _configured(settings, zone)
    database.keep_versions(RowVersions.open(settings.data_dir))
    return database


def _address(settings: Settings) -> tuple[URL, tzinfo]:
    """Of the server, and the zone of the times in tables that are not this server's own."""
    if settings.database.url:
        return postgresql_url.parse(settings.database.url), timezone.utc
    dsn = go_dsn.parse(settings.mysql.dsn)
    return dsn.url, dsn.zone


def _configured(settings: Settings, zone: tzinfo) -> Database:
    if settings.is_on_sqlite:
        return Database(sqlite_engine(settings.data_dir / FILE_NAME), zone)
    section = settings.database if settings.database.url else settings.mysql
    return _pooled(
        _address(settings)[0],
        zone,
        pool_size=section.pool_size,
        threads=settings.server.threads + settings.worker.concurrency + HOUSEKEEPERS,
        statement_timeout_s=section.statement_timeout_s,
    )


def _pooled(url: URL, zone: tzinfo, *, pool_size: int, threads: int, statement_timeout_s: int) -> Database:
    """A thread has one connection at a time, so that both pools may grow to as many; they share what is kept."""
    engine, reads_engine = mysql_engine, mysql_reads_engine
    if _is_postgresql(url):
        # Only where there is such a database: the driver takes a good part of a start.
        from models.postgresql_engine import postgresql_engine, postgresql_reads_engine  # noqa: PLC0415

        engine, reads_engine = postgresql_engine, postgresql_reads_engine
    kept = pool_size // 2
    return Database(
        engine(url, pool_size=max(1, pool_size - kept), threads=threads, statement_timeout_s=statement_timeout_s),
        zone,
        reads_engine(url, pool_size=max(1, kept), threads=threads, statement_timeout_s=statement_timeout_s),
    )


def inspect_database(settings: Settings) -> str:
    """One line for `doctor`: the server's version, what is in the database, what a start would do. Changes nothing.

    Raises `DatabaseUnavailable` as `open_database` does.
    """
    path = settings.data_dir / FILE_NAME
    if not settings.is_on_sqlite:
        url, zone = _address(settings)
        return _inspect(schema_engine(url), "", place_of(url), name_of(zone), url)
    if not path.exists():
        return f"SQLite {sqlite3.sqlite_version}: {path} is made at the next start"
    return _inspect(sqlite_engine(path), f"SQLite {sqlite3.sqlite_version}", str(path), "UTC")


def _inspect(engine: Engine, server: str, where: str, foreign_zone: str, url: URL | None = None) -> str:
    try:
        with with_error_hint(where, url), engine.connect() as connection:
            server = server or str(connection.scalar(text("SELECT VERSION()")))
            return f"{server}: {where}: {dry_run(connection, foreign_zone=foreign_zone)}"
    finally:
        engine.dispose()


def open_sqlite(path: Path) -> Database:
    """A database in one file (WAL); the file and its folder are made when missing."""
    where = str(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        database = Database(sqlite_engine(path))
        writer = database.engine.execution_options(s2v_write=True)
        with sqlite_schema_lock(path), with_error_hint(where), writer.begin() as connection:
            name = migrate(connection, foreign_zone="UTC")
    except OSError as error:
        raise DatabaseUnavailable(f"cannot use the database file {where}: {error}") from error
    database.set_zone(zone_of(name))
    return database


def open_server(
    url: URL, *, zone: tzinfo = timezone.utc, pool_size: int = 24, threads: int = 48, statement_timeout_s: int = 30
) -> Database:
    """MySQL, MariaDB or PostgreSQL, for so many threads. `zone` is that of the Go backend's DATETIME columns; new tables are in UTC."""
    found = _migrate_server(url, zone)
    return _pooled(url, found, pool_size=pool_size, threads=threads, statement_timeout_s=statement_timeout_s)


def _migrate_server(url: URL, zone: tzinfo) -> tzinfo:
    """Make the tables or bring them up to date; the zone of their times."""
    engine = schema_engine(url)
    with with_error_hint(place_of(url), url):
        if _is_postgresql(url):  # all in one transaction
            with engine.begin() as connection:
                take_postgresql_schema_lock(connection, url, PATIENCE_S)
                name = migrate(connection, foreign_zone=name_of(zone))
        else:
            with engine.connect() as connection, mysql_schema_lock(connection, url, PATIENCE_S):
                name = migrate(connection, foreign_zone=name_of(zone))
    return zone_of(name)


def schema_engine(url: URL) -> Engine:
    """An engine for changing a server's tables."""
    if not _is_postgresql(url):
        return mysql_schema_engine(url, patience_s=PATIENCE_S)
    from models.postgresql_engine import postgresql_schema_engine  # noqa: PLC0415 - see above

    return postgresql_schema_engine(url, patience_s=PATIENCE_S)


def _is_postgresql(url: URL) -> bool:
    return url.get_backend_name() == "postgresql"


def name_of(zone: tzinfo) -> str:
    """The name under which a zone is noted down."""
    return str(getattr(zone, "key", "") or "UTC")


def zone_of(name: str) -> tzinfo:
    """The zone of a name that was noted down; raises `DatabaseUnavailable` where this machine does not know it."""
    try:
        return zone_named(name)
    except ValueError as error:
        raise DatabaseUnavailable(
            f"the database's times are in the zone {name!r}, which this machine does not know: install tzdata"
        ) from error
