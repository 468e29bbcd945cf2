"""Column types that behave alike on SQLite, MariaDB and MySQL."""

from __future__ import annotations

from datetime import datetime, timezone, tzinfo

from sqlalchemy import DateTime
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

ZERO_YEAR = 1


class Timestamp(TypeDecorator[datetime]):
    """An aware UTC datetime in Python, a naive DATETIME in the database's zone.

    The zone is UTC, but for a database taken over from the Go backend, whose columns hold local time; `models.db.Database` sets it as
    `dialect.database_zone`. Zero dates ("0000-00-00 00:00:00", year 1), which that backend may leave, read as None.
    """

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(_zone(dialect)).replace(tzinfo=None)

    def process_result_value(self, value: datetime | str | None, dialect: Dialect) -> datetime | None:
        if value is None or isinstance(value, str) or value.year <= ZERO_YEAR:
            return None
        return value.replace(tzinfo=_zone(dialect)).astimezone(timezone.utc)


def _zone(dialect: Dialect) -> tzinfo:
    zone: tzinfo = getattr(dialect, "database_zone", timezone.utc)
    return zone
