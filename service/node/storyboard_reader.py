"""Reading a storyboard, wherever a node puts it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.errors import BadNodeResult
from service.node.job import Scene

MAX_SCENES = 200
MAX_TITLE, MAX_PROMPT, MAX_NARRATION, MAX_BGM = 255, 4000, 20_000, 255


def scenes_inside(result: Mapping[str, Any]) -> list[Scene]:
    """The scenes that stand in the result itself: `task_shots.generated_shots`, at its top or under `legacy`. Empty when none do."""
    legacy = result.get("legacy")
    for holder in (result, legacy if isinstance(legacy, dict) else {}):
        shots = holder.get("task_shots")
        if isinstance(shots, dict):
            shots = shots.get("generated_shots")
        scenes = _scenes(shots)
        if scenes:
            return scenes
    return []


def scenes_in_file(content: object) -> list[Scene]:
    """The scenes of a storyboard file: a list, or an object that holds one. Raises `BadNodeResult` when there is none."""
    if isinstance(content, dict):
        content = next((value for value in content.values() if isinstance(value, list)), None)
    scenes = _scenes(content)
    if not scenes:
        raise BadNodeResult("模型节点的分镜里没有任何镜头")
    return scenes


def _scenes(items: object) -> list[Scene]:
    if not isinstance(items, list):
        return []
    found = [_scene(item) for item in items[:MAX_SCENES] if isinstance(item, dict)]
    return [scene for scene in found if scene.prompt or scene.narration]


def _scene(item: Mapping[str, Any]) -> Scene:
    """A scene without words to speak, or without a picture to paint, makes do with the other."""
    narration = _text(item.get("narration"), MAX_NARRATION)
    prompt = _text(item.get("prompt"), MAX_PROMPT) or narration[:MAX_PROMPT]
    return Scene(_text(item.get("title"), MAX_TITLE), prompt, narration, _text(item.get("bgm"), MAX_BGM))


def _text(value: object, limit: int) -> str:
    return value.replace("\x00", "").strip()[:limit] if isinstance(value, str) else ""
