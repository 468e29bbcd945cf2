"""The project: one story and the film made of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Integer, String, Text, func
from sqlalchemy.orm import Mapped, column_property, mapped_column

from common.caller import owner_of_new_rows
from models.base import Base, next_sequence
from models.types import JsonObject, TextEnum


class ProjectStatus(TextEnum):
    """How far the project is. Clients drop what is not in this list."""

    CREATED = "created"
    TEXT_GENERATED = "text_generated"
    SHOTS_GENERATED = "shots_generated"
    IMAGES_GENERATED = "images_generated"
    VIDEO_GENERATED = "video_generated"
    AUDIO_GENERATED = "audio_generated"
    READY = "ready"
    FAILED = "failed"


EXCERPT = 200  # characters


class Project(Base):
    """`cover_image` and `video_url` hold object keys (or what an older backend stored), `duration` is in whole seconds.

    `aspect` is that of images and films, such as "9:16"; NULL or "" where none was chosen.
    `telling` is "verbatim" or "told"; NULL or "" is the node's default, verbatim.
    `cost` is what its tasks cost, also those that failed, as decimal text without a currency; NULL or "" where no node said.
    `options` are what its later tasks and films follow (`service.project_options`).
    `owner_id` is the account that made it; its shots and tasks are that account's, too.
    `story_excerpt` is the story's beginning, cut by the database; it is read where a query undefers it.
    """

    __tablename__ = "project"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    title: Mapped[str] = mapped_column(String(255))
    story_text: Mapped[str] = mapped_column(Text)
    style: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(32))
    cover_image: Mapped[str | None] = mapped_column(String(1024), default="")
    duration: Mapped[int | None] = mapped_column(Integer, default=0)
    video_url: Mapped[str | None] = mapped_column(String(1024), default="")
    description: Mapped[str | None] = mapped_column(Text, default="")
    shot_count: Mapped[int | None] = mapped_column(Integer, default=0)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    bgm: Mapped[str | None] = mapped_column(String(255), default=None)
    seq: Mapped[int] = mapped_column(BigInteger, default=next_sequence)
    aspect: Mapped[str | None] = mapped_column(String(8), default="")
    telling: Mapped[str | None] = mapped_column(String(16), default="")
    cost: Mapped[str | None] = mapped_column(String(64), default="")
    owner_id: Mapped[str | None] = mapped_column(String(64), default=owner_of_new_rows)
    options: Mapped[dict[str, Any] | None] = mapped_column(JsonObject, default=dict)
    story_excerpt: Mapped[str] = column_property(func.substr(story_text, 1, EXCERPT), deferred=True)
