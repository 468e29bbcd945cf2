"""Storyboards, wherever a node puts them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import BadNodeResult
from service.node.interface import Character, Scene
from service.node.storyboard import MAX_CAST, MAX_LOOK, MAX_SCENES, cast_inside, scenes_in_file, scenes_inside
from tests.support.node.gateway import GATEWAY_SCENES
from tests.unit.node.test_job_responses import json_values

SCENE = {"scene_id": "1", "title": "t", "prompt": "p", "narration": "n", "bgm": "b", "path": "/x"}


@pytest.mark.parametrize(
    "result",
    [
        {"task_shots": {"generated_shots": [SCENE], "total_shots": "1"}},
        {"task_shots": [SCENE]},
        {"legacy": {"task_shots": {"generated_shots": [SCENE]}}},
        {"legacy": {"storyboard": [SCENE]}},
        {"legacy": {"storyboard": {"scenes": [SCENE]}}},
        {"task_shots": None, "legacy": {"task_shots": {"generated_shots": []}, "storyboard": [SCENE]}},
    ],
)
def test_scenes_are_found_in_the_result(result: dict[str, Any]) -> None:
    assert scenes_inside(result) == [Scene("t", "p", "n", "b")]


def test_a_gateways_padding_is_left_out_and_null_music_is_none() -> None:
    assert scenes_in_file(json.dumps(GATEWAY_SCENES).encode()) == [
        Scene("夜", "rainy street", "下雨了。"),
        Scene("晨", "sunny street", "天晴了。"),
    ]


def test_a_scene_without_a_prompt_is_painted_after_its_narration() -> None:
    assert scenes_in_file('[{"narration": "下雨了。"}]'.encode()) == [Scene("", "下雨了。", "下雨了。")]


@pytest.mark.parametrize(
    "content", [[], {}, None, "text", 3, [1, None, "x"], [{"title": "only"}], {"scenes": []}, [{"prompt": "\x00 "}]]
)
def test_a_file_without_scenes_is_unusable(content: object) -> None:
    with pytest.raises(BadNodeResult):
        scenes_in_file(json.dumps(content).encode())


def test_more_scenes_than_any_story_may_have_are_cut() -> None:
    assert len(scenes_in_file(json.dumps([SCENE] * 5000).encode())) == MAX_SCENES


@given(json_values)
def test_no_content_breaks_the_reading(content: object) -> None:
    try:
        scenes = scenes_in_file(json.dumps(content).encode())
    except BadNodeResult:
        return
    assert all(scene.prompt and len(scene.title) <= 255 for scene in scenes)


@given(st.dictionaries(st.sampled_from(["task_shots", "legacy", "storyboard", "resources"]), json_values))
def test_no_result_breaks_the_reading(result: dict[str, Any]) -> None:
    scenes_inside(result)


def scene_of(**item: Any) -> Scene:
    [scene] = scenes_in_file(json.dumps([item]).encode())
    return scene


@pytest.mark.parametrize(
    ("narration", "spoken"),
    [
        (["下雨了。", "天晴了。"], "下雨了。天晴了。"),
        (["It rained.", "Then it cleared."], "It rained. Then it cleared."),
        ([{"speaker": "妈妈", "text": "下雨了。"}, {"speaker": "猫", "text": "喵。"}], "下雨了。喵。"),
        ({"text": "下雨了。", "emotion": "sad"}, "下雨了。"),
        ({"zh": "下雨了。"}, "下雨了。"),
        ([["a.", ["b."]], " ", None], "a. b."),
        (2024, "2024"),
    ],
)
def test_a_narration_in_parts_is_spoken_whole(narration: object, spoken: str) -> None:
    assert scene_of(prompt="p", narration=narration).narration == spoken


@pytest.mark.parametrize(
    ("prompt", "painted"),
    [
        (["a cat", "rain"], "a cat, rain"),
        ({"subject": "a cat", "style": "ink"}, "a cat, ink"),
        ({"subject": ["a cat", "a dog"], "seed": 7}, "a cat, a dog, 7"),
    ],
)
def test_a_prompt_in_parts_is_painted_whole(prompt: object, painted: str) -> None:
    assert scene_of(prompt=prompt, narration="n").prompt == painted


OTHERS = {"characters": [{"name": "猫", "prompt": "a cat"}, {"name": "狗", "prompt": "a dog"}], "warnings": ["short"]}


@pytest.mark.parametrize(
    "content",
    [
        {**OTHERS, "scenes": [SCENE, SCENE]},
        {**OTHERS, "list": [SCENE, SCENE]},
        {"scenes": {"1": SCENE, "2": SCENE}},
        {"scene_1": SCENE, "scene_2": SCENE},
        {"data": {"storyboard": {"scenes": [SCENE, SCENE]}, **OTHERS}},
        {"chapters": [{"title": "x", "scenes": [SCENE]}, {"scenes": [SCENE]}]},
        [[SCENE, SCENE]],
        [{"scene": SCENE}, {"scene": SCENE}],
        {"storyboard": json.dumps({"scenes": [SCENE, SCENE]})},
        {
            "Scenes": [
                {"Title": "x", **SCENE},
                {"scene_id": 2, "Narration": "n", "Prompt": "p", "title": "t", "bgm": "b"},
            ]
        },
    ],
)
def test_scenes_are_found_wherever_they_stand(content: object) -> None:
    assert scenes_in_file(json.dumps(content).encode()) == [Scene("t", "p", "n", "b")] * 2


def test_scenes_keyed_by_number_come_by_number() -> None:
    content = {"scenes": {str(number): {"narration": f"{number}", "prompt": "p"} for number in (10, 2, 1)}}
    assert [scene.narration for scene in scenes_in_file(json.dumps(content).encode())] == ["1", "2", "10"]


JSON_TEXT = json.dumps([SCENE, SCENE], indent=1)


@pytest.mark.parametrize(
    "answer",
    [
        f"Here you are:\n```json\n{JSON_TEXT}\n```\nHave fun!",
        f"<think>[maybe two scenes?]</think>\n{JSON_TEXT}",
        JSON_TEXT.replace("}", ",}").replace("]", ",]"),
        JSON_TEXT.rstrip("]} \n"),
        f"```\n{JSON_TEXT[:-3]}",
        JSON_TEXT.replace('"', "'"),
    ],
)
def test_what_a_language_model_makes_of_json_is_mended(answer: str) -> None:
    assert scenes_in_file(answer.encode()) == [Scene("t", "p", "n", "b")] * 2


@pytest.mark.parametrize("answer", ["", "I cannot do that.", "<html>502</html>", "[", "```json\n```"])
def test_what_cannot_be_mended_is_said(answer: str) -> None:
    with pytest.raises(BadNodeResult):
        scenes_in_file(answer.encode())


def test_a_file_that_gives_a_reason_instead_of_scenes_is_quoted() -> None:
    with pytest.raises(BadNodeResult, match="quota exceeded"):
        scenes_in_file(b'{"error": "quota exceeded"}')


@pytest.mark.parametrize(
    ("content", "scenes"),
    [
        ({"title": "x", "total": 2, "scene one": SCENE, "scene two": SCENE}, [Scene("t", "p", "n", "b")] * 2),
        ({"response": f"```json\n{JSON_TEXT}\n```", "done": True, "context": [1, 2]}, [Scene("t", "p", "n", "b")] * 2),
        ({"scenes": ["下雨了。", "天晴了。"]}, [Scene("", text, text) for text in ("下雨了。", "天晴了。")]),
        ([{"标题": "雪", "画面描述": "雪地", "旁白": ["下雪了。"]}], [Scene("雪", "雪地", "下雪了。")]),
        ([{"imagePrompt": "p", "narrationText": "n"}], [Scene("", "p", "n")]),
        ([{"prompt": "p", "dialogue": ["a", "b"]}], [Scene("", "p", "a b")]),
    ],
)
def test_models_have_names_of_their_own(content: object, scenes: list[Scene]) -> None:
    assert scenes_in_file(json.dumps(content).encode()) == scenes


def test_what_is_not_wanted_is_not_painted_and_one_language_is_spoken() -> None:
    scene = scene_of(prompt={"positive": "a fox", "negative": "text"}, narration={"zh": "从前", "en": "Once"})
    assert scene == Scene("", "a fox", "从前")


def test_a_cast_alone_is_no_storyboard() -> None:
    with pytest.raises(BadNodeResult):
        scenes_in_file(json.dumps({"characters": OTHERS["characters"]}).encode())


def test_a_text_in_the_result_is_read_as_a_file_is() -> None:
    assert scenes_inside({"legacy": {"storyboard": f"```json\n{JSON_TEXT}\n```"}}) == [Scene("t", "p", "n", "b")] * 2


def test_a_cast_is_each_name_once_cleaned_and_bounded() -> None:
    fox = {"name": " 狐狸\x00 ", "look_zh": "红" * 2000, "look_en": ["no text"]}
    others = [{"name": f"n{number}"} for number in range(MAX_CAST)]
    assert cast_inside({"cast": [None, {"name": ""}, fox, {**fox, "look_zh": "twice"}, *others]})[:2] == [
        Character("狐狸", "红" * MAX_LOOK, ""),
        Character("n0"),
    ]
    assert len(cast_inside({"cast": others * 2})) == MAX_CAST


@given(json_values)
def test_no_cast_breaks_the_reading(content: object) -> None:
    assert all(person.name for person in cast_inside({"cast": content}))
