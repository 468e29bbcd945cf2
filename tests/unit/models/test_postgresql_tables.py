"""PostgreSQL's script of the tables is held to the one of the other databases, word for word."""

from __future__ import annotations

import re

from models.migrations import OF_POSTGRESQL, POSTGRESQL_BEGAN, POSTGRESQL_SCRIPT, SCRIPT, statements, upgrades

MEANS = {"MEDIUMTEXT": "TEXT", "DATETIME(6)": "TIMESTAMP(6)", "INT": "INTEGER", "`order`": '"order"'}
SEARCHED = "UNIQUE (created_at, seq, id, title, description)"  # the one index that PostgreSQL has no use for


def defined(script: str) -> dict[str, list[str]]:
    """What each table is made of: columns with their types, defaults and keys, by the table's name."""
    tables = {}
    for statement in statements(script):
        words = " ".join(re.sub(r"/\*!.*?\*/", "", statement).split()).replace("description )", "description)")
        match = re.fullmatch(r"CREATE TABLE IF NOT EXISTS (\w+) \( (.*) \)", words.strip())
        assert match, words
        tables[match[1]] = re.split(r", (?![^(]*\))", match[2])
    return tables


def in_words_of_postgresql(part: str) -> str:
    return " ".join(
        MEANS.get(word, word) for word in part.replace("(project_id, `order`", '(project_id, "order"').split()
    )


def test_postgresql_has_the_same_tables() -> None:
    wanted = {
        table: [in_words_of_postgresql(part) for part in parts if part != SEARCHED]
        for table, parts in defined(SCRIPT.read_text("utf-8")).items()
    }
    made = defined(POSTGRESQL_SCRIPT.read_text("utf-8"))
    assert made == wanted
    assert len(made) > 10
    assert SEARCHED in defined(SCRIPT.read_text("utf-8"))["project"]


def test_every_upgrade_since_then_has_a_form_for_postgresql_that_may_run_twice() -> None:
    others = {step.number: step.path for step in upgrades()}
    own = {step.number: step.path for step in upgrades("postgresql")}
    assert set(own) == {number for number in others if number > POSTGRESQL_BEGAN}
    for number, path in own.items():
        assert path.name == others[number].name.replace(".sql", OF_POSTGRESQL)
        for statement in statements(path.read_text("utf-8")):
            if statement.startswith(("ALTER TABLE", "CREATE")):
                assert "IF NOT EXISTS" in statement, statement
