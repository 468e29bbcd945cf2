"""Making the tables and bringing older ones up to date: doc/sql/StoryToVideo.sql, then doc/sql/upgrade/NNN-*.sql in order.

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

SQL = Path(__file__).resolve().parent.parent / "doc" / "sql"
SCRIPT = SQL / "StoryToVideo.sql"
UPGRADES = SQL / "upgrade"

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


def upgrades() -> Sequence[Upgrade]:
    """All upgrades, in order."""
    found = sorted(UPGRADES.glob("[0-9]*-*.sql"))
    return [Upgrade(int(path.name.partition("-")[0]), path) for path in found]


def migrate(connection: Connection, *, foreign_zone: str) -> str:
    """Make what is missing, upgrade what is old; returns the name of the zone that the DATETIME columns are in.

    `foreign_zone` is that zone for tables found here that this server did not make. Zone and version are noted down before anything is
    changed, so that an interrupted upgrade resumes, with the same zone whatever the configuration says then.
    """
    steps = upgrades()
    newest = steps[-1].number if steps else 0
    old = _tables_of_the_go_backend(inspect(connection))
    run_script(connection, SCRIPT)
    known = _info(connection)
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


def dry_run(connection: Connection, *, foreign_zone: str) -> str:
    """What `migrate` would find and do, in words; changes nothing."""
    inspector = inspect(connection)
    there = set(inspector.get_table_names())
    known = _info(connection) if "schema_info" in there else {}
    if _tables_of_the_go_backend(inspector):
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


def _tables_of_the_go_backend(inspector: Inspector) -> list[str]:
    """Which of our tables are there in a shape that this server never made."""
    there = set(inspector.get_table_names())
    return [
        table
        for table, column in MARKERS.items()
        if table in there and column not in {found["name"] for found in inspector.get_columns(table)}
    ]


def _info(connection: Connection) -> dict[str, str]:
    rows = connection.execute(text("SELECT name, value FROM schema_info"))
    return {str(row.name): str(row.value) for row in rows}


def _note(connection: Connection, values: Mapping[str, str]) -> None:
    """Write what has changed."""
    there = _info(connection)
    for name, value in values.items():
        if name not in there:
            connection.execute(
                text("INSERT INTO schema_info (name, value) VALUES (:name, :value)"), {"name": name, "value": value}
            )
        elif there[name] != value:
            connection.execute(
                text("UPDATE schema_info SET value = :value WHERE name = :name"), {"name": name, "value": value}
            )
