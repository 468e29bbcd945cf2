"""Texts of a second set: scripts, chains and marks that no rule of ours was written with in mind."""

from __future__ import annotations

import pytest

from tests.integration.texts.test_growth import FUNCTIONS, TELLING
from tests.support.growth import assert_time_doubles_at_most

LENGTH = 5_000

UNITS = {
    "family of joined emoji": "👩\u200d👩\u200d👧\u200d👦\u200d",
    "Khmer without spaces": "កាលពីព្រេងនាយមានទន្សាយមួយ",
    "bidi embeddings never closed": "\u202b",
    "nested quotes": "“‘",
    "halves of syllables": "\u1100\u1161\u11a8",
    "virama chain": "क\u094d",
    "initials": "A. ",
    "Zalgo": "a\u0301\u0323\u0489",
}


@pytest.mark.parametrize("kind", UNITS)
def test_a_text_of_the_second_set_takes_time_by_its_length_everywhere(kind: str) -> None:
    for name, function in FUNCTIONS.items():
        if name != TELLING:
            function("春天来了。")  # what is made once is made now
            assert_time_doubles_at_most(function, UNITS[kind], LENGTH)
