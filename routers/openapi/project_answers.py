"""The answers about a project as a whole: its options, what was begun anew, a batch of projects."""

from __future__ import annotations

from typing import Literal

from routers.openapi.answers import Answer, CastMember, Film, ProjectDetail, Shot, Task


class SubtitleLook(Answer):
    """How subtitles look; sizes are factors of what they are by default."""

    size: float
    colour: str
    outline: float
    karaoke: bool
    position: Literal["bottom", "middle", "top"]


class Options(Answer):
    """What a project's later tasks and films follow; empty where nothing was chosen."""

    title: str
    aspect: str
    telling: str
    language: str
    voice: str
    music: str
    seed: int | None
    subtitle_style: SubtitleLook


class ProjectWithShots(Answer):
    project_detail: ProjectDetail
    shots: list[Shot]
    recent_task: Task | None
    options: Options
    film: Film | None


class OptionsChanged(Answer):
    project: ProjectDetail
    options: Options


class BatchResult(Answer):
    """What became of one story; `status` is what a request for it alone would have been answered with."""

    index: int
    name: str
    status: int
    project_id: str = ""
    film_task_id: str = ""
    error: str = ""
    field: str = ""


class Batch(Answer):
    results: list[BatchResult]


class Resumed(Answer):
    """What was begun anew, and the task of the film that this leads to."""

    tasks: list[Task]
    project_id: str
    film_task_id: str


class OneCastMember(Answer):
    member: CastMember


class CastMemberDeleted(Answer):
    message: str
    cast_id: str
    project_id: str


class Repainted(Answer):
    tasks: list[Task]
    project_id: str
