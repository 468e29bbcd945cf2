"""Finding the scenes in what a node calls a storyboard.

Language models name and nest things as they please: the list may stand beside others, deeper, keyed by number or as a text; a scene's
words may come in parts. What can be understood is; nothing that a scene has to say is dropped in silence.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from common.errors import BadNodeResult
from service.node.interface import Character, Scene
from service.node.model_json import read_model_json
from service.node.responses import clean_text, told_reason

MAX_SCENES = 200
MAX_CAST, MAX_NAME, MAX_LOOK = 50, 255, 1000
MAX_TITLE, MAX_PROMPT, MAX_NARRATION, MAX_BGM = 255, 4000, 20_000, 255
MAX_DEPTH = 8  # of lists and objects within each other

# Keys are compared in small letters, without what divides their words.
NARRATION = (
    *("narration", "narrationtext", "voiceover", "voiceovertext", "narrator", "dialogue", "dialog", "script"),
    *("旁白", "旁白文案", "解说", "解说词", "配音", "台词"),
)
PROMPT = (
    *("prompt", "imageprompt", "visualprompt", "visualdescription", "imagedescription", "positiveprompt", "visual"),
    *("画面", "画面描述", "画面提示词", "提示词", "图像描述", "图片描述"),
)
# Of what is a scene by the names above, where those have nothing to speak, or to paint.
ELSE_SPOKEN = (
    "text",
    "content",
    "caption",
    "subtitle",
    "subtitles",
    "speech",
    "line",
    "lines",
    "story",
    "文案",
    "字幕",
    "内容",
    "文本",
)
ELSE_PAINTED = ("description", "scenedescription", "image", "picture", "scene", "场景", "场景描述", "描述")
TITLE, BGM = ("title", "scenetitle", "标题"), ("bgm", "音乐", "背景音乐")
SCENES = ("scenes", "shots", "generatedshots", "storyboard", "taskshots", "分镜", "镜头", "分镜列表")
OTHERS = (
    "characters",
    "cast",
    "roles",
    "props",
    "locations",
    "styles",
    "warnings",
    "errors",
    "角色",
    "人物",
    "道具",
    "场地",
)
WORDS = ("text", "content", "line", "narration", "positive", "prompt", "description", "value", "内容", "文本")
"""Of an object that stands where a text should: where its text is. Other keys say who speaks, or how."""

_HAN_OR_KANA = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:[-_][A-Za-z]{2,4})?")

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


def cast_inside(result: Mapping[str, Any]) -> list[Character]:
    """The cast that our own node gives beside the scenes: each name once; what is no person of a name is left out."""
    listed = result.get("cast")
    found: dict[str, Character] = {}
    for item in listed[:MAX_CAST] if isinstance(listed, list) else []:
        if isinstance(item, dict) and (name := clean_text(item.get("name"), MAX_NAME)):
            looks = (clean_text(item.get(key), MAX_LOOK) for key in ("look_zh", "look_en"))
            found.setdefault(name, Character(name, *looks))
    return list(found.values())


def scenes_in_file(content: bytes) -> list[Scene]:
    """The scenes of a storyboard file. Raises `BadNodeResult` when there are none, with the node's reason where the file gives one."""
    try:
        found = read_model_json(content)
    except ValueError as error:
        excerpt = clean_text(" ".join(content[:1200].decode("utf-8", "replace").split()), 300) or "（空）"
        raise BadNodeResult(f"模型节点的分镜不是 JSON：{excerpt}") from error
    scenes = _scenes(found)
    if not scenes:
        why = told_reason(found) if isinstance(found, dict) else ""
        raise BadNodeResult(f"模型节点的分镜里没有任何镜头{'：' + why if why else ''}")
    return scenes


def _scenes(content: object) -> list[Scene]:
    return [scene for scene in map(_scene, _items(content)[:MAX_SCENES]) if scene.prompt or scene.narration]


def _scene(item: Item) -> Scene:
    """A scene without words to speak, or without an image to paint, makes do with the other."""
    narration = clean_text(_text(_first(item, (*NARRATION, *ELSE_SPOKEN)), _spoken), MAX_NARRATION)
    prompt = clean_text(_text(_first(item, (*PROMPT, *ELSE_PAINTED)), ", ".join), MAX_PROMPT) or narration[:MAX_PROMPT]
    title, bgm = (_text(_first(item, names), " ".join) for names in (TITLE, BGM))
    return Scene(clean_text(title, MAX_TITLE), prompt, narration, clean_text(bgm, MAX_BGM))


