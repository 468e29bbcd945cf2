"""Engines for PostgreSQL, by psycopg. Nothing connects here.

A session begins with what the code relies on, whatever the server, the database or the account has as its default: UTF-8, UTC, READ
COMMITTED, a limit on each statement, and a shorter one on the wait for a lock, so that `models.db.retrying` can try again.
"""

from __future__ import annotations

import time
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.types.string import TextLoader
from sqlalchemy import URL, Engine, NullPool, create_engine, event

from models.engines import CONNECT_TIMEOUT_S, FRESH_S, PING_S, SINGLE_READS, SOCKET_GRACE_S

T = TypeVar("T")


class PatientConnection(psycopg.Connection[Any]):
    """A connection that is given up when a server that hangs, or a network that swallows everything, leaves a statement without an answer.

    `patience_s` is a little more than the server lets a statement run, so that its own error arrives; None: for ever.
    """

    patience_s: float | None = None
    served_at = 0.0

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        try:
            return super().wait(gen, interval, self.patience_s if timeout is None else timeout)
        except psycopg.errors._WaitTimeout as error:
            self.close()
            raise psycopg.OperationalError(f"the server has not answered for {self.patience_s} s") from error


def postgresql_engine(url: URL, *, pool_size: int, threads: int, statement_timeout_s: int) -> Engine:
    """`pool_size` connections are kept, and one for each of `threads` is opened at peaks; each is tested before use."""
    engine = create_engine(
        _address(url),
        pool_size=pool_size,
        max_overflow=max(0, threads - pool_size),
        pool_pre_ping=True,
        pool_recycle=1800,
    )
    _ping_briefly(engine)
    _on_connect(engine, lock_wait_s=max(1, statement_timeout_s // 2), statement_s=statement_timeout_s)
    return engine


def postgresql_reads_engine(url: URL, *, pool_size: int, threads: int, statement_timeout_s: int) -> Engine:
    """The same for single SELECTs: see `models.engines.mysql_reads_engine`."""
    engine = create_engine(
        _address(url),
        **SINGLE_READS,
        pool_size=pool_size,
        max_overflow=max(0, threads - pool_size),
    )
    _ping_briefly(engine, unless_served_within_s=FRESH_S)
    _on_connect(engine, lock_wait_s=max(1, statement_timeout_s // 2), statement_s=statement_timeout_s)
    return engine


def postgresql_schema_engine(url: URL, *, patience_s: int) -> Engine:
    """An engine for changing tables: no limit on a statement, `patience_s` for what others hold."""
    engine = create_engine(_address(url), poolclass=NullPool)
    _on_connect(engine, lock_wait_s=patience_s, statement_s=0)
    return engine


def _address(url: URL) -> URL:
    known = {"connect_timeout": str(CONNECT_TIMEOUT_S), "application_name": "storytovideo"}
    return url.update_query_dict({name: value for name, value in known.items() if name not in url.query})


def _ping_briefly(engine: Engine, unless_served_within_s: float = 0.0) -> None:
    """Give the test of a pooled connection `PING_S` instead of the longest statement's time: a server that hangs is to be told soon."""
    ping = engine.dialect.do_ping

    def do_ping(connection: Any) -> bool:
        if time.monotonic() - connection.served_at < unless_served_within_s:
            return True
        before, connection.patience_s = connection.patience_s, PING_S
        try:
            return ping(connection)
        finally:
            connection.patience_s = before

    @event.listens_for(engine, "checkin")
    def _note(connection: Any, _record: Any) -> None:
        if connection is not None:  # it was invalidated
            connection.served_at = time.monotonic()

    engine.dialect.do_ping = do_ping  # type: ignore[method-assign,assignment]  # of this engine alone


def _on_connect(engine: Engine, *, lock_wait_s: int, statement_s: int) -> None:
    @event.listens_for(engine, "do_connect")
    def _connect(_dialect: Any, _record: Any, arguments: Any, options: Any) -> PatientConnection:
        return PatientConnection.connect(*arguments, **options)

    @event.listens_for(engine, "connect")
    def _configure(connection: PatientConnection, _record: Any) -> None:
        connection.patience_s = CONNECT_TIMEOUT_S
        connection.adapters.register_loader("json", TextLoader)  # `models.types.JsonObject` reads it, as on the others
        before, connection.autocommit = connection.autocommit, True
        connection.execute(
            "SET client_encoding = 'UTF8'; SET timezone = 'UTC'; SET default_transaction_isolation = 'read committed'; "
            f"SET statement_timeout = '{statement_s}s'; SET lock_timeout = '{lock_wait_s}s'"
        )
        connection.autocommit = before
        connection.patience_s = statement_s + SOCKET_GRACE_S if statement_s else None
