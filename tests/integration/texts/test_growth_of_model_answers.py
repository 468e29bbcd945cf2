"""What reads a language model's answer takes time by its length, whatever stands in it."""

from __future__ import annotations

import pytest

from tests.support.growth import assert_time_doubles_at_most
from worker_node.providers.storytelling.answers import scenes_in


@pytest.mark.parametrize(
    "unit",
    [
        '{"prompt":',
        "[",
        "{",
        '"prompt": "',
        "【",
        "<scene>",
        "<tr>",
        "<tr><td>a",
        "</think>",
        "“",
        "|a",
        "\\",
        "```\n",
        "<think>",
        "prompt: x\n",
    ],
)
def test_twice_the_answer_takes_about_twice_the_time(unit: str) -> None:
    assert_time_doubles_at_most(lambda text: scenes_in(text, 3), unit, 20_000)
