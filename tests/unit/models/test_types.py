from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects.mysql.pymysql import MySQLDialect_pymysql

from models.asset import AssetKind
from models.project import ProjectStatus
from models.shot import ShotStatus
from models.task import TaskStatus, TaskType
from models.types import JsonObject, Timestamp

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON = datetime(2025, 3, 1, 12, 0, tzinfo=timezone.utc)


def dialect_in(zone: ZoneInfo | timezone) -> MySQLDialect_pymysql:
    dialect = MySQLDialect_pymysql()
    dialect.database_zone = zone  # type: ignore[attr-defined]  # as models.db.Database does
    return dialect


@pytest.mark.parametrize("members", [AssetKind, ProjectStatus, ShotStatus, TaskStatus, TaskType])
def test_the_text_of_an_enum_is_its_value(members: type[AssetKind]) -> None:
    assert [str(member) for member in members] == [member.value for member in members]


def test_times_are_stored_in_the_databases_zone() -> None:
    stored = Timestamp().process_bind_param(NOON, dialect_in(SHANGHAI))
    assert stored == datetime(2025, 3, 1, 20, 0)
    assert Timestamp().process_result_value(stored, dialect_in(SHANGHAI)) == NOON


@given(
    st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(timezone.utc)),
    st.integers(min_value=-12, max_value=14),
)
def test_a_time_survives_storing_in_any_zone(moment: datetime, offset: int) -> None:
    zone = timezone(timedelta(hours=offset))
    dialect = dialect_in(zone)
    assert Timestamp().process_result_value(Timestamp().process_bind_param(moment, dialect), dialect) == moment


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        Timestamp().process_bind_param(datetime(2025, 3, 1), dialect_in(SHANGHAI))


@pytest.mark.parametrize("zero", [None, "0000-00-00 00:00:00", datetime(1, 1, 1)])
def test_a_zero_time_reads_as_none(zero: datetime | str | None) -> None:
    assert Timestamp().process_result_value(zero, dialect_in(SHANGHAI)) is None


def test_json_is_stored_so_that_a_person_can_read_it() -> None:
    assert JsonObject().process_bind_param({"标题": "猫 🐱"}, dialect_in(SHANGHAI)) == '{"标题":"猫 🐱"}'


@pytest.mark.parametrize("stored", [None, "", "{", '{"a":', "null", "[1]", '"text"', "3", 3, b"\xff", "[" * 100_000])
def test_what_is_no_json_object_reads_as_an_empty_one(stored: str | None) -> None:
    assert JsonObject().process_result_value(stored, dialect_in(SHANGHAI)) == {}


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_json_does_not_know_are_refused(number: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        JsonObject().process_bind_param({"a": number}, dialect_in(SHANGHAI))
