"""All rows of one database into another of any kind, whose tables are empty.

The source is read as it is at one moment, while servers may work on it, and is not changed. The target is written in one transaction: it
has everything or nothing. What was written is read again and compared, each table by its number of rows and by a digest of what they hold.
No key of these tables is drawn by the database, so that there is no sequence to be set.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from typing import Any, NoReturn

from sqlalchemy import Column, Connection, Engine, MetaData, Table, func, inspect, select, text
from sqlalchemy.exc import DBAPIError

from common.errors import StartError
from config.database_address import DatabaseAddress
from models import migrations
from models.base import Base
from models.bootstrap import open_server, open_sqlite, schema_engine, zone_of
from models.driver_errors import is_conflict
from models.engines import sqlite_engine
from models.start_errors import error_hint, place_of
from models.types import JsonObject, StoredJson, Timestamp

BATCH = 200  # rows, each of which may hold a whole story
NEVER = datetime(1, 1, 1, tzinfo=timezone.utc)
"""What a zero time is written as where a column takes no NULL; it is read as "not yet" (`models.types.Timestamp`)."""
OTHERS = {
    "postgresql": "SELECT COUNT(*) FROM pg_stat_activity "
    "WHERE datname = CURRENT_DATABASE() AND pid <> PG_BACKEND_PID() AND backend_type = 'client backend'",
    "mysql": "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()",
}
LEAVING_S = 2.0  # a database knows of those that left only after a moment
Row = dict[str, Any]
Say = Callable[[str], object]


class CopyError(StartError):
    """Why nothing was copied, and what to do."""


class Sums:
    """How many rows of a table went by, and a digest of what they held, whatever their order."""

    def __init__(self, table: Table) -> None:
        self.rows, self._sum = 0, 0
        self._json = {column.name for column in table.columns if isinstance(column.type, StoredJson)}

    def add(self, row: Row) -> None:
        """Count a row. JSON is what it says: MySQL writes it anew."""
        values = [_meant(row[name]) if name in self._json else row[name] for name in sorted(row)]
        said = repr(values).encode("utf-8", "surrogatepass")
        self.rows += 1
        self._sum = (self._sum + int.from_bytes(hashlib.sha256(said).digest(), "big")) % (1 << 256)

    @property
    def digest(self) -> str:
        """64 hexadecimal digits."""
        return f"{self._sum:064x}"


def copy(source: DatabaseAddress, target: DatabaseAddress, say: Say) -> None:
    """Copy everything; raises `CopyError` or `DatabaseUnavailable`, and then nothing was written but empty tables."""
    if source.url.set(query={}) == target.url.set(query={}):
        raise CopyError("both addresses name the same database")
    with _reading(source) as reading:
        _prepare(target)
        with _writing(target) as writing:
            for table in map(_as_stored, Base.metadata.sorted_tables):
                _copy_table(reading, writing, table, say)


def _copy_table(reading: Connection, writing: Connection, table: Table, say: Say) -> None:
    read = Sums(table)
    for batch in _batches(reading, table):
        for row in batch:
            read.add(row)
        _insert(writing, table, batch)
    written = Sums(table)
    for batch in _batches(writing, table):
        for row in batch:
            written.add(row)
    if (read.rows, read.digest) != (written.rows, written.digest):
        raise CopyError(
            f"{table.name}: {written.rows} rows were written of {read.rows}, or they do not hold the same: nothing was kept. "
            "Does somebody else write to the target?"
        )
    say(f"{table.name}: {read.rows} rows, {read.digest[:16]}")


@contextmanager
def _reading(address: DatabaseAddress) -> Iterator[Connection]:
    """The source, as it is at one moment. Raises `CopyError` where its tables are not those of this server."""
    if address.path is not None and not address.path.is_file():
        raise CopyError(f"there is no file {address.path}")
    engine = _engine(address)
    with _words(address), engine.connect() as connection:
        known = _checked_schema(connection, address)
        engine.dialect.database_zone = zone_of(known["zone"])  # type: ignore[attr-defined]  # as models.db.Database does
        connection.rollback()
        if connection.dialect.name != "sqlite":
            connection.execution_options(isolation_level="REPEATABLE READ")  # of this connection
        yield connection


def _checked_schema(connection: Connection, address: DatabaseAddress) -> dict[str, str]:
    newest = str(migrations.upgrades()[-1].number)
    if not inspect(connection).has_table("schema_info"):
        raise CopyError(
            f"{place_of_any(address)} has no tables of this server; a Go backend's are taken over by a start first"
        )
    known = migrations.info(connection)
    if known.get("version") != newest or migrations.tables_of_the_go_backend(inspect(connection)):
        raise CopyError(
            f"{place_of_any(address)} has tables of version {known.get('version')}, and this server makes {newest}: "
            "start this version of the server on it once"
        )
    return known


def _prepare(address: DatabaseAddress) -> None:
    """Make the target's tables, where nobody is at work on it and it holds no rows."""
    _refuse_company(address)
    engine = _engine(address)
    if address.path is None or address.path.exists():
        with _words(address), engine.connect() as connection:
            if migrations.tables_of_the_go_backend(inspect(connection)):
                _refuse_rows(address, ["a Go backend's tables"])
            there = set(inspect(connection).get_table_names())
            _check_empty(connection, address, [table for table in Base.metadata.sorted_tables if table.name in there])
    engine.dispose()
    database = open_sqlite(address.path) if address.path is not None else open_server(address.url, zone=address.zone)
    database.close()


