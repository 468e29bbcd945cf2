"""What a client may ask for, validated. Field names are the parameters' snake_case spelling; limits that depend on settings are
checked by `parse`, which turns every violation into an `InvalidInput` naming the field and the limit."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Request(BaseModel):
    """Unknown parameters are ignored: clients in the field send misspelt ones."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class NewProject(Request):
    """POST /v1/api/projects."""

    title: str = ""
    story_text: str
    style: str = ""
    description: str = ""
    shot_count: int | None = None


class ProjectChanges(Request):
    """PUT /v1/api/projects/:id; None means "not given": the field keeps its value."""

    title: str | None = None
    description: str | None = None
    story_text: str | None = None
    style: str | None = None
    shot_count: int | None = None


class ShotChanges(Request):
    """POST .../shots/:id; None means "not given"."""

    title: str | None = None
    prompt: str | None = None
    transition: str | None = None
    style: str | None = None
    narration: str | None = None


class FilmRequest(Request):
    """POST .../video: the whole film, or one shot's clip where `shot_id` is given. None or "" means the configured default."""

    shot_id: str = ""
    resolution: str = ""
    fps: int | None = None
    format: str = "mp4"
    bitrate: int | None = None  # kbit/s
    rate_control: Literal["crf", "cbr", "2pass"] = "crf"
    mode: Literal["preview", "final", "high"] = "final"
    first_seconds: float | None = None
    subtitles: Literal["burned", "soft", "both", "off", ""] = ""
    narration: Literal["auto", "none"] = "auto"
    music: str = ""  # an id from GET /v1/api/music, "auto", or "" for none
    transition: str = ""
    fit: Literal["crop", "blur"] = "crop"
    intro: float = 0.0
    outro: float = 0.5
    encoder: Literal["x264", "nvenc", "qsv", "vaapi", "videotoolbox"] = "x264"
    export: Literal["cloud", "local"] = "cloud"
    strict: bool = False


class NarrationRequest(Request):
    """POST .../tts."""

    voice: str = ""
    lang: str = ""
    sample_rate: int = 0
    format: str = ""
    speed: float | None = None


class PageRequest(Request):
    """GET lists."""

    page: int = 1
    page_size: int = 20
    q: str = ""
