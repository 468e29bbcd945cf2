"""The database's clock: what leases, delays and the order of tasks are judged by.

Processors on several hosts share one database, and their own clocks may be a minute apart.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from sqlalchemy import BigInteger, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.functions import FunctionElement

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class database_ms(FunctionElement[int]):  # noqa: N801 - reads like a function of SQL
    """Milliseconds since 1970 at a statement's start, whatever zone the server or the session has: one value for all of its rows."""

    type = BigInteger()
    inherit_cache = True


@compiles(database_ms, "sqlite")
def _sqlite(_element: database_ms, _compiler: Any, **_options: Any) -> str:
    return "CAST(ROUND((JULIANDAY('now') - 2440587.5) * 86400000) AS INTEGER)"


@compiles(database_ms, "mysql", "mariadb")
def _mysql(_element: database_ms, _compiler: Any, **_options: Any) -> str:
    return "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000)"


@compiles(database_ms, "postgresql")
def _postgresql(_element: database_ms, _compiler: Any, **_options: Any) -> str:
    return "CAST(FLOOR(EXTRACT(EPOCH FROM STATEMENT_TIMESTAMP()) * 1000) AS BIGINT)"


def milliseconds(session: Session) -> int:
    """The database's time in milliseconds since 1970."""
    return session.scalars(select(database_ms())).one()


def database_now(session: Session) -> datetime:
    """The database's time as an aware UTC datetime, to the millisecond."""
    return at(milliseconds(session))


def at(ms: int) -> datetime:
    """So many milliseconds after 1970 began, in UTC."""
    return EPOCH + timedelta(milliseconds=ms)
