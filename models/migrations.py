"""Making the tables and bringing older ones up to date: doc/sql/StoryToVideo.sql, then doc/sql/upgrade/NNN-*.sql in order. PostgreSQL has
files of its own beside them, NAME.postgresql.sql.

A new database is made by the first file alone and is up to date by that. Tables of the Go backend, or of an older version of this
server, get the upgrades that `schema_info` does not list yet. Whoever calls this holds a lock: one process at a time.

Drivers take one statement at a time: `statements` says which of them a script holds.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Inspector, inspect, text
from sqlalchemy.exc import OperationalError

from common.errors import DatabaseUnavailable

SQL = Path(__file__).resolve().parent.parent / "doc" / "sql"
SCRIPT, POSTGRESQL_SCRIPT = SQL / "StoryToVideo.sql", SQL / "StoryToVideo.postgresql.sql"
UPGRADES = SQL / "upgrade"
OF_POSTGRESQL = ".postgresql.sql"
POSTGRESQL_BEGAN = 16  # with the tables of this version: each upgrade after it has a file of PostgreSQL's, too

# A column that the Go backend's table of this name does not have.
MARKERS = {"project": "bgm", "shot": "narration", "task": "seq"}
PASSED_OVER = frozenset(
    {1060, 1061, 1065}
)  # MySQL and MariaDB: the column or the index exists; there was only a comment

logger = logging.getLogger(__name__)

# One token: a line comment, a block comment, a quoted text (a doubled quote is two tokens, which is as good), or one character.
_TOKEN = re.compile(
    r"""(?P<line>(?:--(?=\s|\Z)|\#)[^\n]*)
      | (?P<conditional>/\*M?!.*?\*/)
      | (?P<block>/\*.*?\*/)
      | (?P<quoted>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`[^`]*`)
      | (?P<end>;)
      | (?P<open>/\*|['"`])
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Upgrade:
    """One numbered file of doc/sql/upgrade. Its statements may run any number of times."""

    number: int
    path: Path


def upgrades(kind: str = "sqlite") -> Sequence[Upgrade]:
    """All upgrades for this kind of database, in order."""
    is_postgresql = kind == "postgresql"
    found = sorted(path for path in UPGRADES.glob("[0-9]*-*.sql") if path.name.endswith(OF_POSTGRESQL) == is_postgresql)
    return [Upgrade(int(path.name.partition("-")[0]), path) for path in found]


def migrate(connection: Connection, *, foreign_zone: str) -> str:
    """Make what is missing, upgrade what is old; returns the name of the zone that the DATETIME columns are in.

    `foreign_zone` is that zone for tables found here that this server did not make. Zone and version are noted down before anything is
    changed, so that an interrupted upgrade resumes, with the same zone whatever the configuration says then.
    """
    steps, newest = upgrades(connection.dialect.name), upgrades()[-1].number
    old = tables_of_the_go_backend(inspect(connection))
    is_postgresql = connection.dialect.name == "postgresql"
    if is_postgresql:
        _check_postgresql(connection, old)
    run_script(connection, POSTGRESQL_SCRIPT if is_postgresql else SCRIPT)
    known = info(connection)
    if old:
        logger.info("taking over the tables of the Go backend: %s", ", ".join(old))
        known["version"] = "0"
    known.setdefault("version", str(newest))
    known.setdefault("zone", foreign_zone if old else "UTC")
    _note(connection, known)
    version = int(known["version"])
    if version > newest:
        logger.warning(
            "the schema has version %d, made by a newer server; this server knows version %d", version, newest
        )
    for step in steps:
        if step.number > version:
            logger.info("upgrading the tables: %s", step.path.name)
            run_script(connection, step.path)
            _note(connection, {"version": str(step.number)})
    return known["zone"]


def _check_postgresql(connection: Connection, foreign: Sequence[str]) -> None:
    name = connection.engine.url.database
    if foreign:
        raise DatabaseUnavailable(
            f"{name} has tables of another program by the names of ours ({', '.join(foreign)}): name a database of our own"
        )
    encoding = connection.scalar(text("SHOW server_encoding"))
    if encoding != "UTF8":
        raise DatabaseUnavailable(
            f"{name} keeps texts in {encoding}. Make it anew: "
            f"CREATE DATABASE \"{name}\" ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0"
        )


def dry_run(connection: Connection, *, foreign_zone: str) -> str:
    """What `migrate` would find and do, in words; changes nothing."""
    inspector = inspect(connection)
    there = set(inspector.get_table_names())
    known = info(connection) if "schema_info" in there else {}
    if tables_of_the_go_backend(inspector):
        zone = known.get("zone", foreign_zone)
        return f"tables of the Go backend, upgraded in place at the next start, times in the zone {zone}"
    if not known:
        return "no tables yet, made at the next start, times in UTC"
    newest = upgrades()[-1].number
    version = int(known.get("version", newest))
    upgraded = "" if version >= newest else f", upgraded to version {newest} at the next start"
    return f"tables of version {version}{upgraded}, times in the zone {known.get('zone', 'UTC')}"


def run_script(connection: Connection, path: Path) -> None:
    """Run a file's statements one by one; one whose column or index is there already, or that is for another kind of server,
    is passed over."""
    for statement in statements(path.read_text(encoding="utf-8")):
        try:
            connection.execution_options(no_parameters=True).exec_driver_sql(statement)
        except OperationalError as error:
            if not _is_harmless(error):
                raise


def statements(script: str) -> Iterator[str]:
    """The statements of a script, without their semicolons and without comments.

    `/*! ... */` and `/*M! ... */` stay: MySQL and MariaDB run what is inside, SQLite does not. A comment or a quote that is never closed
    raises ValueError. There is no DELIMITER: procedures and triggers are not for these scripts.
    """
    statement = ""
    for token in _TOKEN.finditer(script):
        if token.lastgroup == "end":
            if statement.strip():
                yield statement.strip()
            statement = ""
        elif token.lastgroup == "open":
            line = script.count("\n", 0, token.start()) + 1
            raise ValueError(f"line {line}: {token.group()} is never closed")
        elif token.lastgroup in ("line", "block"):
            statement += " "
        else:
            statement += token.group()
    if statement.strip():
        yield statement.strip()


def _is_harmless(error: OperationalError) -> bool:
    code = error.orig.args[0] if error.orig is not None and error.orig.args else None
    if isinstance(code, str):  # SQLite has no numbers for these
        return code.startswith("duplicate column name") or code.endswith("already exists")
    return code in PASSED_OVER


def tables_of_the_go_backend(inspector: Inspector) -> list[str]:
    """Which of our tables are there in a shape that this server never made."""
    there = set(inspector.get_table_names())
    return [
        table
        for table, column in MARKERS.items()
        if table in there and column not in {found["name"] for found in inspector.get_columns(table)}
    ]


def info(connection: Connection) -> dict[str, str]:
    """What is noted down of the tables: `version` and `zone`."""
    rows = connection.execute(text("SELECT name, value FROM schema_info"))
    return {str(row.name): str(row.value) for row in rows}


def _note(connection: Connection, values: Mapping[str, str]) -> None:
    """Write what has changed."""
    there = info(connection)
    for name, value in values.items():
        if name not in there:
            connection.execute(
                text("INSERT INTO schema_info (name, value) VALUES (:name, :value)"), {"name": name, "value": value}
            )
        elif there[name] != value:
            connection.execute(
                text("UPDATE schema_info SET value = :value WHERE name = :name"), {"name": name, "value": value}
            )
