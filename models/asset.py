"""The asset: one stored object, and the number in its name."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from common.caller import owner_of_new_rows
from models.base import Base
from models.types import JsonObject, TextEnum


class AssetKind(TextEnum):
    """What the object is; also the first part of its name within its shot."""

    IMAGE = "image"
    NARRATION = "audio"
    CLIP = "clip"
    FILM = "film"
    MUSIC = "music"
    CAST = "cast"


class Asset(Base):
    """`size` is in bytes, `sha256` hex. `details` of a film are its options, length and timings, of a narration
    the times of its words (`words`). `stored_at` is None until committed.

    `shot_id` is the cast member's for their picture, "" for a project's film, `project_id` too for music.
    """

    __tablename__ = "asset"

    object_key: Mapped[str] = mapped_column(String(255), primary_key=True)
    project_id: Mapped[str] = mapped_column(String(64))
    shot_id: Mapped[str] = mapped_column(String(64), default="")
    task_id: Mapped[str] = mapped_column(String(64), default="")
    kind: Mapped[str] = mapped_column(String(16))
    number: Mapped[int] = mapped_column(Integer)
    title: Mapped[str] = mapped_column(String(255), default="")
    sha256: Mapped[str] = mapped_column(String(64), default="")
    size: Mapped[int] = mapped_column(BigInteger, default=0)
    content_type: Mapped[str] = mapped_column(String(128), default="")
    details: Mapped[dict[str, Any] | None] = mapped_column(JsonObject, default=dict)
    created_at: Mapped[datetime]
    stored_at: Mapped[datetime | None] = mapped_column(default=None)
    owner_id: Mapped[str | None] = mapped_column(String(64), default=owner_of_new_rows)
