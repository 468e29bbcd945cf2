"""What a split or a merge has changed, kept for as long as it can be undone: one row for a shot, of its last."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base
from models.database_clock import milliseconds


class ShotUndo(Base):
    """`edit` is what `service.shot_undo` puts back, before `until_ms` (ms since 1970 by the database's clock)."""

    __tablename__ = "shot_undo"

    project_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    shot_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    until_ms: Mapped[int] = mapped_column(BigInteger)
    edit: Mapped[dict[str, Any]]


def put(session: Session, project_id: str, shot_id: str, edit: dict[str, Any], *, keep_ms: int) -> int:
    """Keep it for so long, in place of the shot's one before; returns until when."""
    until_ms = milliseconds(session) + keep_ms
    session.merge(ShotUndo(project_id=project_id, shot_id=shot_id, until_ms=until_ms, edit=edit))
    session.flush()
    return until_ms


def take(session: Session, project_id: str, shot_id: str) -> dict[str, Any] | None:
    """What there is to be put back, which is not kept any longer; None where there is nothing, or it is too late."""
    row = session.get(ShotUndo, (project_id, shot_id))
    if row is None or row.until_ms <= milliseconds(session):
        return None
    session.delete(row)
    session.flush()
    return row.edit


def forget(session: Session, project_id: str) -> None:
    """Nothing of the project can be undone any more."""
    session.execute(delete(ShotUndo).where(ShotUndo.project_id == project_id))


def is_any_over(session: Session, now_ms: int) -> bool:
    """Whether there is something that cannot be undone any more."""
    return session.scalar(select(ShotUndo.shot_id).where(ShotUndo.until_ms <= now_ms).limit(1)) is not None


def forget_over(session: Session, now_ms: int) -> None:
    """Keep nothing that cannot be undone any more."""
    session.execute(delete(ShotUndo).where(ShotUndo.until_ms <= now_ms))
