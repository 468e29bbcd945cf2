from __future__ import annotations

import time

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.database_clock import database_ms, database_now
from models.db import Database
from tests.support.wait import wait_until

ZONES_AND_MODES = (
    "time_zone = '+08:00'",
    "time_zone = '-05:00'",
    "sql_mode = ''",
    "sql_mode = 'TRADITIONAL'",
    "sql_mode = 'ANSI,NO_UNSIGNED_SUBTRACTION,HIGH_NOT_PRECEDENCE,NO_BACKSLASH_ESCAPES'",
)
OF_POSTGRESQL = {
    "time_zone = '+08:00'": "timezone = 'Asia/Shanghai'",
    "time_zone = '-05:00'": "timezone = 'America/Lima'",
}
NEAR_S = 300  # of this machine's clock: no zone is so near to another


def ms(session: Session) -> int:
    return session.scalars(select(database_ms())).one()


@pytest.mark.parametrize("setting", ZONES_AND_MODES)
def test_the_database_tells_the_time_in_utc_whatever_its_session_has(database: Database, setting: str) -> None:
    with database.read() as session:
        if database.kind == "postgresql":
            session.execute(text(f"SET SESSION {OF_POSTGRESQL.get(setting, 'datestyle = postgres')}"))
        elif not database.is_sqlite:
            session.execute(text(f"SET SESSION {setting}"))
        assert abs(ms(session) / 1000 - time.time()) < NEAR_S
        assert abs(database_now(session).timestamp() - time.time()) < NEAR_S


def test_the_database_tells_milliseconds(database: Database) -> None:
    digits: set[int] = set()

    def all_seen() -> bool:
        with database.read() as session:
            digits.add(ms(session) % 10)
        return len(digits) == 10

    wait_until(all_seen, 30)


def test_a_statement_has_one_time(database: Database) -> None:
    with database.read() as session:
        first, second = session.execute(select(database_ms(), database_ms())).one()
    assert first == second
