"""What was deleted and can still be had back: a shot or a whole project that nobody sees until it is either.

The rows themselves stay as they are, with their tasks and assets; `models.queries` leaves out whatever is named here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import BigInteger, ColumnElement, CursorResult, SQLColumnExpression, String, delete, literal, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base
from models.database_clock import milliseconds

WHOLE = ""
"""`shot_id` of a project's own row."""


class Deletion(Base):
    """It can be had back before `until_ms` (ms since 1970 by the database's clock); `shot_id` is "" where the whole project went."""

    __tablename__ = "deletion"

    project_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    shot_id: Mapped[str] = mapped_column(String(64), primary_key=True, default=WHOLE)
    until_ms: Mapped[int] = mapped_column(BigInteger)


def has_project(project_id: SQLColumnExpression[str]) -> ColumnElement[bool]:
    """Whether the project of this id was not deleted."""
    return has_shot(project_id, literal(WHOLE))


def has_shot(project_id: SQLColumnExpression[str], shot_id: SQLColumnExpression[str]) -> ColumnElement[bool]:
    """Whether the project's shot of this id was not deleted by itself. One look into the key for each row, on every database."""
    named = select(Deletion.project_id).where(Deletion.project_id == project_id, Deletion.shot_id == shot_id)
    return ~named.exists()


def find(session: Session, project_id: str, shot_id: str = WHOLE) -> Deletion | None:
    """Its row, or None."""
    return session.get(Deletion, (project_id, shot_id))


def put(session: Session, project_id: str, shot_id: str = WHOLE, *, keep_ms: int) -> None:
    """It is deleted, and can be had back for so long."""
    session.add(Deletion(project_id=project_id, shot_id=shot_id, until_ms=milliseconds(session) + keep_ms))
    session.flush()


def take_back(session: Session, project_id: str, shot_id: str = WHOLE) -> bool:
    """It is there again; False where it was not deleted, or that is too long ago."""
    named = (Deletion.project_id == project_id, Deletion.shot_id == shot_id)
    gone = delete(Deletion).where(*named, Deletion.until_ms > milliseconds(session))
    return cast("CursorResult[Any]", session.execute(gone)).rowcount == 1


def forget(session: Session, project_id: str, shot_id: str = WHOLE) -> None:
    """It is gone for good; with a project all that was deleted of it before."""
    named = delete(Deletion).where(Deletion.project_id == project_id)
    session.execute(named if shot_id == WHOLE else named.where(Deletion.shot_id == shot_id))


def due(session: Session, now_ms: int, limit: int) -> Sequence[Deletion]:
    """What cannot be had back any more, the oldest first."""
    over = select(Deletion).where(Deletion.until_ms <= now_ms)
    return session.scalars(over.order_by(Deletion.until_ms, Deletion.project_id, Deletion.shot_id).limit(limit)).all()
