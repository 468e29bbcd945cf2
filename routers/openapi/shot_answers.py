"""The answers about versions of a shot's material and changes of a project's row of shots."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from routers.openapi.answers import Answer, Error, Link, ProjectDetail, Shot, ShotDeleted, Time


class Outdated(Error):
    """What a change was asked for is not as the client knew it any more: here it is."""

    shot: Shot | None = None
    project: ProjectDetail | None = None


class Version(Answer):
    """A version of a shot's image, narration or clip."""

    number: int
    current: bool
    url: Link
    prompt: str = Field(default="", description="Of an image or a clip.")
    text: str = Field(default="", description="Of a narration.")
    seed: int | None
    provider: str
    source: Literal["generated", "upload"]
    created_at: Time
    duration: float | None = Field(default=None, description="Of a narration or a clip, in seconds.")
    width: int | None = Field(default=None, description="Of an image, in pixels.")
    height: int | None = Field(default=None, description="Of an image, in pixels.")


class Versions(Answer):
    versions: list[Version]


class ShotWithVersion(Answer):
    shot: Shot
    version: Version


class ShotRow(Answer):
    shots: list[Shot]


class ShotParts(ShotRow):
    """The parts of a shot, the first one first."""

    undo_until: Time


class ShotMerged(Answer):
    shot: Shot
    undo_until: Time


class ShotSpoken(Answer):
    """The task that speaks the shot, or what was uploaded."""

    task_id: str = ""
    message: str = ""
    project_id: str = ""
    shot_id: str = ""
    shot: Shot | None = None
    version: Version | None = None


class ShotResult(Answer):
    """What became of one of several; `status` as if it had been alone."""

    id: str
    status: int
    shot: Shot | None = None
    error: str = ""
    field: str = ""


class ShotResults(Answer):
    results: list[ShotResult]


class ShotGone(ShotDeleted):
    """A deleted shot."""

    undo_until: Time = Field(default="", description="With `undo`.")


class ProjectBack(Answer):
    project: ProjectDetail
