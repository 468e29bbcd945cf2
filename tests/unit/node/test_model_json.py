"""JSON of language models."""

from __future__ import annotations

import json

import pytest

from service.node.model_json import MAX_REPAIR, read_model_json

GOOD = {"scenes": [{"narration": "下雨了。"}]}
TEXT = json.dumps(GOOD, ensure_ascii=False)


@pytest.mark.parametrize(
    "answer",
    [
        TEXT,
        f"draft: []\n</think>\n{TEXT}",
        f"<THINK>maybe {TEXT[:-3]}</THINK >{TEXT}",
        f"好的：\n```JSON\n{TEXT}\n```\n还需要什么吗？",
        f"```{TEXT}```",
        f"```json\n{TEXT}",
        f"{TEXT}\n{TEXT}",
        TEXT.encode("gbk"),
        TEXT.encode("utf-16"),
        TEXT.encode("utf-8-sig"),
    ],
)
def test_what_surrounds_the_json_is_left_out(answer: str | bytes) -> None:
    assert read_model_json(answer) == GOOD


@pytest.mark.parametrize(
    "answer",
    ['{"a": 1}\n{"a": 2}', '1:\n```json\n{"a": 1}\n```\n2:\n```json\n{"a": 2}\n```', 'First {"a": 1}, then {"a": 2}.'],
)
def test_several_values_are_a_list(answer: str) -> None:
    assert read_model_json(answer) == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("answer", ["", "no", "3", '"text"', "null", "[" * 9999, "{" * (MAX_REPAIR + 1), "```\n```"])
def test_what_holds_no_object_and_no_list_is_an_error(answer: str) -> None:
    with pytest.raises(ValueError, match="no JSON"):
        read_model_json(answer)