def _items(content: object, depth: int = 0) -> list[Item]:
    """What may be scenes, in order: the best that is to be found in lists and objects, and in texts that are JSON themselves."""
    if depth > MAX_DEPTH:
        return []
    if isinstance(content, str):
        return _items_of_text(content, depth)
    if isinstance(content, list):
        return _items_of_list(content, depth)
    return _items_of_object(content, depth) if isinstance(content, dict) else []


def _items_of_text(text: str, depth: int) -> list[Item]:
    if "{" not in text and "[" not in text:
        return []
    try:
        return _items(read_model_json(text), depth + 1)
    except ValueError:
        return []


def _items_of_list(content: list[object], depth: int) -> list[Item]:
    own = [_unwrapped(item) for item in content if isinstance(item, dict)]
    if any(map(_is_scene, own)):
        return own
    return [found for part in content for found in _items(part, depth + 1)]


def _items_of_object(content: dict[str, Any], depth: int) -> list[Item]:
    if _is_scene(content):
        return [content]
    values = _numbered(content) or list(content.values())
    own: list[Item] = [value for value in values if isinstance(value, dict) and _is_scene(value)]
    candidates = [(False, own)]
    for name, value in content.items():
        key = _folded(name)
        if key not in OTHERS:
            is_named = key in SCENES
            candidates.append((is_named, (_told(value) if is_named else []) or _items(value, depth + 1)))
    return max(candidates, key=lambda candidate: _worth(*candidate))[1]


def _told(value: object) -> list[Item]:
    """Scenes that are nothing but what is told in them."""
    texts = [part for part in value if isinstance(part, str)] if isinstance(value, list) else []
    plain = (
        isinstance(value, list)
        and len(texts) == len(value)
        and not any(text.strip()[:1] in ("[", "{") for text in texts)
    )
    return [{"narration": text} for text in texts] if plain else []


def _worth(is_named: bool, items: list[Item]) -> tuple[bool, bool, int]:
    """Scenes have words to speak; a cast has prompts at most."""
    spoken = sum(1 for item in items if _first(item, NARRATION))
    return bool(items) and is_named, spoken > 0, spoken or len(items)


def _numbered(content: dict[str, Any]) -> list[object]:
    """The values of an object whose keys count (`1`, `scene_2`, `镜头3`), by number; empty for any other."""
    numbers = {name: re.findall(r"[0-9]{1,6}", str(name)) for name in content}
    if not content or not all(numbers.values()):
        return []
    return [content[name] for name in sorted(content, key=lambda name: [int(number) for number in numbers[name]])]


def _unwrapped(item: dict[str, Any]) -> Item:
    """A scene may be the only object within an object: `{"scene": {...}}`."""
    inner = [value for value in item.values() if isinstance(value, dict)]
    return inner[0] if len(inner) == 1 and not _is_scene(item) and _is_scene(inner[0]) else item


def _is_scene(item: Item) -> bool:
    return bool(_first(item, NARRATION) or _first(item, PROMPT))


def _folded(name: object) -> str:
    return re.sub(r"[\s_-]+", "", str(name)).lower()


def _first(item: Item, names: tuple[str, ...]) -> object:
    """The first of these values that says anything."""
    said = {
        _folded(name): value
        for name, value in item.items()
        if not isinstance(value, bool) and value not in (None, "", [], {})
    }
    return next((said[name] for name in names if name in said), None)


def _text(value: object, join: Callable[[list[str]], str]) -> str:
    return join([part for part in (part.strip() for part in _parts(value)) if part])


def _parts(value: object, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        listed = _listed(value)
        yield from [value] if listed is None else listed
    elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        yield str(value)
    elif isinstance(value, list | dict) and depth < MAX_DEPTH:
        for part in value if isinstance(value, list) else _words_of(value):
            yield from _parts(part, depth + 1)


def _listed(text: str) -> list[str] | None:
    """The texts of a list that was written as a text."""
    if not text.lstrip().startswith('["'):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) and all(isinstance(part, str) for part in found) else None


def _words_of(value: dict[str, Any]) -> list[object]:
    """The text in an object, or its texts in order: of several languages the first, and nothing that is not wanted in a picture."""
    wanted = {name: part for name, part in value.items() if not _folded(name).startswith("negative")}
    found = next((wanted[name] for name in WORDS if wanted.get(name)), None)
    if found is not None:
        return [found]
    parts = _numbered(wanted) or list(wanted.values())
    return parts[:1] if all(_LANGUAGE.fullmatch(str(name)) for name in wanted) else parts


def _spoken(parts: list[str]) -> str:
    """Sentences of Chinese or Japanese stand side by side, others have a blank between them."""
    text = parts[:1]
    for before, after in pairwise(parts):
        dense = _HAN_OR_KANA.match(before[-1]) or _HAN_OR_KANA.match(after[0])
        text.append(after if dense else f" {after}")
    return "".join(text)
