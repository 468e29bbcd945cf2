"""All rows of a database, copied into one of another kind."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from sqlalchemy import BigInteger, Integer, String, insert, select, text

import main
from config import database_address
from models import copying
from models.base import Base
from models.bootstrap import open_server, open_sqlite
from models.db import Database
from models.project import Project
from models.types import JsonObject, StoredJson, Timestamp
from tests.integration.models.conftest import Open
from tests.integration.models.rows import info, project, shot, task
from tests.support import go_backend
from tests.support.columns import DATABASES, address_of

MOMENT = datetime(2026, 2, 28, 23, 59, 59, 999_999, tzinfo=timezone.utc)
JSON: list[dict[str, Any]] = [
    {},
    {"嵌套": {"🐱": [1, -0.1, 1e300, None, True, "\u0000 \\ \" ' 𠮷"], "": {"": []}}},
    {"big": 2**53, "deep": {str(n): [n] for n in range(50)}},
]
TEXTS = ["", "猫🐱👩‍👩‍👧𠮷", "a'b\"c\\d%_\n\r\t;--/*", " ends with blanks  "]
Address = Callable[[str], str]


@pytest.fixture
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Address:
    """The address of an empty database of a kind."""

    def of(kind: str) -> str:
        if kind == "sqlite":
            return str(tmp_path / "copied.db")
        if kind == "mariadb":
            return address_of(kind, request)
        return str(request.getfixturevalue("empty_postgresql").render_as_string(hide_password=False)).replace(
            "+psycopg", ""
        )

    return of


def opened(address: str) -> Database:
    found = database_address.parse(address)
    return open_sqlite(found.path) if found.path is not None else open_server(found.url, zone=found.zone)


def odd(column: Any, number: int) -> Any:
    """A value that a column may hold, which is another for each row."""
    kind = column.type
    if column.nullable and number == 0:
        return None
    if isinstance(kind, Timestamp):
        return MOMENT.replace(year=1971 + 40 * number)
    if isinstance(kind, JsonObject):
        return JSON[number % len(JSON)]
    if isinstance(kind, BigInteger):
        return (-1) ** number * (2**62 + number)
    if isinstance(kind, Integer):
        return (-1) ** number * (2**30 + number)
    assert isinstance(kind, String)
    if column.primary_key or column.unique or column.name in ("name", "secret_hash"):
        return f"{number}𠮷é"
    if kind.length is None:
        return (TEXTS[number % len(TEXTS)], "长🐱" * 60_000)[number % 2]
    return ("🐱" * kind.length, TEXTS[number % len(TEXTS)][: kind.length])[number % 2]


def fill(database: Database) -> None:
    """Rows of odd values in every table: none, the longest, the largest."""
    with database.write() as session:
        for table in Base.metadata.sorted_tables:
            rows = [{column.name: odd(column, number) for column in table.columns} for number in range(4)]
            for row, number in zip(rows, range(4), strict=True):
                for key in table.foreign_keys:
                    row[key.parent.name] = f"{number}𠮷é"
            session.execute(insert(table), rows)


def contents(database: Database) -> dict[str, list[str]]:
    """What every table holds, as its own types read it, and JSON whether it is NULL."""
    with database.read() as session:
        return {
            table.name: sorted(repr(tuple(row)) for row in session.execute(select(table)))
            for table in Base.metadata.sorted_tables
        }


@pytest.mark.parametrize(("kind", "other"), list(itertools.permutations(DATABASES, 2)))
def test_every_row_arrives_as_it_was(kind: str, other: str, address: Address) -> None:
    source, target = address(kind), address(other)
    database = opened(source)
    fill(database)
    with database.write() as session:  # rows beyond one batch
        session.execute(insert(Project), [_plain(f"many-{number}") for number in range(2 * copying.BATCH + 1)])
    result = CliRunner().invoke(main.cli, ["database", "copy", "--from", source, "--to", target])
    assert result.exit_code == 0, result.output
    assert f"project: {2 * copying.BATCH + 5} rows" in result.output
    copied = opened(target)
    assert contents(copied) == contents(database)
    assert info(copied) == info(database)
    with copied.read() as session:
        nulls = text("SELECT COUNT(*) FROM project WHERE options IS NULL")
        assert session.scalar(nulls) == 1
    database.close()
    copied.close()


def _plain(id_: str) -> dict[str, Any]:
    made = project(id=id_)
    names = ("id", "title", "story_text", "style", "status", "created_at", "updated_at")
    return {name: getattr(made, name) for name in names}


@pytest.mark.parametrize(("kind", "other"), [(kind, DATABASES[number - 1]) for number, kind in enumerate(DATABASES)])
def test_what_is_written_while_it_is_copied_stays_behind_as_a_whole(kind: str, other: str, address: Address) -> None:
    """A project that is made meanwhile arrives with its shots and tasks, or not at all."""
    source, target = address(kind), address(other)
    database = opened(source)
    with database.write() as session:
        session.add(project(id="before"))
    seen: list[str] = []

    def add_more(line: str) -> None:
        seen.append(line)
        with database.write() as session:
            session.add(project(id=f"p{len(seen)}"))
            session.flush()
            session.add(shot(f"p{len(seen)}", id=f"s{len(seen)}"))
            session.add(task(f"p{len(seen)}", id=f"t{len(seen)}"))

    copying.copy(database_address.parse(source), database_address.parse(target), add_more)
    copied = opened(target)
    with copied.read() as session:
        assert [row.id for row in session.query(Project)] == ["before"]
    database.close()
    copied.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_go_backends_database_moves_with_its_times(kind: str, address: Address, open_url: Open) -> None:
    source, target = address("mariadb"), address(kind)
    url = database_address.parse(source).url
    go_backend.load(url)
    refused = CliRunner().invoke(main.cli, ["database", "copy", "--from", source, "--to", target])
    assert refused.exit_code == 2
    assert "taken over by a start first" in refused.output
    taken = open_url(url, zone=ZoneInfo(go_backend.ZONE))
    copying.copy(database_address.parse(source), database_address.parse(target), lambda _line: None)
    copied = opened(target)
    assert contents(copied) == contents(taken)
    assert info(copied) == {**info(taken), "zone": "UTC"}
    copied.close()


@pytest.mark.parametrize("kind", DATABASES)
def test_nothing_is_copied_where_there_are_rows_or_somebody_is_at_work(
    kind: str, address: Address, tmp_path: Path
) -> None:
    source, target = str(tmp_path / "source.db"), address(kind)
    opened(source).close()
    database = opened(target)
    with database.write() as session:
        session.add(project(id="own"))
    busy = CliRunner().invoke(main.cli, ["database", "copy", "--from", source, "--to", target])
    assert busy.exit_code == 2
    assert "others are connected" in busy.output
    database.close()
    full = CliRunner().invoke(main.cli, ["database", "copy", "--from", source, "--to", target])
    assert full.exit_code == 2
    assert "is not empty (project)" in full.output
    database = opened(target)
    with database.read() as session:
        assert [row.id for row in session.query(Project)] == ["own"]
    database.close()


@pytest.mark.parametrize(
    ("source", "target", "word"),
    [
        ("missing.db", "new.db", "there is no file"),
        ("source.db", "source.db", "the same database"),
        ("old.db", "new.db", "tables of version 3"),
        ("source.db", "postgresql://u:hidden@127.0.0.1:1/x", "nothing answers"),
        ("source.db", "oracle://u:hidden@h/x", "must be a file of SQLite"),
        ("nul.db", "postgresql", "holds a NUL character"),
    ],
)
def test_a_copy_that_cannot_be_made_is_refused_in_words(
    source: str, target: str, word: str, address: Address, tmp_path: Path
) -> None:
    for name, change in {
        "source.db": "",
        "old.db": "UPDATE schema_info SET value = '3' WHERE name = 'version'",
        "nul.db": "",
    }.items():
        database = open_sqlite(tmp_path / name)
        with database.write() as session:
            session.add(project(id="p", title="a\0b" if name == "nul.db" else "a"))
            session.flush()
            session.execute(text(change or "SELECT 1"))
        database.close()
    arguments = [
        name if "://" in name else address(name) if name in DATABASES else str(tmp_path / name)
        for name in (source, target)
    ]
    result = CliRunner().invoke(main.cli, ["database", "copy", "--from", arguments[0], "--to", arguments[1]])
    assert result.exit_code in (1, 2)
    assert word in result.output
    assert "hidden" not in result.output
    if target == "postgresql":
        made = opened(arguments[1])
        with made.read() as session:
            assert session.query(Project).count() == 0
        made.close()


def test_a_difference_between_what_was_read_and_what_was_written_keeps_everything_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "source.db", tmp_path / "target.db"
    database = open_sqlite(source)
    fill(database)
    database.close()
    honest = copying._insert

    def shortened(connection: Any, table: Any, rows: Any) -> None:
        honest(connection, table, [{**row, "title": "?"} if "title" in row else row for row in rows])

    monkeypatch.setattr(copying, "_insert", shortened)
    with pytest.raises(copying.CopyError, match="do not hold the same"):
        copying.copy(database_address.parse(str(source)), database_address.parse(str(target)), lambda _line: None)
    database = open_sqlite(target)
    with database.read() as session:
        assert session.query(Project).count() == 0
    database.close()


def test_json_is_compared_by_what_it_says() -> None:
    table = copying._as_stored(Project.__table__)  # type: ignore[arg-type]  # a table
    assert isinstance(table.c.options.type, StoredJson)
    sums = [copying.Sums(table) for _ in range(2)]
    for sum_, written in zip(sums, ('{"a": 1, "b": "猫"}', json.dumps({"b": "猫", "a": 1})), strict=True):
        sum_.add(dict.fromkeys(table.columns.keys(), "") | {"options": written})
    assert sums[0].digest == sums[1].digest
