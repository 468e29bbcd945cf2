"""Cues that begin and end with the words, where it is known when these are heard; and what hostile nodes say about that."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.film.spec import Word
from service.film.subtitles.cues import make_cues
from service.film.subtitles.text_metrics import clean
from service.film.subtitles.word_times import read_words

WIDTH = 42
TEXT = "一个下雨的夜里，风把灯吹灭了。海上的小船迷失了方向，老人提着灯走到岸边，为它们照亮回家的路。"


def spoken(text: str, first: float, step: float = 0.2, pause: float = 0.5, sentence: float = 0.5) -> list[Word]:
    """Each character so long, with pauses at marks."""
    words, at = [], first
    for character in text:
        if character.isalnum():
            words.append(Word(character, round(at, 3), round(at + step, 3)))
            at += step
        else:
            at += sentence if character == "。" else pause
    return words


def bare(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def first_and_last(words: list[Word], cues: list[Any]) -> list[tuple[float, float]]:
    """When the words of each cue begin and end."""
    found, at = [], 0
    for cue in cues:
        count = len(bare("".join(cue.lines)))
        found.append((words[at].start, words[at + count - 1].end))
        at += count
    return found


@pytest.mark.parametrize("sentence", [0.5, 1.4, 3.0])
@pytest.mark.parametrize("step", [0.15, 0.3])
def test_cues_begin_and_end_with_their_words(step: float, sentence: float) -> None:
    words = spoken(TEXT, 10.4, step, pause=0.35, sentence=sentence)
    cues = make_cues(TEXT, 10.0, words[-1].end + 0.5, line_width=WIDTH, words=words)
    assert len(cues) > 1
    for cue, (start, end) in zip(cues, first_and_last(words, cues), strict=True):
        assert cue.start == pytest.approx(start, abs=1e-6)
        assert end - 1e-6 <= cue.end <= end + 0.3 + 1e-6


def test_without_words_they_do_not_and_begin_elsewhere() -> None:
    """The voice is slow at first and hurries at the end, as no pace of the text tells."""
    words = [*spoken("一个下雨的夜里，风把灯吹灭了。", 0.0, 0.6), *spoken(TEXT[15:], 9.5, 0.12)]
    end = words[-1].end + 0.2
    guessed, told = (make_cues(TEXT, 0.0, end, line_width=WIDTH, words=known) for known in ([], words))
    starts = [start for start, _ in first_and_last(words, told)]
    assert [cue.start for cue in told] == pytest.approx(starts)
    assert max(abs(cue.start - start) for cue, start in zip(guessed, starts, strict=False)) > 1


def test_words_in_any_writing_and_some_that_are_missing_are_found() -> None:
    text = "Once upon a time，老人說「ＡＢＣ」。 The café closed; don't go."
    said = [("once", 1.0, 1.2), ("TIME", 1.8, 2.2), ("老人", 3.0, 3.4), ("abc", 4.0, 5.0)]
    more = [("nowhere", 5.0, 5.1), ("cafe\u0301", 8.0, 8.4), ("go", 9.5, 9.9)]
    words = [Word(*each) for each in said + more]
    cues = make_cues(text, 0.0, 12.0, line_width=24, words=words)
    assert cues[0].start == 1.0
    assert cues[-1].end == 9.9
    assert bare("".join("".join(cue.lines) for cue in cues)) == bare(clean(text))


def test_words_of_another_text_change_nothing() -> None:
    other = spoken("完全不同的另一段話語內容", 3.0)
    assert make_cues(TEXT, 0.0, 12.0, line_width=WIDTH, words=other) == make_cues(TEXT, 0.0, 12.0, line_width=WIDTH)


seconds = st.floats(0, 20)


@given(
    st.text(st.sampled_from("清晨的阳光洒在山谷里，。！ab "), max_size=120),
    st.lists(
        st.tuples(st.text(st.sampled_from("清晨的阳光洒山谷ab"), min_size=1, max_size=3), seconds, st.floats(0, 2)),
        max_size=60,
    ),
)
def test_whatever_the_words_are_nothing_is_lost_and_no_cues_overlap(
    text: str, given_: list[tuple[str, float, float]]
) -> None:
    words = [Word(word, start, start + length) for word, start, length in sorted(given_, key=lambda each: each[1])]
    cues = make_cues(text, 1.0, 18.0, line_width=20, words=words)
    assert "".join("".join("".join(cue.lines).split()) for cue in cues) == "".join(clean(text).split())
    for cue in cues:
        assert 1.0 <= cue.start < cue.end <= 18.0
    assert all(one.end <= two.start for one, two in itertools.pairwise(cues))


GOOD = [["你", 0.1, 0.3], ["好", 0.3, 0.6]]


@pytest.mark.parametrize(
    "given_",
    [
        None, "你好", {"你": 1}, [], [None], [[]], [["你"]], [["你", 1, 2, 3]], [[1, 0.1, 0.2]], [["你", "0", "1"]], [["你", True, True]],
        [["你", math.nan, 1.0]], [["你", 0.0, math.inf]], [["你", -1.0, 1.0]], [["你", 2.0, 1.0]], [["你", 10**400, 10**400]],
        [["你" * 500, 0.1, 0.3]], [["", 0.1, 0.3]], GOOD * 100, GOOD[::-1], [["你", 0.1, 0.3], ["好", 0.3, 99.0]], [["別", 0.1, 0.3]],
    ],
)  # fmt: skip
def test_what_a_node_may_not_say_of_words_is_nothing(given_: Any) -> None:
    assert read_words(given_, "你好。", 1.0) == []


def test_what_a_node_says_of_words_is_taken_without_what_is_unusable() -> None:
    assert read_words([GOOD[0], None, ["好", 0.3, 1.5]], "你好，世界。", 1.0) == [
        Word("你", 0.1, 0.3),
        Word("好", 0.3, 1.0),
    ]
