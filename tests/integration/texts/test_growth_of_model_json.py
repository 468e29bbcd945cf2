"""The time that it takes to find no JSON in what a language model says grows with its length."""

from __future__ import annotations

from contextlib import suppress

import pytest

from service.node.model_json import read_model_json
from tests.support.growth import assert_time_doubles_at_most

LENGTH = 5_000
PIECES = (
    *(
        "[",
        "{",
        '"',
        "`",
        "```\n",
        "\\",
        "<think>",
        "</think>",
        '{"',
        "[{",
        '"[',
        "],",
        "[]",
        "[x]",
        "x{",
        '[[{"',
        "{'",
    ),
    *("<think>[", "<think>\n```", "[</think>", "：{", '{"a":', "[1,", '"a",', "\\u4f", "//", "/*", "True"),
)
AROUND = ("{}", '[{"narration":"{}', '```json\n[{"a": "{}', '[{"a": 1},{}')


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("piece", PIECES)
def test_the_time_grows_with_the_texts_length(piece: str, around: str) -> None:
    before, _, after = around.rpartition("{}")

    def read(text: str) -> None:
        with suppress(ValueError):
            read_model_json(before + text + after)

    assert_time_doubles_at_most(read, piece, LENGTH)
