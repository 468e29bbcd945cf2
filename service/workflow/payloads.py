"""The `parameters` and `result` objects of a task, as the wire knows them (keys in snake_case, but for `shotId` and `storyText`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service import shapes
from service.schemas import FilmRequest, ModelWishes, NarrationRequest

Parameters = dict[str, Any]


def storyboard(story_text: str, style: str, shot_count: int, *, telling: str | None = "") -> Parameters:
    """For `generate_storyboard`: all four groups, the others with empty values, as the Go backend writes them."""
    ours = {"telling": telling} if telling else {}
    return {
        "shot_defaults": {"shot_count": shot_count, "style": style, "storyText": story_text, **ours},
        "shot": {
            "transition": "",
            "image_width": "",
            "image_height": "",
            "prompt": "",
            "style": "",
            "image_llm": "",
            "generate_tts": False,
        },
        "video": {"resolution": "", "fps": 0, "format": "", "bitrate": 0},
        "tts": {"voice": "", "lang": "", "sample_rate": 0, "format": ""},
    }


def image(
    shot_id: str,
    *,
    prompt: str = "",
    style: str = "",
    transition: str = "",
    aspect: str | None = "",
    depends_on: list[str],
    wishes: Mapping[str, Any] | None = None,
) -> Parameters:
    """For `generate_shot`; `wishes` are those for its model (`ModelWishes`)."""
    return {
        "shot": {
            "transition": transition,
            "shotId": shot_id,
            **image_size(aspect),
            "prompt": prompt,
            "style": style,
            "image_llm": "",
            "generate_tts": False,
            **(wishes or {}),
        },
        "depends_on": depends_on,
    }


def image_size(aspect: str | None) -> Parameters:
    """Of a project's images, in pixels, as text: a model node answers 422 to a number."""
    width, height = shapes.image_size(aspect)
    return {"image_width": str(width), "image_height": str(height)}


ASKED = "asked"
"""Of one shot's narration: the voice and the language that its client named, "" where it left them to cast and project."""


def narration(
    request: NarrationRequest, *, shot_id: str = "", text: str = "", asked: NarrationRequest | None = None
) -> Parameters:
    """For `generate_audio`: one shot's when `shot_id` is given, else the parent of a whole project's.

    `asked` is the request before cast and project had their say.
    """
    tts: Parameters = {
        "voice": request.voice,
        "lang": request.lang,
        "sample_rate": request.sample_rate,
        "format": request.format or "mp3",
    }
    if request.speed is not None:
        tts["speed"] = request.speed
    if not shot_id:
        return {"tts": tts, "depends_on": []}
    own = {} if asked is None else {ASKED: {"voice": asked.voice, "lang": asked.lang}}
    return {"shot": {"shotId": shot_id}, "tts": {**tts, "text": text}, "depends_on": [], **own}


def film(request: FilmRequest, *, resolution: str, fps: int, depends_on: list[str]) -> Parameters:
    """For `generate_video`. `video` holds what clients decode (whole numbers only); `film` the whole request."""
    return {
        "video": {
            "resolution": resolution,
            "fps": fps,
            "format": request.format or "mp4",
            "bitrate": request.bitrate or 0,
        },
        "film": request.model_dump(exclude=set(ModelWishes.model_fields)),
        "depends_on": depends_on,
    }


def clip(request: FilmRequest, *, shot_id: str, prompt: str, resolution: str, fps: int) -> Parameters:
    """For `generate_video` of one shot. The node's own length holds where none was given."""
    made = film(request, resolution=resolution, fps=fps, depends_on=[])
    if request.duration is not None:
        made["video"]["duration"] = request.duration
    return {**made, "shot": {"shotId": shot_id, "prompt": prompt, **request.wishes()}}


def result(resource_type: str, job_id: str, url: str = "") -> Parameters:
    """A task's `result`; `job_id` is the model node's job, `url` an object key (or, of a storyboard, a path on the node)."""
    return {"resource_type": resource_type, "resource_id": job_id, "resource_url": url}
