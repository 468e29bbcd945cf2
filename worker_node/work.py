"""What a worker process does with one job: ask the provider, leave one file in the job's folder, say what it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from worker_node.errors import ProviderError
from worker_node.providers.base import (
    Animator,
    ClipRequest,
    ImageRequest,
    Painter,
    Report,
    Speaker,
    SpeechRequest,
    StoryRequest,
    Storyteller,
)


def perform(kind: str, provider: Any, job: dict[str, Any], report: Report) -> dict[str, Any]:
    """`job` is `{"folder", "request"}`; returns `{"file", ...}` with what `results` needs to know of it. Raises `ProviderError`."""
    folder = Path(job["folder"])
    made = _make(kind, provider, job["request"], folder, report)
    file = folder / made["file"]
    if not file.is_file() or not file.stat().st_size:
        raise ProviderError("模型没有生成文件")
    return made


def _make(kind: str, provider: Any, request: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    if kind == "llm":
        return _tell(provider, StoryRequest(**request), folder, report)
    if kind == "t2i":
        return _paint(provider, ImageRequest(**request), folder, report)
    if kind == "tts":
        return _speak(provider, SpeechRequest(**request), folder, report)
    return _animate(provider, ClipRequest(**{**request, "image": Path(request["image"])}), folder, report)


def _tell(provider: Storyteller, request: StoryRequest, folder: Path, report: Report) -> dict[str, Any]:
    scenes = [
        {"scene_id": str(number), **scene.as_dict()} for number, scene in enumerate(provider.tell(request, report), 1)
    ]
    name = "storyboard.json"
    (folder / name).write_text(json.dumps(scenes, ensure_ascii=False, indent=2), encoding="utf-8")
    return {"file": name, "scenes": scenes}


def _paint(provider: Painter, request: ImageRequest, folder: Path, report: Report) -> dict[str, Any]:
    name = "image.png"
    provider.paint(request, folder / name, report)
    return {"file": name, "prompt": request.prompt}


def _speak(provider: Speaker, request: SpeechRequest, folder: Path, report: Report) -> dict[str, Any]:
    name = f"audio.{request.format}"
    seconds, unread = provider.speak(request, folder / name, report)
    return {"file": name, "narration": request.text, "seconds": seconds, "unread": list(unread)}


def _animate(provider: Animator, request: ClipRequest, folder: Path, report: Report) -> dict[str, Any]:
    name = "clip.mp4"
    provider.animate(request, folder / name, report)
    return {
        "file": name,
        "fps": request.fps,
        "resolution": f"{request.width}x{request.height}",
        "seconds": max(1, round(request.seconds * request.fps)) / request.fps,
    }
