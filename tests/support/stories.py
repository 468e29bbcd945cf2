"""A model's right answers to what the storytellers ask, for stand-ins of chat servers."""

from __future__ import annotations

import re
from typing import Any

from tests.support.model_servers.chat_turns import Messages, text_in
from tests.support.model_servers.schemas import Schema

STORY = (
    "海边的小镇上，有一座很老的灯塔。灯塔里住着一位老人和一只橘色的猫。每天傍晚，老人都会点亮灯火。"
    "一个下雨的夜里，风把灯吹灭了，海上的小船迷失了方向。猫跳上窗台，对着大海叫。老人提着灯笼跑上了塔顶。"
)
OLD_MAN, CAT = "an old man with a white beard in a grey robe", "a plump orange cat"
CAST = [
    {"name": "老人", "look_zh": "白胡子灰袍老人", "look_en": OLD_MAN},
    {"name": "猫", "look_zh": "胖橘猫", "look_en": CAT},
]
PART = re.compile(r'<part number="(\d+)">(.*?)</part>', re.S)


def parts_of(messages: Messages) -> list[str]:
    """The story's parts as a question shows them."""
    return [text for _, text in PART.findall(text_in(messages[1]))]


def asks_for_cast(messages: Messages) -> bool:
    return "cast list of" in text_in(messages[0]).partition("\n")[0]


def right(messages: Messages, _schema: Schema | None) -> Any:
    """The cast, or a scene for each part, retold where that is asked for."""
    if asks_for_cast(messages):
        return {"cast": CAST}
    told = "- narration:" in text_in(messages[0])
    scenes: list[dict[str, Any]] = []
    for number, part in enumerate(parts_of(messages), 1):
        scene = {
            "scene_id": number,
            "title": f"灯塔{number}",
            "prompt": f"A tower above the sea, view {number} from the shore",
        }
        narration = {"narration": f"话说{part}"} if told else {}
        who = "，".join(each["name"] for each in CAST if each["name"] in part)
        scenes.append({**scene, "bgm": f"宁静 钢琴{number}", "who": who, **narration})
    return {"scenes": scenes}
