"""Storyboards, wherever a node puts them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import BadNodeResult
from service.node.interface import Scene
from service.node.responses import MAX_SCENES, scenes_in_file, scenes_inside
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
    assert scenes_in_file(GATEWAY_SCENES) == [
        Scene("夜", "rainy street", "下雨了。"),
        Scene("晨", "sunny street", "天晴了。"),
    ]


def test_a_scene_without_a_prompt_is_painted_after_its_narration() -> None:
    assert scenes_in_file([{"narration": "下雨了。"}]) == [Scene("", "下雨了。", "下雨了。")]


@pytest.mark.parametrize(
    "content", [[], {}, None, "text", 3, [1, None, "x"], [{"title": "only"}], {"scenes": []}, [{"prompt": "\x00 "}]]
)
def test_a_file_without_scenes_is_unusable(content: object) -> None:
    with pytest.raises(BadNodeResult):
        scenes_in_file(content)


def test_more_scenes_than_any_story_may_have_are_cut() -> None:
    assert len(scenes_in_file([SCENE] * 5000)) == MAX_SCENES


@given(json_values)
def test_no_content_breaks_the_reading(content: object) -> None:
    try:
        scenes = scenes_in_file(content)
    except BadNodeResult:
        return
    assert all(scene.prompt and len(scene.title) <= 255 for scene in scenes)


@given(st.dictionaries(st.sampled_from(["task_shots", "legacy", "storyboard", "resources"]), json_values))
def test_no_result_breaks_the_reading(result: dict[str, Any]) -> None:
    scenes_inside(result)
