"""Reading a storyboard, wherever a node puts it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.errors import BadNodeResult
from service.node.job import Scene
from service.node.text import clean

MAX_SCENES = 200
MAX_TITLE, MAX_PROMPT, MAX_NARRATION, MAX_BGM = 255, 4000, 20_000, 255


def scenes_inside(result: Mapping[str, Any]) -> list[Scene]:
    """The scenes that stand in the result itself, at its top or under `legacy`: in `task_shots.generated_shots`, else in `storyboard`.

    Empty when none do.
    """
    legacy = result.get("legacy")
    for holder in (result, legacy if isinstance(legacy, dict) else {}):
        for name in ("task_shots", "storyboard"):
            scenes = _scenes(_list_in(holder.get(name)))
            if scenes:
                return scenes
    return []


def scenes_in_file(content: object) -> list[Scene]:
    """The scenes of a storyboard file: a list, or an object that holds one. Raises `BadNodeResult` when there is none."""
    scenes = _scenes(_list_in(content))
    if not scenes:
        raise BadNodeResult("模型节点的分镜里没有任何镜头")
    return scenes


def _list_in(content: object) -> object:
    if isinstance(content, dict):
        return next((value for value in content.values() if isinstance(value, list)), None)
    return content


def _scenes(items: object) -> list[Scene]:
    if not isinstance(items, list):
        return []
    found = [_scene(item) for item in items[:MAX_SCENES] if isinstance(item, dict)]
    return [scene for scene in found if scene.prompt or scene.narration]


def _scene(item: Mapping[str, Any]) -> Scene:
    """A scene without words to speak, or without a picture to paint, makes do with the other."""
    narration = clean(item.get("narration"), MAX_NARRATION)
    prompt = clean(item.get("prompt"), MAX_PROMPT) or narration[:MAX_PROMPT]
    return Scene(clean(item.get("title"), MAX_TITLE), prompt, narration, clean(item.get("bgm"), MAX_BGM))
