"""Engines: how connections to SQLite, MariaDB and MySQL are made; PostgreSQL: `models.postgresql_engine`. Nothing connects here."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, NullPool, PoolResetState, create_engine, event

if TYPE_CHECKING:
    from pymysql.connections import Connection as MysqlConnection

SQLITE_BUSY_S = 30.0
CONNECT_TIMEOUT_S = 10
PING_S = 5
FRESH_S = 1.0
SOCKET_GRACE_S = 5
"""The socket waits this much longer than the server lets a statement run, so that the server's own error arrives."""
SINGLE_READS: Mapping[str, Any] = {
    "isolation_level": "AUTOCOMMIT",
    "skip_autocommit_rollback": True,
    "pool_reset_on_return": None,
    "pool_pre_ping": True,
    "pool_use_lifo": True,
    "pool_recycle": 1800,
}
"""What makes an engine for single SELECTs: nothing is begun nor rolled back."""


def sqlite_engine(path: Path) -> Engine:
    """One file. Foreign keys hold; a writer waits for another up to `SQLITE_BUSY_S`."""
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": SQLITE_BUSY_S, "check_same_thread": False},
        pool_size=32,
        max_overflow=64,
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # the begin event below decides how a transaction begins
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA synchronous=NORMAL")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        write = connection.get_execution_options().get("s2v_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def mysql_engine(url: URL, *, pool_size: int, threads: int, statement_timeout_s: int) -> Engine:
    """MySQL or MariaDB. `pool_size` connections are kept, and one for each of `threads` is opened at peaks; each is tested before use.

    A statement ends after `statement_timeout_s` (on MySQL only a SELECT, but there the socket's limit holds for the rest), a wait
    for a row's lock after half of it, so that `models.db.retrying` can try again.
    """
    engine = create_engine(
        _address(url),
        isolation_level="READ COMMITTED",
        pool_reset_on_return=None,
        pool_size=pool_size,
        max_overflow=max(0, threads - pool_size),
        pool_pre_ping=True,
        pool_recycle=1800,
        # PyMySQL bounds the TCP connection alone by `connect_timeout`, and the handshake by this; `_on_connect` sets it for statements.
        connect_args={"read_timeout": CONNECT_TIMEOUT_S, "write_timeout": statement_timeout_s + SOCKET_GRACE_S},
    )
    _ping_briefly(engine)
    _roll_back_what_is_begun(engine)
    _on_connect(engine, lock_wait_s=max(1, statement_timeout_s // 2), statement_s=statement_timeout_s)
    return engine


def mysql_reads_engine(url: URL, *, pool_size: int, threads: int, statement_timeout_s: int) -> Engine:
    """The same for single SELECTs: nothing is begun nor rolled back, and a connection that served within `FRESH_S` is not tested before.

    One that the server has closed meanwhile fails, and the statement is made again (`models.db.Database.fetch`).
    """
    engine = create_engine(
        _address(url),
        **SINGLE_READS,
        pool_size=pool_size,
        max_overflow=max(0, threads - pool_size),
        connect_args={"read_timeout": CONNECT_TIMEOUT_S, "write_timeout": statement_timeout_s + SOCKET_GRACE_S},
    )
    _ping_briefly(engine)
    _ping_seldom(engine)
    _on_connect(engine, lock_wait_s=max(1, statement_timeout_s // 2), statement_s=statement_timeout_s)
    return engine


def _ping_seldom(engine: Engine) -> None:
    ping, served = engine.dialect.do_ping, "_s2v_served"

    def do_ping(connection: Any) -> bool:
        return time.monotonic() - vars(connection).get(served, 0.0) < FRESH_S or ping(connection)

    @event.listens_for(engine, "checkin")
    def _note(connection: Any, _record: Any) -> None:
        if connection is not None:  # it was invalidated
            vars(connection)[served] = time.monotonic()

    engine.dialect.do_ping = do_ping  # type: ignore[method-assign,assignment]  # of this engine alone


def _roll_back_what_is_begun(engine: Engine) -> None:
    """When a connection is given back: after a commit there is nothing to roll back, and so the server is not asked to."""
    from pymysql.constants import SERVER_STATUS  # noqa: PLC0415 - a start on another database has no use for the driver

    @event.listens_for(engine, "reset")
    def _reset(connection: Any, _record: Any, state: PoolResetState) -> None:
        is_begun = bool(connection.server_status & SERVER_STATUS.SERVER_STATUS_IN_TRANS)
        if is_begun and not state.transaction_was_reset and not state.terminate_only:
            connection.rollback()


def _ping_briefly(engine: Engine) -> None:
    """Give the test of a pooled connection `PING_S` instead of the longest statement's time: a server that hangs is to be told soon."""
    ping = engine.dialect.do_ping

    def do_ping(connection: Any) -> bool:
        before, connection._read_timeout = connection._read_timeout, PING_S
        try:
            return ping(connection)
        finally:
            connection._read_timeout = before

    engine.dialect.do_ping = do_ping  # type: ignore[method-assign,assignment]  # of this engine alone


def mysql_schema_engine(url: URL, *, patience_s: int) -> Engine:
    """A MySQL or MariaDB engine for changing tables: no limit on a statement, `patience_s` for tables that others hold."""
    connect_args = {"read_timeout": CONNECT_TIMEOUT_S}
    engine = create_engine(_address(url), isolation_level="AUTOCOMMIT", poolclass=NullPool, connect_args=connect_args)
    _on_connect(engine, lock_wait_s=patience_s, statement_s=0)
    return engine


def _address(url: URL) -> URL:
    """The address with utf8mb4 (MySQL's `utf8` has no emoji) and, of the DSN's time limits, only the one on connecting."""
    limited = (
        url if "connect_timeout" in url.query else url.update_query_dict({"connect_timeout": str(CONNECT_TIMEOUT_S)})
    )
    return limited.difference_update_query(["read_timeout", "write_timeout"]).update_query_dict({"charset": "utf8mb4"})


def _on_connect(engine: Engine, *, lock_wait_s: int, statement_s: int) -> None:
    @event.listens_for(engine, "connect")
    def _configure(connection: MysqlConnection[Any], _record: Any) -> None:
        # Without NO_ZERO_DATE: rows of the Go backend may hold zero dates, and must survive an ALTER TABLE.
        modes = ["STRICT_TRANS_TABLES", "ERROR_FOR_DIVISION_BY_ZERO", "NO_ENGINE_SUBSTITUTION"]
        with connection.cursor() as cursor:
            cursor.execute("SELECT VERSION()")
            if "mariadb" in str(cursor.fetchone()).lower():
                limit = f"max_statement_time = {statement_s}"
            else:
                limit = f"max_execution_time = {statement_s * 1000}"
                modes.append("TIME_TRUNCATE_FRACTIONAL")  # MariaDB always cuts fractions that a column cannot hold
            cursor.execute(
                f"SET SESSION sql_mode = '{','.join(modes)}', {limit}, "
                f"innodb_lock_wait_timeout = {lock_wait_s}, lock_wait_timeout = {lock_wait_s}"
            )
        vars(connection)["_read_timeout"] = statement_s + SOCKET_GRACE_S if statement_s else None
