"""One process at a time makes the tables or changes them."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, text
from sqlalchemy.exc import OperationalError

from common.errors import DatabaseUnavailable
from models.driver_errors import is_conflict
from models.engines import SQLITE_BUSY_S

_ADVISORY = 0x53325653  # of the database alone: any number that no other program takes


@contextmanager
def sqlite_schema_lock(path: Path) -> Iterator[None]:
    """And WAL switched on: that switch fails at once, without waiting, when two make it together."""
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
def mysql_schema_lock(connection: Connection, url: URL, patience_s: int) -> Iterator[None]:
    """Until the block ends."""
    name = f"storytovideo.schema.{url.database}"[:64]
    got = connection.scalar(text("SELECT GET_LOCK(:name, :patience)"), {"name": name, "patience": patience_s})
    if got != 1:
        raise DatabaseUnavailable(_busy(url, patience_s))
    try:
        yield
    finally:
        if not connection.invalidated:
            connection.execute(text("SELECT RELEASE_LOCK(:name)"), {"name": name})


def take_postgresql_schema_lock(connection: Connection, url: URL, patience_s: int) -> None:
    """Until the transaction ends."""
    try:
        connection.execute(text("SELECT PG_ADVISORY_XACT_LOCK(:number)"), {"number": _ADVISORY})
    except OperationalError as error:
        if not is_conflict(error):
            raise
        raise DatabaseUnavailable(_busy(url, patience_s)) from error


def _busy(url: URL, patience_s: int) -> str:
    return f"another server has been making the tables of {url.database} for over {patience_s} s"
