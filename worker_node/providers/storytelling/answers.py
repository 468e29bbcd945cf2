"""What a model is asked to answer: the cast of a story, and its scenes; as JSON schema, as an example, and as read from its answer."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from worker_node.providers.offline.markup import plain
from worker_node.providers.storytelling.reading import read_records
from worker_node.providers.storytelling.records import Form, Record

MAX_TITLE, MAX_PROMPT, MAX_BGM, MAX_LOOK, MAX_NAME = 60, 1200, 60, 300, 40
MAX_NARRATION = 20_000

SCENE = Form(
    {
        "scene_id": ("id", "scene", "shot", "number", "no", "index", "part", "镜号", "序号", "编号", "镜头", "场景"),
        "title": ("name", "scenetitle", "heading", "标题", "题目", "名称"),
        "prompt": (
            "imageprompt", "description", "visual", "picture", "image", "imagedescription",
            "提示词", "画面", "画面提示词", "画面描述", "图片提示词",
        ),
        "narration": ("voiceover", "narrative", "text", "旁白", "解说", "台词"),
        "bgm": ("music", "musicwords", "backgroundmusic", "配乐", "音乐", "背景音乐"),
        "who": ("characters", "cast", "persons", "people", "人物", "角色"),
    },
    ("prompt",),
)  # fmt: skip
CHARACTER = Form(
    {
        "name": ("character", "title", "名字", "姓名", "角色", "人物", "名称", "标题"),
        "look_zh": ("appearancezh", "lookchinese", "中文外貌", "外貌中文", "外貌", "中文"),
        "look_en": ("appearanceen", "appearance", "look", "description", "lookenglish", "英文外貌", "外貌英文", "英文"),
    },
    ("name", "look_en"),
)


def _line(longest: int) -> BeforeValidator:
    """One line of visible text without markup, so long at most."""

    def tidy(value: object) -> str:
        text = " ".join(plain(str(value or "")).split())
        text = "".join(each for each in text if each.isprintable())
        return "" if "\ufffd" in text else text[:longest].rstrip()

    return BeforeValidator(tidy)


def _number(value: object) -> int:
    found = re.search(r"[0-9]{1,4}", str(value or ""))
    return int(found[0]) if found else 0


class SceneAnswer(BaseModel):
    """A scene as a model gives it; "" and 0 for what it leaves out."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    scene_id: Annotated[int, BeforeValidator(_number)] = 0
    title: Annotated[str, _line(MAX_TITLE)] = ""
    prompt: Annotated[str, _line(MAX_PROMPT)]
    narration: Annotated[str, _line(MAX_NARRATION)] = ""
    bgm: Annotated[str, _line(MAX_BGM)] = ""
    who: Annotated[str, _line(MAX_LOOK)] = ""


class CharacterAnswer(BaseModel):
    """Somebody of the cast as a model gives them."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: Annotated[str, _line(MAX_NAME)]
    look_zh: Annotated[str, _line(MAX_LOOK)] = ""
    look_en: Annotated[str, _line(MAX_LOOK)]


def scenes_in(answer: str, count: int) -> dict[int, SceneAnswer]:
    """The scenes of an answer by their part's number, from 1 to `count`."""
    found = [scene for record in read_records(answer, SCENE, count) if (scene := _scene(record)) is not None]
    return _by_number(found, count)


def _scene(record: Record) -> SceneAnswer | None:
    try:
        scene = SceneAnswer.model_validate(record)
    except ValidationError:
        return None
    return scene if any(each.isalnum() for each in scene.prompt) else None


def _by_number(found: list[SceneAnswer], count: int) -> dict[int, SceneAnswer]:
    """By the numbers that the model gave, where they are those that it was given or as many; else one after the other."""
    given = sorted({scene.scene_id for scene in found})
    if given and given[0] >= 1 and given[-1] <= count:
        places = {number: number for number in given}
    elif len(given) == count:
        places = {number: place for place, number in enumerate(given, 1)}
    else:
        return dict(zip(range(1, count + 1), found, strict=False))
    if (
        len(given) == 1 and len(found) > 1 and len({scene.prompt for scene in found}) > 1
    ):  # the same number on all of them
        return dict(zip(range(1, count + 1), found, strict=False))
    return {places[scene.scene_id]: scene for scene in reversed(found)}  # of two with the same number the first


def characters_in(answer: str) -> list[CharacterAnswer]:
    """The cast of an answer."""
    found: dict[str, CharacterAnswer] = {}
    for record in read_records(answer, CHARACTER, 1):
        try:
            character = CharacterAnswer.model_validate(record)
        except ValidationError:
            continue
        if character.name and any(each.isalnum() for each in character.look_en):
            found.setdefault(character.name, character)
    return list(found.values())


def scenes_schema(count: int, told: bool) -> dict[str, Any]:
    """For exactly `count` scenes, in the form that strict servers ask for."""
    names = ["title", "prompt", "bgm", "who", *(["narration"] if told else [])]
    fields = {"scene_id": {"type": "integer"}, **{name: {"type": "string"} for name in names}}
    return _object({"scenes": {"type": "array", "minItems": count, "maxItems": count, "items": _object(fields)}})


def cast_schema(most: int) -> dict[str, Any]:
    """For a cast of so many at most, which may be empty."""
    fields = {name: {"type": "string"} for name in ("name", "look_zh", "look_en")}
    return _object({"cast": {"type": "array", "maxItems": most, "items": _object(fields)}})


def _object(fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def example(schema: dict[str, Any]) -> str:
    """An answer that fits a schema, with dots for its texts."""
    return json.dumps(_example(schema), ensure_ascii=False)


def _example(schema: dict[str, Any]) -> Any:
    if schema["type"] == "object":
        return {name: _example(each) for name, each in schema["properties"].items()}
    if schema["type"] == "array":
        return [_example(schema["items"])]
    return 1 if schema["type"] == "integer" else "..."
