"""A storyboard by a language model, whatever the story and whatever the model says."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.model_servers.broken_answers import BROKEN_ANSWERS
from tests.support.stories import parts_of, right
from tests.unit.worker_node.stories import stories
from worker_node.errors import ProviderUnable
from worker_node.providers.base import JobRun, QuietRun, Storyboard, StoryRequest
from worker_node.providers.deadline import Deadline
from worker_node.providers.offline.storyteller import OfflineStoryteller
from worker_node.providers.storytelling.prompts import Question
from worker_node.providers.storytelling.teller import tell_story


class Model:
    """Says what `say` makes of the right answer; remembers what it was asked."""

    def __init__(self, say: Any = json.dumps) -> None:
        self.say, self.asked = say, list[Question]()
        self.parts: list[str] = []

    def answer(self, question: Question, part: str, run: JobRun, deadline: Deadline) -> str:
        self.asked.append(question)
        self.parts.append(part)
        return str(self.say(right(list(question.messages()), None)))


def tell(model: Model, story: str, shots: int, **more: str) -> Storyboard:
    return tell_story(model, StoryRequest(story, shots, **more), QuietRun(), Deadline(60))


@given(stories, st.integers(1, 60), st.sampled_from(BROKEN_ANSWERS), st.sampled_from(["verbatim", "told"]))
def test_no_sentence_and_no_shot_is_lost_whatever_the_model_says(
    story: str, count: int, broken: Any, telling: str
) -> None:
    def say(answer: Any) -> str:
        return str(broken.make(answer)) if answer.get("scenes") else json.dumps(answer)

    board = tell(Model(say), story, count, telling=telling)
    offline = OfflineStoryteller().tell(StoryRequest(story, count), QuietRun()).scenes
    assert len(board.scenes) == count
    for scene, ruled in zip(board.scenes, offline, strict=True):
        assert scene.title.strip()
        assert scene.prompt.strip()
        assert scene.bgm.strip()
        if telling == "verbatim":
            assert scene.narration == ruled.narration
        else:
            assert bool(scene.narration.strip()) == bool(ruled.narration.strip())


def test_every_call_has_a_name_of_its_own_and_the_same_in_another_run() -> None:
    story = "".join(f"第{number}天，老人在灯塔里写下第{number}封信。" for number in range(1, 900))
    first, second = Model(lambda _answer: "nothing"), Model(lambda _answer: "nothing")
    for model in (first, second):
        tell(model, story, 30)
    assert first.parts == second.parts
    assert len(set(first.parts)) == len(first.parts)


@pytest.mark.parametrize("shots", [1, 200])
def test_the_longest_story_is_asked_for_in_questions_of_a_bounded_size(shots: int) -> None:
    draw = random.Random(3)
    words = ["老人", "灯塔", "小船", "下雨", "猫", "点亮", "大海", "窗台", "走向", "看见"]
    story = "".join("".join(draw.choices(words, k=8)) + "。" for _ in range(3000))
    model = Model()
    board = tell(model, story, shots)
    assert "".join(scene.narration for scene in board.scenes) == story
    assert len(model.asked) <= 13 + shots / 2
    assert max(len(message["content"]) for question in model.asked for message in question.messages()) < 9000
    assert sum(len(parts_of(list(question.messages()))) for question in model.asked) == shots


def test_a_told_part_that_is_too_long_for_a_question_stays_the_storys_own() -> None:
    story = "老人在灯塔里等着小船回来，一直等到天亮。" * 300
    board = tell(Model(), story, 1, telling="told")
    assert board.scenes[0].narration == story
    assert "第 1 幕的旁白用了原文" in board.note


def test_many_scenes_are_not_all_named_in_the_note() -> None:
    board = tell(
        Model(lambda answer: json.dumps({"cast": []} if "cast" in answer else {"scenes": answer["scenes"][:1]})),
        "他走了。" * 30,
        30,
    )
    assert "等幕模型没有写好" in board.note
    assert len(board.note) < 100


def test_a_story_with_nobody_in_it_is_asked_for_its_cast_once() -> None:
    model = Model(lambda answer: '{"cast": []}' if "cast" in answer else json.dumps(answer))
    board = tell(model, "雨下了一夜。天亮了。", 2)
    assert board.cast == ()
    assert [question.name for question in model.asked] == ["cast", "storyboard"]


def test_one_prompt_for_all_scenes_is_no_storyboard() -> None:
    def same(answer: Any) -> str:
        return json.dumps({"scenes": [{**each, "prompt": "a nice picture"} for each in answer.get("scenes", [])]})

    board = tell(Model(same), "他走了。她来了。雨停了。", 3)
    assert not [scene for scene in board.scenes if "nice picture" in scene.prompt]
    assert "离线规则" in board.note


def test_a_model_that_is_away_is_an_error_of_its_own() -> None:
    def away(_answer: Any) -> str:
        raise ProviderUnable("连接不上")

    with pytest.raises(ProviderUnable, match="连接不上"):
        tell(Model(away), "他走了。", 1)
