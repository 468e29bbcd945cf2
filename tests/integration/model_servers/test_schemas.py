"""Values made from schemas fit them, and the check of that finds what does not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.model_servers.schemas import DEFAULT, Schema, made, misfits, not_strict, schema_in

TEXT: Schema = {"type": "string"}
SCENE: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["number", "narration", "mood", "camera"],
    "properties": {
        "number": {"type": "integer", "minimum": 1, "maximum": 9},
        "narration": {"type": "string", "minLength": 40, "maxLength": 60},
        "mood": {"enum": ["calm", "tense"]},
        "camera": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/camera"}]},
    },
}
STORY: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["version", "scenes"],
    "properties": {
        "version": {"const": 2},
        "scenes": {"type": "array", "minItems": 5, "maxItems": 5, "items": SCENE},
    },
    "$defs": {"camera": {"type": ["string", "null"]}},
}


def test_what_is_made_fits_and_repeats_no_text() -> None:
    story = made(STORY)
    assert misfits(STORY, story) == []
    assert len({scene["narration"] for scene in story["scenes"]}) == 5


@pytest.mark.parametrize(
    "schema", [DEFAULT, SCENE["properties"]["narration"], {"type": "array", "maxItems": 2, "items": TEXT}]
)
def test_so_does_what_is_made_from_parts(schema: Schema) -> None:
    assert misfits(schema, made(schema)) == []


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda story: story.pop("version"), "$.version: missing"),
        (lambda story: story.update(version=3), "$.version: not among the values"),
        (lambda story: story.update(more=1), "$.more: unknown"),
        (lambda story: story["scenes"].pop(), "$.scenes: 4 items"),
        (lambda story: story["scenes"][0].update(number="1"), "$.scenes[0].number: not ['integer']"),
        (lambda story: story["scenes"][0].update(number=True), "$.scenes[0].number: not ['integer']"),
        (lambda story: story["scenes"][0].update(number=10), "$.scenes[0].number: out of range"),
        (lambda story: story["scenes"][0].update(narration="短"), "$.scenes[0].narration: 1 length"),
        (lambda story: story["scenes"][0].update(mood="sad"), "$.scenes[0].mood: not among the values"),
        (lambda story: story["scenes"][0].update(camera=1), "$.scenes[0].camera: none of anyOf"),
    ],
)
def test_what_does_not_fit_is_named(change: Any, where: str) -> None:
    story = made(STORY)
    change(story)
    assert misfits(STORY, story) == [where]


def test_strict_mode_wants_an_object_that_is_closed_and_whole() -> None:
    assert not_strict({"type": "array", "items": TEXT}).startswith("schema must be")
    assert "additionalProperties" in not_strict({"type": "object", "properties": {}})
    loose = {"type": "object", "additionalProperties": False, "properties": {"a": TEXT}, "required": []}
    assert "required" in not_strict(loose)
    assert "('scenes')" not in not_strict(STORY)
    inner = {**STORY, "properties": {**STORY["properties"], "scenes": {"type": "array", "items": loose}}}
    assert "context=('items')" in not_strict(inner)


def test_a_schema_is_found_in_the_messages() -> None:
    assert schema_in(["要求 {严格}：" + json.dumps(STORY)]) == STORY


def test_an_example_in_the_messages_is_taken_for_a_schema_with_the_count_that_is_asked_for() -> None:
    schema = schema_in(['分成 4 个镜头，格式 [如下]：{"shots": [{"标题": "…", "旁白": "…", "n": 1}]}'])
    story = made(schema)
    assert [list(shot) for shot in story["shots"]] == [["标题", "旁白", "n"]] * 4


def test_without_any_there_are_scenes() -> None:
    assert len(made(schema_in(["讲个故事"]))["scenes"]) == 3
    assert len(made(schema_in(["Write 7 scenes."]))["scenes"]) == 7
