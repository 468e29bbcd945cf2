from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.migrations import SCRIPT, statements, upgrades


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("", []),
        (" ;;\n; ", []),
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1; SELECT 2;", ["SELECT 1", "SELECT 2"]),
        ("-- one; two\nSELECT 1; # three; four\nSELECT 2", ["SELECT 1", "SELECT 2"]),
        ("/* one; two */ SELECT 1", ["SELECT 1"]),
        ("SELECT 5--1; SELECT 2", ["SELECT 5--1", "SELECT 2"]),
        ("SELECT 'a;b', \"c;d\", `e;f`; SELECT 2", ["SELECT 'a;b', \"c;d\", `e;f`", "SELECT 2"]),
        (
            "SELECT 'it''s; -- here', 'it\\'s; /* here'; SELECT 2",
            ["SELECT 'it''s; -- here', 'it\\'s; /* here'", "SELECT 2"],
        ),
        (
            "CREATE TABLE a (b INT) /*! ENGINE=InnoDB */; SELECT 1",
            ["CREATE TABLE a (b INT) /*! ENGINE=InnoDB */", "SELECT 1"],
        ),
        ("/*M! SET a = 1; */; SELECT 1", ["/*M! SET a = 1; */", "SELECT 1"]),
    ],
)
def test_a_script_is_cut_at_the_semicolons_that_end_statements(script: str, expected: list[str]) -> None:
    assert list(statements(script)) == expected


@pytest.mark.parametrize(
    "script", ["SELECT 1;\nSELECT 'a", "SELECT 1;\n/* a", 'SELECT 1;\nSELECT "', "SELECT 1;\nSELECT `"]
)
def test_what_is_never_closed_is_an_error_that_names_the_line(script: str) -> None:
    with pytest.raises(ValueError, match=r"line 2: .* is never closed"):
        list(statements(script))


@given(st.lists(st.text(alphabet=st.characters(exclude_characters="\\\x00"), max_size=20), min_size=1, max_size=5))
def test_no_text_in_quotes_can_end_its_statement(texts: list[str]) -> None:
    quoted = ["SELECT '" + text.replace("'", "''") + "'" for text in texts]
    assert list(statements("; -- and; then\n".join(quoted) + ";")) == quoted


def test_upgrades_are_numbered_without_a_gap() -> None:
    assert [upgrade.number for upgrade in upgrades()] == list(range(1, len(upgrades()) + 1))


def test_every_statement_that_makes_a_table_may_run_again() -> None:
    made = list(statements(SCRIPT.read_text(encoding="utf-8")))
    assert len(made) >= 5
    assert all(statement.startswith("CREATE TABLE IF NOT EXISTS") for statement in made)
