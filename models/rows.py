"""Rows as `models.reads` reads them, by columns. None is an object of the unit of work: it has no identity, and is watched for nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from models import cast_member
from models.shot import spoken_words
from models.task import dependencies, has_no_shot, target_shot


class TaskRow(NamedTuple):
    """See `models.task.Task`."""

    id: str
    project_id: str
    shot_id: str | None
    parent_id: str | None
    type: str
    status: str
    progress: int | None
    message: str | None
    parameters: dict[str, Any] | None
    result: dict[str, Any] | None
    error: str | None
    estimated_duration: int | None
    started_at: datetime | None
    finished_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @property
    def depends_on(self) -> list[str]:
        """See `Task.depends_on`."""
        return dependencies(self.parameters)

    @property
    def target_shot_id(self) -> str:
        """See `Task.target_shot_id`."""
        return target_shot(self.shot_id, self.parameters)

    @property
    def is_parent(self) -> bool:
        """See `Task.is_parent`."""
        return has_no_shot(self.type, self.target_shot_id)


class ShotRow(NamedTuple):
    """See `models.shot.Shot`; `cast` is in no column."""

    id: str
    project_id: str
    order: int
    title: str
    description: str | None
    prompt: str | None
    status: str
    image_path: str | None
    audio_path: str | None
    transition: str | None
    created_at: datetime
    updated_at: datetime
    narration: str | None
    video_path: str | None
    duration: int | None
    motion: str | None
    cast: tuple[str, ...] = ()

    @property
    def spoken(self) -> str:
        """See `Shot.spoken`."""
        return spoken_words(self.narration, self.description)


class ProjectRow(NamedTuple):
    """See `models.project.Project`."""

    id: str
    title: str
    story_text: str
    style: str
    status: str
    cover_image: str | None
    duration: int | None
    video_url: str | None
    description: str | None
    shot_count: int | None
    created_at: datetime
    updated_at: datetime
    bgm: str | None
    seq: int
    aspect: str | None
    telling: str | None
    cost: str | None
    owner_id: str | None
    options: dict[str, Any] | None


class ListedProject(NamedTuple):
    """What lists show of it, with the story's beginning only."""

    id: str
    title: str
    story_excerpt: str
    style: str
    status: str
    cover_image: str | None
    duration: int | None
    video_url: str | None
    description: str | None
    shot_count: int | None
    created_at: datetime
    updated_at: datetime
    aspect: str | None
    telling: str | None
    cost: str | None


class FilmRow(NamedTuple):
    """See `models.asset.Asset`."""

    object_key: str
    project_id: str
    task_id: str
    number: int
    title: str
    sha256: str
    size: int
    content_type: str
    details: dict[str, Any] | None
    created_at: datetime


class CastRow(NamedTuple):
    """See `models.cast_member.CastMember`."""

    project_id: str
    position: int
    name: str
    look_zh: str | None
    look_en: str | None
    id: str | None

    @property
    def public_id(self) -> str:
        """See `CastMember.public_id`."""
        return self.id or str(self.position)

    def appears_in(self, shot: ShotRow) -> bool:
        """See `CastMember.appears_in`."""
        look = self.look_en or self.look_zh or ""
        return cast_member.appears(self.name, look, shot.prompt or "", f"{shot.title}\n{shot.spoken}")


class WholeProject(NamedTuple):
    """A project, its shots by order, the task that was created last, and the film whose key `video_url` is, if there is one."""

    project: ProjectRow
    shots: list[ShotRow]
    recent_task: TaskRow | None
    film: FilmRow | None


class Board(NamedTuple):
    """A project, its shots by order, and its image tasks that wait for the storyboard, oldest first."""

    project: ProjectRow
    shots: list[ShotRow]
    waiting: list[TaskRow]


class Films(NamedTuple):
    """A project's stored films, newest first, and its shots by order."""

    films: list[FilmRow]
    shots: list[ShotRow]
