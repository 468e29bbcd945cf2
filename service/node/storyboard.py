"""Finding the scenes in what a node calls a storyboard.

Language models name and nest things as they please: the list may stand beside others, deeper, keyed by number or as a text; a scene's
words may come in parts. What can be understood is; nothing that a scene has to say is dropped in silence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import json_repair

from common.errors import BadNodeResult
from service.node.interface import Scene
from service.node.responses import clean_text, told_reason

MAX_SCENES = 200
MAX_TITLE, MAX_PROMPT, MAX_NARRATION, MAX_BGM = 255, 4000, 20_000, 255
MAX_DEPTH = 8  # of lists and objects within each other
MAX_REPAIR = 1 << 20  # characters; a language model's answer is a tenth of it

NARRATION = ("narration", "voiceover", "voice_over", "旁白")
PROMPT = ("prompt", "image_prompt", "visual_prompt", "画面")
SCENES = ("scenes", "shots", "generated_shots", "storyboard", "分镜", "镜头")
WORDS = ("text", "content", "line", "narration", "prompt", "description", "value")
"""Of an object that stands where a text should: where its text is. Other keys say who speaks, or how."""

_THOUGHTS = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"```[^\n`]*\n(.*?)(?:\n\s*```|\Z)", re.DOTALL)
_HAN_OR_KANA = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")

Item = Mapping[str, Any]


def scenes_inside(result: Mapping[str, Any]) -> list[Scene]:
    """The scenes that stand in the result itself, at its top or under `legacy`: in `task_shots.generated_shots`, else in `storyboard`.

    Empty when none do.
    """
    legacy = result.get("legacy")
    for holder in (result, legacy if isinstance(legacy, dict) else {}):
        for name in ("task_shots", "storyboard"):
            scenes = _scenes(holder.get(name))
            if scenes:
                return scenes
    return []


def scenes_in_file(content: bytes) -> list[Scene]:
    """The scenes of a storyboard file. Raises `BadNodeResult` when there are none, with the node's reason where the file gives one."""
    found = _parsed(content.decode("utf-8", "replace"))
    scenes = _scenes(found)
    if not scenes:
        why = told_reason(found) if isinstance(found, dict) else ""
        raise BadNodeResult(f"模型节点的分镜里没有任何镜头{'：' + why if why else ''}")
    return scenes


def _parsed(text: str) -> object:
    """JSON, or what a language model makes of it: behind its thoughts, in fences, with words around it, with a comma too many, cut off."""
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return _repaired(text)
    return found


def _repaired(text: str) -> object:
    answer = _THOUGHTS.sub("", text)
    fenced = _FENCE.search(answer)
    answer = fenced.group(1) if fenced else answer
    begin = min((at for at in map(answer.find, "[{") if at >= 0), default=-1)
    found: object = None
    if begin >= 0 and len(answer) <= MAX_REPAIR:
        try:
            found = json_repair.loads(answer[begin:])
        except (ValueError, RecursionError):
            found = None
    if not isinstance(found, dict | list):
        raise BadNodeResult(f"模型节点的分镜不是 JSON：{clean_text(' '.join(text[:1200].split()), 300) or '（空）'}")
    return found


def _scenes(content: object) -> list[Scene]:
    return [scene for scene in map(_scene, _items(content)[:MAX_SCENES]) if scene.prompt or scene.narration]


def _scene(item: Item) -> Scene:
    """A scene without words to speak, or without an image to paint, makes do with the other."""
    narration = clean_text(_text(_first(item, NARRATION), _spoken), MAX_NARRATION)
    prompt = clean_text(_text(_first(item, PROMPT), ", ".join), MAX_PROMPT) or narration[:MAX_PROMPT]
    return Scene(clean_text(item.get("title"), MAX_TITLE), prompt, narration, clean_text(item.get("bgm"), MAX_BGM))


def _items(content: object, depth: int = 0) -> list[Item]:
    """What may be scenes, in order: the best that is to be found in lists and objects, and in texts that are JSON themselves."""
    if depth > MAX_DEPTH:
        return []
    if isinstance(content, str) and content.lstrip()[:1] in ("[", "{"):
        try:
            return _items(json.loads(content), depth + 1)
        except (ValueError, RecursionError):
            return []
    if isinstance(content, list):
        return _items_of_list(content, depth)
    return _items_of_object(content, depth) if isinstance(content, dict) else []


def _items_of_list(content: list[object], depth: int) -> list[Item]:
    own = [_unwrapped(item) for item in content if isinstance(item, dict)]
    if any(map(_is_scene, own)):
        return own
    return [found for part in content if isinstance(part, dict | list) for found in _items(part, depth + 1)]


def _items_of_object(content: dict[str, Any], depth: int) -> list[Item]:
    numbered = _numbered(content)
    if numbered:
        return _items(numbered, depth + 1)
    if _is_scene(content):
        return [content]
    candidates = [(str(name).lower() in SCENES, _items(value, depth + 1)) for name, value in content.items()]
    return max(candidates, key=lambda candidate: _worth(*candidate), default=(False, []))[1]


def _worth(is_named: bool, items: list[Item]) -> tuple[bool, bool, int]:
    """Scenes have words to speak; a cast has prompts at most."""
    spoken = sum(1 for item in items if _first(item, NARRATION))
    return bool(items) and is_named, spoken > 0, spoken or len(items)


def _numbered(content: dict[str, Any]) -> list[object]:
    """The values of an object whose keys count (`1`, `scene_2`, `镜头3`), by number; empty for any other."""
    numbers = {name: re.findall(r"\d{1,6}", str(name)) for name in content}
    if not content or not all(numbers.values()) or not all(isinstance(value, dict) for value in content.values()):
        return []
    return [content[name] for name in sorted(content, key=lambda name: [int(number) for number in numbers[name]])]


def _unwrapped(item: dict[str, Any]) -> Item:
    """A scene may be the only object within an object: `{"scene": {...}}`."""
    inner = [value for value in item.values() if isinstance(value, dict)]
    return inner[0] if len(inner) == 1 and not _is_scene(item) and _is_scene(inner[0]) else item


def _is_scene(item: Item) -> bool:
    return bool(_first(item, NARRATION) or _first(item, PROMPT))


def _first(item: Item, names: tuple[str, ...]) -> object:
    """The first of these values that says anything; keys count in any case of their letters."""
    lower = {str(name).lower(): value for name, value in item.items()} if item else {}
    return next((lower[name] for name in names if lower.get(name) not in (None, "", [], {}, False, True)), None)


def _text(value: object, join: Callable[[list[str]], str]) -> str:
    return join([part for part in (part.strip() for part in _parts(value)) if part])


def _parts(value: object, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)
    elif isinstance(value, list | dict) and depth < MAX_DEPTH:
        for part in value if isinstance(value, list) else _words_of(value):
            yield from _parts(part, depth + 1)


def _words_of(value: dict[str, Any]) -> list[object]:
    return next(([value[name]] for name in WORDS if value.get(name)), list(value.values()))


def _spoken(parts: list[str]) -> str:
    """Sentences of Chinese or Japanese stand side by side, others have a blank between them."""
    text = parts[0] if parts else ""
    for before, after in pairwise(parts):
        dense = _HAN_OR_KANA.match(before[-1]) or _HAN_OR_KANA.match(after[0])
        text += after if dense else f" {after}"
    return text
