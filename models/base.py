"""What all models share."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import DeclarativeBase, Session

from models.types import JsonObject, Timestamp


class Base(DeclarativeBase):
    """Declarative base. The tables are made by the scripts in doc/sql, never by this metadata; a test compares the two."""

    type_annotation_map = {datetime: Timestamp, dict[str, Any]: JsonObject}


def insert_missing(session: Session, model: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert those of the rows whose key is not there yet."""
    if session.get_bind().dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - loaded with its engine only

        session.execute(postgresql.insert(model).on_conflict_do_nothing(), rows)
    else:
        new = insert(model).prefix_with("OR IGNORE", dialect="sqlite").prefix_with("IGNORE", dialect="mysql")
        session.execute(new, rows)


def new_id() -> str:
    """A fresh id (UUID 4)."""
    return str(uuid.uuid4())


_sequence_lock = threading.Lock()
_last_sequence = 0


def next_sequence() -> int:
    """A number greater than any this process gave before, close to microseconds since 1970: orders rows made in one second."""
    global _last_sequence  # noqa: PLW0603 - a process-wide counter is what this is
    with _sequence_lock:
        _last_sequence = max(_last_sequence + 1, time.time_ns() // 1000)
        return _last_sequence
