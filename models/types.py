"""Column types that behave alike on SQLite, MariaDB, MySQL and PostgreSQL."""

from __future__ import annotations

import json
from datetime import datetime, timezone, tzinfo
from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement, DateTime, Text, case, literal
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

ZERO_YEAR = 1
DAWN = datetime(1970, 1, 2, tzinfo=timezone.utc)
"""No task is older; a stored time before it is a zero time ("0000-00-00 00:00:00", year 1) that means "not yet"."""


class TextEnum(str, Enum):
    """An enum whose `str()` is its value, on every Python: PyMySQL writes `str()` of what it is given."""

    def __str__(self) -> str:
        return str(self.value)


class Timestamp(TypeDecorator[datetime]):
    """An aware datetime in Python (UTC when read), a naive DATETIME in the database's zone.

    The zone is UTC, but for a database taken over from the Go backend, whose columns hold local time; `models.db.Database` sets it as
    `dialect.database_zone`. Zero times, which that backend may leave, read as None. Columns without a fraction lose it: they are cut,
    not rounded into the future (see `models.engines`).
    """

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone cannot be stored: {value!r}")
        return value.astimezone(_zone(dialect)).replace(tzinfo=None)

    def process_result_value(self, value: datetime | str | None, dialect: Dialect) -> datetime | None:
        if value is None or isinstance(value, str) or value.year <= ZERO_YEAR:  # PyMySQL hands a zero date over as text
            return None
        return value.replace(tzinfo=_zone(dialect)).astimezone(timezone.utc)


class JsonText(UserDefinedType[str]):
    """PostgreSQL's JSON, which keeps the text as it was written; it comes and goes as text (`models.postgresql_engine`)."""

    cache_ok = True

    def get_col_spec(self, **_options: Any) -> str:
        return "JSON"


class StoredJson(TypeDecorator[str]):
    """A JSON column's text as it is stored."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return JsonText() if dialect.name == "postgresql" else super().load_dialect_impl(dialect)


class JsonObject(TypeDecorator[dict[str, Any]]):
    """A JSON object in a JSON column (on MariaDB a LONGTEXT). NULL, and whatever is no JSON object, reads as {}.

    Text is stored as it is, not as `\\u` escapes, so that a person can read the column. NaN and infinity, which JSON does not know,
    raise ValueError.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return JsonText() if dialect.name == "postgresql" else super().load_dialect_impl(dialect)

    def process_bind_param(self, value: dict[str, Any] | None, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    def process_result_value(self, value: str | bytes | None, dialect: Dialect) -> dict[str, Any]:
        if not isinstance(value, str | bytes):
            return {}
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


class nothing(ColumnElement[Any]):  # noqa: N801 - reads like a function of SQL
    """A NULL of this type: PostgreSQL takes that of a UNION's first two parts for text."""

    inherit_cache = True
    _traverse_internals = [("type", InternalTraversal.dp_type)]  # two of different types are two statements

    def __init__(self, type_: TypeEngine[Any]) -> None:
        self.type = type_


@compiles(nothing)
def _untyped(_element: nothing, _compiler: Any, **_options: Any) -> str:
    return "NULL"


@compiles(nothing, "postgresql")
def _typed(element: nothing, compiler: Any, **_options: Any) -> str:
    return f"CAST(NULL AS {compiler.dialect.type_compiler_instance.process(element.type)})"


def first_time(column: InstrumentedAttribute[datetime | None], now: datetime) -> ColumnElement[datetime | None]:
    """For an UPDATE that sets a time once: the column's own value, or `now` where there is none or a zero time."""
    return case((column > literal(DAWN, Timestamp()), column), else_=literal(now, Timestamp()))


def _zone(dialect: Dialect) -> tzinfo:
    zone: tzinfo = getattr(dialect, "database_zone", timezone.utc)
    return zone
