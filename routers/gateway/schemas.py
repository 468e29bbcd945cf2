"""What clients of `/api` may ask for, where `/v1/api` does not take the same."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from service.fields import MAX_CLIP_S, MIN_CLIP_S, Decimal, OptionalInteger, Prompt
from service.schemas import ModelWishes, NewProject, ProjectOptions, Request


class NewStory(ProjectOptions):
    """POST /api/projects/create."""

    misspelt = {"storytext": "story"}

    story: str

    def project(self) -> NewProject:
        """The same as `/v1/api` asks for it."""
        return NewProject(story_text=self.story, **{name: getattr(self, name) for name in ProjectOptions.model_fields})


class ShotTexts(Request):
    """POST /api/shots/:id/update_prompt; None means "not given". An empty narration leaves the shot silent."""

    clearable = frozenset({"narration"})

    prompt: Prompt | None = None
    narration: str | None = None


class ImageRequest(ModelWishes):
    """POST /api/shots/:id/generate_image; what is not given is the model's own."""


class ClipRequest(ModelWishes):
    """POST /api/shots/:id/generate_video; `duration` in seconds. What is not given is the server's or the model's own."""

    fps: Annotated[OptionalInteger, Field(ge=1, le=60)] = None
    duration: Annotated[Decimal, Field(ge=MIN_CLIP_S, le=MAX_CLIP_S)] | None = None
