"""The answers of `/v1/api` and of the server itself, as the document describes them.

Tests hold what `routers.serializers` writes against them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Link = Annotated[str, Field(description="A complete address that needs no header; empty where there is none.")]
TaskWord = Literal["blocked", "pending", "processing", "finished", "failed", "cancelled"]


class Answer(BaseModel):
    """An object of the wire; a field with a default may be left out."""


class CamelCased(Answer):
    """One whose keys are in camelCase."""

    model_config = ConfigDict(alias_generator=to_camel)


class OpenAnswer(Answer):
    """One that may hold more: what a client, a node or an older backend put there."""

    model_config = ConfigDict(extra="allow")


class Error(Answer):
    """What went wrong; `code` is the HTTP status, or a number from 900."""

    error: str
    code: int
    message: str
    request_id: str
    field: str = Field(default="", description="The parameter at fault, as the client spelt it.")


class ProjectInList(CamelCased):
    """A project with its story's beginning."""

    id: str
    title: str
    story_excerpt: str
    style: str
    status: str
    cover_image: Link
    duration: int
    video_url: Link
    description: str
    shot_count: int
    created_at: Time
    updated_at: Time
    aspect: str
    telling: str
    cost: str


class ProjectDetail(CamelCased):
    """A project, some of it in snake_case too."""

    id: str
    title: str
    story_text: str
    style: str
    status: str
    cover_image: Link
    duration: int
    video_url: Link
    description: str
    shot_count: int
    created_at: Time
    updated_at: Time
    aspect: str
    telling: str
    cost: str
    snake_story_text: str = Field(alias="story_text")
    snake_shot_count: int = Field(alias="shot_count")
    snake_cover_image: Link = Field(alias="cover_image")
    snake_video_url: Link = Field(alias="video_url")
    snake_created_at: Time = Field(alias="created_at")
    snake_updated_at: Time = Field(alias="updated_at")


class Shot(CamelCased):
    """A shot."""

    id: str
    project_id: str
    order: int
    title: str
    description: str
    prompt: str
    status: Literal["pending", "processing", "completed", "failed"]
    image_path: Link
    audio_path: Link
    transition: str
    created_at: Time
    updated_at: Time
    narration: str
    video_path: Link
    duration: int
    motion: str
    cast: list[str] = Field(description="The ids of those who appear in it.")


class TaskParameters(OpenAnswer):
    """What a task was asked for; the groups that it has."""

    shot_defaults: dict[str, Any] = {}
    shot: dict[str, Any] = {}
    video: dict[str, Any] = {}
    tts: dict[str, Any] = {}
    film: dict[str, Any] = {}
    depends_on: list[str] = []


class MadeBy(Answer):
    """Who made it."""

    provider: str
    model: str


class MadePicture(MadeBy):
    """Who made it; of images and clips also out of what."""

    seed: int | None = None
    prompt: str = ""


class Usage(MadeBy):
    """What it took, and what it cost in decimal text."""

    units: dict[str, float]
    cost: str


class TaskResult(OpenAnswer):
    """What a task made."""

    resource_type: str
    resource_id: str
    resource_url: str
    task_shots: dict[str, Any] = {}
    task_video: dict[str, Any] = {}
    made_by: MadePicture | None = None
    usage: list[Usage] = []


class Task(CamelCased):
    """A task; the task WebSocket sends the same."""

    id: str
    project_id: str
    shot_id: str = Field(default="", description="Left out where it is about no shot.")
    type: Literal["generate_storyboard", "generate_shot", "generate_audio", "generate_video"]
    status: TaskWord
    progress: int
    message: str
    parameters: TaskParameters
    result: TaskResult
    error: str
    estimated_duration: int
    started_at: Time
    finished_at: Time
    created_at: Time
    updated_at: Time


class Subtitles(Answer):
    """Links to a film's subtitles."""

    srt: Link = ""
    ass: Link = ""


class Downloads(Subtitles):
    """Links by which a browser saves the film, and its subtitles, under the film's title."""

    mp4: Link


class Film(CamelCased):
    """One version of a project's film."""

    id: str
    project_id: str
    task_id: str | None
    number: int
    title: str
    url: Link
    cover: Link
    subtitles: Subtitles
    downloads: Downloads
    log: Link
    size: int
    sha256: str | None
    content_type: str | None
    duration: int
    resolution: str
    fps: int
    mode: str
    music: str
    warnings: list[str]
    parameters: dict[str, Any]
    created_at: Time
    stale: bool
    stale_shots: list[str] = Field(alias="stale_shots")


class Music(CamelCased):
    """A piece of music."""

    id: str
    number: int
    title: str
    tags: list[str]
    url: Link
    size: int
    content_type: str | None
    duration: int
    created_at: Time


class Voice(Answer):
    """A voice of the model node."""

    id: str
    name: str
    language: str
    sex: str
    provider: str
    sample: Link


class CastMember(Answer):
    """Who appears in a story; `look` is for people, and what they changed for models too."""

    id: str
    name: str
    look: str
    look_zh: str
    look_en: str
    voice: str
    reference: str | None
    updated_at: Time


class ProjectCreated(Answer):
    project_id: str
    text_task_id: str
    shot_task_ids: list[str]
    film_task_id: str = Field(default="", description="Of the film, where it was asked for at once.")


class Projects(Answer):
    items: list[ProjectInList]
    page: int
    page_size: int
    total: int


class ProjectUpdated(Answer):
    project: ProjectDetail
    updated: Time = Field(alias="updateAT")
    deleted: int
    text_task: str
    shot_tasks: list[str]
    film: Film | None


class ProjectDeleted(Answer):
    success: Literal[True]
    deleted: Time = Field(alias="deleteAt")
    message: str
    undo_until: Time = Field(default="", description="With `undo`.")


class Cast(Answer):
    cast: list[CastMember]


class ProjectTasks(Answer):
    tasks: list[Task]
    project_id: str
    total_tasks: int
    page: int = 0
    page_size: int = 0


class ProjectShots(Answer):
    shots: list[Shot]
    project_id: str
    total_shots: int


class OneShot(Answer):
    shot: Shot


class ShotUpdated(Answer):
    shot_id: str
    task_id: str
    message: str


class ShotDeleted(Answer):
    message: str
    shot_id: str
    project_id: str


class FilmAccepted(Answer):
    message: str
    project_id: str
    shot_id: str
    task_id: str


class NarrationAccepted(Answer):
    task_id: str
    message: str
    project_id: str


class Films(Answer):
    films: list[Film]
    project_id: str
    total_films: int


class MusicAdded(Answer):
    music: Music
    message: str


class MusicLibrary(Answer):
    music: list[Music]
    total: int


class MusicDeleted(Answer):
    message: str
    music_id: str


class Voices(Answer):
    voices: list[Voice]
    total: int


class OneTask(Answer):
    task: Task


class TaskAgain(Answer):
    task_id: str
    message: str


class OldTaskAccepted(Answer):
    task_id: str
    project_id: str
    message: str
    shot_id: str = ""


class Health(Answer):
    status: str
    service: str
    nodes: str = Field(default="", description="Where there are several model nodes: how many are in which state.")


class Alive(Answer):
    status: str


class Readiness(Answer):
    status: Literal["ready", "not ready"]
    dependencies: dict[str, Literal["ok", "full", "down"]]
    nodes: dict[str, Literal["ok", "down"]] = Field(default={}, description="Where there are several model nodes.")


class Document(OpenAnswer):
    """An OpenAPI document."""

    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]
