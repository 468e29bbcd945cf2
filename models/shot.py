"""The shot: one scene of the storyboard, with its image, narration and clip."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.types import TextEnum


class ShotStatus(TextEnum):
    """How far the shot's image is. Clients drop what is not in this list."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


_CAST = "_cast"  # in no column: it follows from the cast's and the shot's own words


class Shot(Base):
    """`order` starts at 1. `image_path`, `audio_path` and `video_path` hold object keys; `duration` is the narration's, in seconds.

    `motion` is the shot's own ("auto" or "none"); NULL or "" where the film's counts.
    """

    __tablename__ = "shot"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    order: Mapped[int] = mapped_column("order", Integer)
    title: Mapped[str] = mapped_column(String(255))
    description: Mapped[str | None] = mapped_column(Text, default="")
    prompt: Mapped[str | None] = mapped_column(Text, default="")
    status: Mapped[str] = mapped_column(String(32))
    image_path: Mapped[str | None] = mapped_column(String(1024), default="")
    audio_path: Mapped[str | None] = mapped_column(String(1024), default="")
    transition: Mapped[str | None] = mapped_column(String(64), default="")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    narration: Mapped[str | None] = mapped_column(Text, default=None)
    video_path: Mapped[str | None] = mapped_column(String(1024), default="")
    duration: Mapped[int | None] = mapped_column(Integer, default=0)
    motion: Mapped[str | None] = mapped_column(String(8), default="")

    @property
    def cast(self) -> tuple[str, ...]:
        """The ids of those who appear in it. Raises LookupError where nobody has told it (`models.cast_member.meet`): no answer shows
        nobody for want of having asked.
        """
        found: tuple[str, ...] | None = self.__dict__.get(_CAST)
        if found is None:
            raise LookupError(f"nobody has told shot {self.id} who appears in it")
        return found

    @cast.setter
    def cast(self, ids: tuple[str, ...]) -> None:
        self.__dict__[_CAST] = ids

    @property
    def spoken(self) -> str:
        """What the narrator says: the narration, or the description, where the Go backend kept it."""
        return spoken_words(self.narration, self.description)


def spoken_words(narration: str | None, description: str | None) -> str:
    """What the narrator says of a shot with these."""
    return narration if narration is not None else description or ""
