"""What a request with an Idempotency-Key made: the row is written in the same commit."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, String, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base
from models.types import JsonObject


class Idempotency(Base):
    """`result` holds what the use case returned, under the name "value"; {} while it is at work, in the commit that it makes."""

    __tablename__ = "idempotency"

    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    route: Mapped[str] = mapped_column(String(64), primary_key=True)
    request_key: Mapped[str] = mapped_column(String(255), primary_key=True)
    body_hash: Mapped[str] = mapped_column(String(64))
    result: Mapped[dict[str, Any] | None] = mapped_column(JsonObject, default=dict)
    created_at: Mapped[datetime]


def find(session: Session, owner: str, route: str, key: str) -> Idempotency | None:
    """The row, however old."""
    return session.get(Idempotency, (owner, route, key))


def keep(session: Session, owner: str, route: str, key: str, result: dict[str, Any]) -> None:
    """Write what was made into the row that this commit began with."""
    same = (Idempotency.owner == owner, Idempotency.route == route, Idempotency.request_key == key)
    session.execute(update(Idempotency).where(*same).values(result=result))


def forget(session: Session, before: datetime, limit: int) -> int:
    """Delete at most so many rows that are older; returns how many it were."""
    columns = (Idempotency.owner, Idempotency.route, Idempotency.request_key)
    old = session.execute(select(*columns).where(Idempotency.created_at < before).limit(limit)).all()
    count = 0
    for owner, route, key in old:
        row = (Idempotency.owner == owner, Idempotency.route == route, Idempotency.request_key == key)
        statement = delete(Idempotency).where(*row, Idempotency.created_at < before)
        done = cast("CursorResult[Any]", session.execute(statement.execution_options(synchronize_session=False)))
        count += done.rowcount
    return count
