"""The answers of `/api`, as the document describes them. Tests hold what `routers.gateway.serializers` writes against them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from routers.openapi.answers import Answer, Music, Time
from routers.openapi.shot_answers import Version

Status = Literal["PENDING", "RUNNING", "SUCCESS", "FAILED"]
Link = Annotated[str | None, Field(description="A complete address that needs no header; null where there is none.")]
Seconds = Annotated[float | None, Field(description="Seconds; null before the end, and where nothing is known.")]


class GatewayError(Answer):
    """What went wrong; `code` is the HTTP status, or a number from 900."""

    code: int
    message: str
    request_id: str


class Success(Answer):
    """What every answer that went well has."""

    code: Literal[0]
    request_id: str


class ReservedShot(Answer):
    """A shot that the storyboard in the making will fill in."""

    id: str
    order: int
    prompt: str
    narration: str
    status: Status


class StoryboardShot(ReservedShot):
    """A shot with its files."""

    image_url: Link
    audio_url: Link
    video_url: Link


class StoryAccepted(Success):
    project_id: str
    shots: list[ReservedShot]
    task_id: str
    film_task_id: str = Field(default="", description="Of the film, where it was asked for at once.")


class GatewayProject(Answer):
    """A project of a list; `stage` is what `/v1/api` calls its status."""

    id: str
    title: str
    style: str
    stage: str
    shot_count: int
    cover_url: Link
    video_url: Link
    created_at: Time
    updated_at: Time


class GatewayProjects(Success):
    items: list[GatewayProject]
    page: int
    page_size: int
    total: int


class Storyboard(Success):
    project_id: str
    shots: list[StoryboardShot]
    updated_at: Time


class ShotWords(Success):
    id: str
    prompt: str
    narration: str


class TaskQueued(Success):
    task_id: str
    status: Literal["QUEUED"]


class StoryboardResult(Answer):
    """Of a storyboard."""

    shots: list[StoryboardShot]


class ImageResult(Answer):
    """Of an image."""

    image_url: Link


class NarrationResult(Answer):
    """Of a narration; a whole project's has no file of its own."""

    audio_url: Link
    duration: Seconds


class VideoResult(Answer):
    """Of a clip or a film."""

    video_url: Link
    duration: Seconds


class TaskState(Success):
    task_id: str
    status: Status
    result: StoryboardResult | ImageResult | NarrationResult | VideoResult
    err_msg: str | None


class Delivered(Success):
    message: str


class TemporaryKeys(Success):
    """What lets a program write under `prefix` of the bucket, and nothing else."""

    access_key: str
    secret_key: str
    session_token: str
    expires_at: Time
    expires_in: int = Field(description="Seconds.")
    endpoint: str
    bucket: str
    prefix: str
    region: str
    addressing: Literal["path", "virtual"]


class UploadLink(Answer):
    """Where `size` bytes are PUT, with exactly these headers."""

    number: int
    size: int
    url: str
    headers: dict[str, str]


class Presigned(Success):
    key: str
    method: Literal["PUT"]
    url: Link
    headers: dict[str, str]
    upload_id: str = Field(description='"" where the file is PUT as a whole, to `url`.')
    part_size: int
    parts: list[UploadLink]
    expires_in: int = Field(description="Seconds.")


class UploadCompleted(Success):
    shot: StoryboardShot | None
    version: Version | None
    music: Music | None
    message: str
