"""Answers written down otherwise than in JSON: with other punctuation, or in another notation altogether."""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Scene = dict[str, Any]

CHINESE_KEYS = {
    "scenes": "分镜",
    "scene_id": "镜号",
    "title": "标题",
    "prompt": "提示词",
    "narration": "旁白",
    "bgm": "配乐",
}
SYNONYMS = {"title": "name", "prompt": "image_prompt", "narration": "voiceover", "scene_id": "number", "bgm": "music"}


def text_of(value: Any) -> str:
    """Plain JSON, in the script that it is in."""
    return json.dumps(value, ensure_ascii=False)


def scenes_of(answer: Any) -> list[Scene]:
    """The scenes within a right answer, whatever they are called there."""
    if isinstance(answer, list):
        return answer
    lists = (each for each in answer.values() if isinstance(each, list) and each and isinstance(each[0], dict))
    return next(lists, [answer])


def with_scenes(answer: Any, scenes: Any) -> Any:
    """The answer with these scenes in place of its own."""
    old = scenes_of(answer)
    if isinstance(answer, list) or old == [answer]:
        return scenes
    return {name: scenes if value is old else value for name, value in answer.items()}


def each_scene(answer: Any, change: Callable[[Scene], Any]) -> Any:
    """The answer with every scene changed."""
    return with_scenes(answer, [change(scene) for scene in scenes_of(answer)])


def renamed(value: Any, name: Callable[[str], str]) -> Any:
    """The same with other keys."""
    if isinstance(value, dict):
        return {name(key): renamed(each, name) for key, each in value.items()}
    return [renamed(each, name) for each in value] if isinstance(value, list) else value


def shown(value: Any) -> str:
    """A value as prose has it."""
    return value if isinstance(value, str) else text_of(value)


@dataclass(frozen=True)
class Style:
    """JSON with other punctuation."""

    quote: Callable[[str], str] = text_of
    key: Callable[[str], str] | None = None
    comma: str = ", "
    colon: str = ": "
    before_close: str = ""
    array: str = "[]"
    object: str = "{}"

    def __call__(self, value: Any) -> str:
        """The text of a value."""
        if isinstance(value, dict):
            key = self.key or self.quote
            return self._closed([key(name) + self.colon + self(each) for name, each in value.items()], self.object)
        if isinstance(value, list):
            return self._closed([self(each) for each in value], self.array)
        return self.quote(value) if isinstance(value, str) else text_of(value)

    def _closed(self, parts: list[str], brackets: str) -> str:
        return brackets[0] + self.comma.join(parts) + self.before_close + brackets[1]


def within(left: str, right: str) -> Callable[[str], str]:
    """Quotes of another kind."""
    return lambda text: f"{left}{text}{right}"


def yaml(answer: Any) -> str:
    """A list of mappings."""
    lines = ["scenes:"]
    for scene in scenes_of(answer):
        lines += [f"{'    ' if at else '  - '}{name}: {shown(value)}" for at, (name, value) in enumerate(scene.items())]
    return "\n".join(lines) + "\n"


def table(answer: Any) -> str:
    """A Markdown table."""
    scenes = scenes_of(answer)
    rows = [list(scenes[0]), ["---"] * len(scenes[0]), *([shown(value) for value in each.values()] for each in scenes)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def html_table(answer: Any) -> str:
    """A table of a web page."""
    scenes = scenes_of(answer)
    rows = [list(scenes[0]), *([shown(value) for value in scene.values()] for scene in scenes)]
    return (
        "<table>"
        + "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
        + "</table>"
    )


def csv_text(answer: Any) -> str:
    """Comma-separated values below their names."""
    scenes, out = scenes_of(answer), io.StringIO()
    writer = csv.DictWriter(out, list(scenes[0]), quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows({name: shown(value) for name, value in scene.items()} for scene in scenes)
    return out.getvalue()


def xml(answer: Any) -> str:
    """An element a scene, an element a field."""
    scenes = [
        "".join(f"<{name}>{html.escape(shown(value))}</{name}>" for name, value in each.items())
        for each in scenes_of(answer)
    ]
    return '<?xml version="1.0"?>\n<scenes>' + "".join(f"<scene>{scene}</scene>" for scene in scenes) + "</scenes>"


def prose(heading: str, field: str, between: str = "\n\n", keys: dict[str, str] | None = None) -> Callable[[Any], str]:
    """Scenes one after the other, each below a heading with its `{number}`, each `field` with its `{name}` and `{value}`."""

    def write(answer: Any) -> str:
        parts = []
        for number, scene in enumerate(scenes_of(answer), 1):
            lines = [
                field.format(name=(keys or {}).get(name, name), value=shown(value)) for name, value in scene.items()
            ]
            parts.append("\n".join([heading.format(number=number), *lines]).strip())
        return between.join(parts)

    return write
