"""What a worker process does with one job: ask the provider, leave one file in the job's folder, say what it is."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from worker_node.errors import ProviderError
from worker_node.providers.base import (
    Animator,
    ClipRequest,
    ImageRequest,
    JobRun,
    Made,
    Painter,
    Speaker,
    SpeechRequest,
    StoryRequest,
    Storyteller,
)


def perform(kind: str, provider: Any, job: dict[str, Any], run: JobRun) -> dict[str, Any]:
    """`job` is `{"folder", "request"}`; returns `{"file", ...}` with what `results` needs to know of it. Raises `ProviderError`."""
    folder = Path(job["folder"])
    made = _make(kind, provider, job["request"], folder, run)
    file = folder / made["file"]
    if not file.is_file() or not file.stat().st_size:
        raise ProviderError("模型没有生成文件")
    return made


def _make(kind: str, provider: Any, request: dict[str, Any], folder: Path, run: JobRun) -> dict[str, Any]:
    if kind == "llm":
        return _tell(provider, StoryRequest(**request), folder, run)
    if kind == "t2i":
        return _paint(provider, ImageRequest(**{**request, "references": _paths(request)}), folder, run)
    if kind == "tts":
        return _speak(provider, SpeechRequest(**request), folder, run)
    return _animate(provider, ClipRequest(**{**request, "image": Path(request["image"])}), folder, run)


def _paths(request: dict[str, Any]) -> tuple[Path, ...]:
    return tuple(map(Path, request.get("references", ())))


def _tell(provider: Storyteller, request: StoryRequest, folder: Path, run: JobRun) -> dict[str, Any]:
    told = provider.tell(request, run)
    scenes = [{"scene_id": str(number), **scene.as_dict()} for number, scene in enumerate(told.scenes, 1)]
    name = "storyboard.json"
    (folder / name).write_text(json.dumps(scenes, ensure_ascii=False, indent=2), encoding="utf-8")
    cast = [asdict(character) for character in told.cast]
    return {"file": name, "scenes": scenes, "cast": cast, "note": told.note}


def _paint(provider: Painter, request: ImageRequest, folder: Path, run: JobRun) -> dict[str, Any]:
    from worker_node.painting import paint  # noqa: PLC0415 - who paints nothing starts without its libraries

    name = "image.png"
    made = paint(provider, request, folder / name, run)
    return {"file": name, "prompt": request.prompt, **_how(made)}


def _how(made: Made) -> dict[str, Any]:
    """How it was made, for `made_by`."""
    return {"how": {name: getattr(made, name) for name in ("model", "seed", "prompt")}}


def _speak(provider: Speaker, request: SpeechRequest, folder: Path, run: JobRun) -> dict[str, Any]:
    name = f"audio.{request.format}"
    spoken = provider.speak(request, folder / name, run)
    return {
        "file": name,
        "narration": request.text,
        "seconds": spoken.seconds,
        "unread": list(spoken.unread),
        "words": [[word.text, _down(word.start), _down(word.end)] for word in spoken.words],
    }


def _down(seconds: float) -> float:
    """In whole milliseconds, never beyond the file's end."""
    return int(seconds * 1000) / 1000


def _animate(provider: Animator, request: ClipRequest, folder: Path, run: JobRun) -> dict[str, Any]:
    from worker_node.animating import animate  # noqa: PLC0415 - see `_paint`

    name = "clip.mp4"
    made, clip = animate(provider, request, folder / name, run)
    whole = clip.rate.denominator == 1
    return {
        "file": name,
        "fps": clip.rate.numerator if whole else round(float(clip.rate), 3),
        "resolution": f"{request.width}x{request.height}",
        "seconds": clip.seconds,
        **_how(made),
    }
