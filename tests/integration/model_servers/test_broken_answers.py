"""The table of broken answers says the truth about each."""

from __future__ import annotations

import html
import json
import re

import pytest

from tests.support.model_servers.broken_answers import BROKEN_ANSWERS, BrokenAnswer, letters

STORY = {
    "scenes": [
        {
            "scene_id": number,
            "title": f"第{number}幕·雨",
            "prompt": f"rainy street {number}, lamps, wide shot",
            "narration": f"第{number}个夜晚，雨下得很大；他说：走吧，别等了。{'甲乙丙'[number - 1]}",
            "bgm": f"calm {number}",
        }
        for number in (1, 2, 3)
    ]
}
FIELDS = ("title", "prompt", "narration", "bgm")


def in_sight(raw: str) -> str:
    """The letters of an answer, its escapes of characters undone."""
    text = re.sub(r"\\+u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), html.unescape(raw))
    return letters(text)


def seen(answer: BrokenAnswer) -> list[bool]:
    """For each scene, whether the answer shows all that it says that it shows."""
    shown = in_sight(answer.make(STORY))
    fields = [name for name in FIELDS if name not in answer.lost]
    return [all(letters(scene[name]) in shown for name in fields) for scene in STORY["scenes"]]


def test_there_are_enough_and_no_name_comes_twice() -> None:
    names = [each.name for each in BROKEN_ANSWERS]
    assert len(names) == len(set(names)) >= 60
    assert sum(each.recoverable for each in BROKEN_ANSWERS) >= 45
    assert sum(not each.recoverable for each in BROKEN_ANSWERS) >= 15


def test_no_two_are_the_same() -> None:
    texts = [each.make(STORY) for each in BROKEN_ANSWERS]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("answer", BROKEN_ANSWERS, ids=lambda each: each.name)
def test_what_is_recoverable_is_in_sight_and_what_is_not_is_missing(answer: BrokenAnswer) -> None:
    assert all(seen(answer)) == answer.recoverable


@pytest.mark.parametrize("answer", [each for each in BROKEN_ANSWERS if each.lost], ids=lambda each: each.name)
def test_what_is_lost_is_not_in_sight(answer: BrokenAnswer) -> None:
    shown = in_sight(answer.make(STORY))
    assert not any(letters(scene[name]) in shown for scene in STORY["scenes"] for name in answer.lost)


@pytest.mark.parametrize("answer", BROKEN_ANSWERS, ids=lambda each: each.name)
def test_none_is_simply_right(answer: BrokenAnswer) -> None:
    try:
        value = json.loads(answer.make(STORY))
    except ValueError:
        return
    assert value != STORY or answer.name == "escaped_unicode"


@pytest.mark.parametrize("answer", BROKEN_ANSWERS, ids=lambda each: each.name)
def test_each_can_be_made_of_other_answers(answer: BrokenAnswer) -> None:
    scenes = [{"标题": "夜", "n": 1}, {"标题": "晨", "n": 2}]
    for right in ({"shots": scenes}, scenes, {"标题": "夜", "n": 1}):
        assert isinstance(answer.make(right), str)
