"""Who appears in a project's story, as the storyboard drew them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Integer, String, Text, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base


class CastMember(Base):
    """`position` counts from 1; a look is for people in Chinese, and for models in English. The rows go with their project by hand."""

    __tablename__ = "cast_member"

    project_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    look_zh: Mapped[str | None] = mapped_column(Text, default="")
    look_en: Mapped[str | None] = mapped_column(Text, default="")


def replace(session: Session, project_id: str, members: Sequence[CastMember]) -> None:
    """These are the project's cast from now on."""
    session.execute(delete(CastMember).where(CastMember.project_id == project_id))
    session.add_all(members)


def members(session: Session, project_id: str) -> Sequence[CastMember]:
    """The project's cast, in order."""
    rows = select(CastMember).where(CastMember.project_id == project_id).order_by(CastMember.position)
    return session.scalars(rows).all()
