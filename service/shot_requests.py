"""What a client may ask for of a project's shots, beside `ShotChanges`; read by `service.schemas.parse`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from service.fields import Id, Integer, Name, Prompt, Word
from service.film.spec import MAX_SHOTS
from service.schemas import Request

Motion = Annotated[Literal["auto", "none", ""], Word]


class ShotUpload(Request):
    """POST .../shots/:id/:kind, beside the file."""


class UndoRequest(Request):
    """DELETE of a shot or a project: `undo`, and it can be had back for an hour."""

    undo: bool = False


class NewShot(Request):
    """POST .../shots. `after` is a shot's id; null: at the start; left out: at the end."""

    after: Id | None = None
    title: str = ""
    prompt: Prompt = ""
    narration: str = ""
    transition: Name = ""
    motion: Motion = ""


class ShotPatch(Request):
    """PATCH .../shots/:id; None means "not given", and "" empties."""

    clearable = frozenset({"title", "prompt", "narration", "transition", "motion"})

    title: str | None = None
    prompt: Prompt | None = None
    narration: str | None = None
    transition: Name | None = None
    motion: Motion | None = None


class ShotPatches(Request):
    """PATCH .../shots; each item is read as a `ShotPatch`, and answered by itself."""

    shots: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MAX_SHOTS)]


class ShotSplit(Request):
    """POST .../shots/:id/split; `at` counts characters of the narration."""

    at: Annotated[Integer, Field(ge=1)]


class ShotOrder(Request):
    """PUT .../shots/order: all of the project's shots."""

    order: Annotated[list[Id], Field(max_length=MAX_SHOTS)]
