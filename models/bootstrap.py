"""Opening the database at start: connect, make or upgrade the tables, agree on the time zone.

What a database's refusal means, and what to do about it, is told in one line (`ADVICE`).
"""

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
from models.engines import SQLITE_BUSY_S, mysql_engine, mysql_reads_engine, mysql_schema_engine, sqlite_engine
from models.migrations import dry_run, migrate
from models.row_versions import RowVersions

FILE_NAME = "storytovideo.db"
HOUSEKEEPERS = 8  # threads that use the database beside those of requests and tasks
PATIENCE_S = 120
"""How long a start waits for another server that is making the tables, and for tables that another program holds."""

_NONE_LEFT = (
    "no connection is left: raise the server's max_connections or the account's limit, or lower mysql.pool_size"
)
ADVICE = {
    1040: _NONE_LEFT,
    1044: "the account may not use this database: GRANT ALL ON `{database}`.* TO it",
    1045: "user or password in mysql.dsn is wrong, or the account may not connect from this machine",
    1049: "there is no such database. Make it: CREATE DATABASE `{database}` CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
    1142: "the account needs CREATE, ALTER, INDEX and REFERENCES besides SELECT, INSERT, UPDATE and DELETE",
    1203: _NONE_LEFT,
    1205: "another program holds the tables; stop the Go backend, or end its transaction, and start again",
    1226: _NONE_LEFT,
    1698: "the account signs in by a plugin that needs no password, which works on the server's own socket only",
    2003: "nothing answers there: is the server running, are host and port in mysql.dsn right?",
    2005: "the host in mysql.dsn is unknown",
}
SQLITE_ADVICE = {
    "unable to open": "is the folder there, and may this user write to it?",
    "readonly": "may this user write to the file and to its folder?",
    "not a database": "the file holds something else; move it away, or set another data_dir",
    "is full": "the disk is full",
}


def open_database(settings: Settings) -> Database:
    """The configured database, its tables made or brought up to date. Several servers may call this at once.

    Raises `DatabaseUnavailable` with a text that tells an operator what to do.
    """
    if not settings.mysql.dsn:
        database = open_sqlite(settings.data_dir / FILE_NAME)
    else:
        dsn = parse(settings.mysql.dsn)
        database = _configured(settings, _migrate_mysql(dsn.url, dsn.zone))
    database.keep_versions(RowVersions.open(settings.data_dir))
    return database


def reopen_database(settings: Settings, zone: tzinfo) -> Database:
    """The configured database for another process of a server that has opened it, and found its times to be in `zone`. Nothing connects."""
    database = _configured(settings, zone)
    database.keep_versions(RowVersions.open(settings.data_dir))
    return database


def _configured(settings: Settings, zone: tzinfo) -> Database:
    if not settings.mysql.dsn:
        return Database(sqlite_engine(settings.data_dir / FILE_NAME), zone)
    return _pooled(
        parse(settings.mysql.dsn).url,
        zone,
        pool_size=settings.mysql.pool_size,
        threads=settings.server.threads + settings.worker.concurrency + HOUSEKEEPERS,
        statement_timeout_s=settings.mysql.statement_timeout_s,
    )


def _pooled(url: URL, zone: tzinfo, *, pool_size: int, threads: int, statement_timeout_s: int) -> Database:
    """A thread has one connection at a time, so that both pools may grow to as many; they share what is kept."""
    kept = pool_size // 2
    return Database(
        mysql_engine(url, pool_size=max(1, pool_size - kept), threads=threads, statement_timeout_s=statement_timeout_s),
        zone,
        mysql_reads_engine(url, pool_size=max(1, kept), threads=threads, statement_timeout_s=statement_timeout_s),
    )


def inspect_database(settings: Settings) -> str:
    """One line for `doctor`: the server's version, what is in the database, what a start would do. Changes nothing.

    Raises `DatabaseUnavailable` as `open_database` does.
    """
    path = settings.data_dir / FILE_NAME
    if not settings.mysql.dsn:
        if not path.exists():
            return f"SQLite {sqlite3.sqlite_version}: {path} is made at the next start"
        return _inspect(sqlite_engine(path), f"SQLite {sqlite3.sqlite_version}", str(path), "UTC")
    dsn = parse(settings.mysql.dsn)
    engine = mysql_schema_engine(dsn.url, patience_s=PATIENCE_S)
    return _inspect(engine, "", _where(dsn.url), _name(dsn.zone), dsn.url)


def _inspect(engine: Engine, server: str, where: str, foreign_zone: str, url: URL | None = None) -> str:
    try:
        with _with_error_hint(where, url), engine.connect() as connection:
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
        with _sqlite_schema_lock(path), _with_error_hint(where), writer.begin() as connection:
            name = migrate(connection, foreign_zone="UTC")
    except OSError as error:
        raise DatabaseUnavailable(f"cannot use the database file {where}: {error}") from error
    database.set_zone(_zone(name))
    return database


def open_mysql(
    url: URL, *, zone: tzinfo = timezone.utc, pool_size: int = 24, threads: int = 48, statement_timeout_s: int = 30
) -> Database:
    """MySQL or MariaDB, for so many threads. `zone` is that of the Go backend's DATETIME columns; new tables are in UTC."""
    found = _migrate_mysql(url, zone)
    return _pooled(url, found, pool_size=pool_size, threads=threads, statement_timeout_s=statement_timeout_s)


def _migrate_mysql(url: URL, zone: tzinfo) -> tzinfo:
    """Make the tables or bring them up to date; the zone of their times."""
    schema_engine = mysql_schema_engine(url, patience_s=PATIENCE_S)
    with _with_error_hint(_where(url), url), schema_engine.connect() as connection, _mysql_schema_lock(connection, url):
        name = migrate(connection, foreign_zone=_name(zone))
    return _zone(name)


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
def _with_error_hint(where: str, url: URL | None = None) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise DatabaseUnavailable(error_hint(error, where, url)) from error


def error_hint(error: DBAPIError, where: str, url: URL | None) -> str:
    """One line for an operator: which database, what it said, what to do. Never the password."""
    arguments = error.orig.args if error.orig is not None else ()
    code = arguments[0] if arguments else ""
    said = str(arguments[-1]) if arguments else type(error).__name__
    if isinstance(code, int):
        advice = ADVICE.get(code, "").format(database=url.database if url is not None else "")
    else:
        advice = next((hint for words, hint in SQLITE_ADVICE.items() if words in said), "")
    return f"cannot use the database {where}: {said}" + (f" — {advice}" if advice else "")


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