@contextmanager
def _writing(address: DatabaseAddress) -> Iterator[Connection]:
    """The target in one transaction, in which nobody else writes to it."""
    engine = _engine(address).execution_options(s2v_write=True)
    if engine.dialect.name == "mysql":
        engine = engine.execution_options(isolation_level="READ COMMITTED")
    with _words(address), engine.connect() as connection:
        engine.dialect.database_zone = zone_of(migrations.info(connection)["zone"])  # type: ignore[attr-defined]  # see above
        connection.rollback()
        tables = Base.metadata.sorted_tables
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"LOCK TABLE {', '.join(table.name for table in tables)} IN EXCLUSIVE MODE"))
        _check_empty(connection, address, tables)
        yield connection
        connection.commit()


def _check_empty(connection: Connection, address: DatabaseAddress, tables: Sequence[Table]) -> None:
    full = [table.name for table in tables if connection.scalar(select(func.count()).select_from(table))]
    if full:
        _refuse_rows(address, full)


def _refuse_rows(address: DatabaseAddress, what: Iterable[str]) -> NoReturn:
    raise CopyError(f"{place_of_any(address)} is not empty ({', '.join(what)}): name a new database")


def _refuse_company(address: DatabaseAddress) -> None:
    """Raise `CopyError` where others are connected to the target."""
    refusal = f"others are connected to {place_of_any(address)}: stop the servers and programs that use it"
    if address.path is not None:
        if address.path.exists() and not _is_alone(str(address.path)):
            raise CopyError(refusal)
        return
    deadline = time.monotonic() + LEAVING_S
    with _words(address), _engine(address).connect() as connection:
        while connection.scalar(text(OTHERS[connection.dialect.name])):
            if time.monotonic() > deadline:
                raise CopyError(refusal)
            connection.rollback()  # PostgreSQL shows a transaction the same others all the time
            time.sleep(0.05)


def _is_alone(path: str) -> bool:
    """SQLite ends its write-ahead log for nobody but the last who has the file open; the next start begins it again."""
    with closing(sqlite3.connect(path, timeout=1.0)) as connection:
        try:
            connection.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                return False
            raise CopyError(f"cannot use the database file {path}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise CopyError(f"cannot use the database file {path}: {error}") from error
    return True


def _as_stored(table: Table) -> Table:
    """The table with JSON as text."""
    columns = [
        Column(
            column.name, StoredJson() if isinstance(column.type, JsonObject) else column.type, nullable=column.nullable
        )
        for column in table.columns
    ]
    return Table(table.name, MetaData(), *columns)


def _batches(connection: Connection, table: Table) -> Iterator[list[Row]]:
    """The table's rows, never more of them in memory than a batch."""
    with connection.execute(select(table).execution_options(yield_per=BATCH)) as found:
        for rows in found.partitions():
            yield [dict(row._mapping) for row in rows]


def _insert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    kind = connection.dialect.name
    connection.execute(
        table.insert(),
        [{column.name: _writable(column, row[column.name], kind) for column in table.columns} for row in rows],
    )


def _writable(column: Column[Any], value: Any, kind: str) -> Any:
    if value is None and isinstance(column.type, Timestamp) and not column.nullable:
        return NEVER
    if isinstance(column.type, StoredJson) and kind != "sqlite" and _meant(value) is None:
        return None  # the others refuse what is no JSON; it is read as an empty object anyway
    if kind == "postgresql" and isinstance(value, str) and "\0" in value:
        raise CopyError(
            f"{column.table.name}.{column.name} holds a NUL character in {value[:40]!r}, which PostgreSQL cannot keep"
        )
    return value


def _meant(value: str | None) -> str | None:
    """What a JSON text says, in one way of writing; None where it is no JSON."""
    try:
        return None if value is None else json.dumps(json.loads(value, parse_constant=_refuse_constant), sort_keys=True)
    except (ValueError, RecursionError):
        return None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _engine(address: DatabaseAddress) -> Engine:
    return schema_engine(address.url) if address.path is None else sqlite_engine(address.path)


@contextmanager
def _words(address: DatabaseAddress) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        said = error_hint(error, place_of_any(address), address.url)
        raise CopyError(f"{said} — somebody else writes to it" if is_conflict(error) else said) from error


def place_of_any(address: DatabaseAddress) -> str:
    """Which database, for a person."""
    return str(address.path) if address.path is not None else place_of(address.url)
