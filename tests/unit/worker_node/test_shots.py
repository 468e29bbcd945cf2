"""The narrations joined are the story."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.worker_node.stories import sentence_lists, stories
from worker_node.providers.offline.sentences import clause_cuts, sentences, word_cuts
from worker_node.providers.offline.shots import divide, weight

counts = st.integers(1, 60)


def without_blanks(text: str) -> str:
    return "".join(text.split())


@given(stories, counts)
@example("他说：“走吧。”然后走了。", 2)
@example("Mr. Smith paid $3.50. He left...", 5)
@example("👩‍👧👩‍👧", 7)
def test_the_narrations_joined_are_the_story(story: str, count: int) -> None:
    told = divide(story.strip(), count)
    assert len(told) == count
    assert without_blanks("".join(told)) == without_blanks(story)
    assert all(text == text.strip() for text in told)


@given(stories, counts)
def test_a_cut_never_parts_a_composed_character_or_a_latin_word(story: str, count: int) -> None:
    story = story.strip()
    position = 0
    for text in filter(None, divide(story, count)):
        position = story.index(text, position)
        before, after = story[position - 1 : position], text[:1]
        assert after not in "\u200d\ufe0f\u0301"
        assert not (before.isascii() and before.isalnum() and after.isascii() and after.isalnum())
        position += len(text)


@given(sentence_lists, counts)
def test_with_enough_sentences_every_one_is_whole_and_told_once_in_order(parts: list[str], count: int) -> None:
    told = divide("".join(parts).strip(), min(count, len(parts)))
    remaining = [part.strip() for part in parts]
    for text in told:
        assert text
        rest = text
        while remaining and rest.startswith(remaining[0]):
            rest = rest[len(remaining.pop(0)) :].strip()
        assert not rest, "a sentence is cut in two"
    assert not remaining


@given(sentence_lists.filter(lambda parts: len(parts) > 1), counts)
def test_shots_are_of_sensible_sizes(parts: list[str], count: int) -> None:
    count = min(count, len(parts))
    sizes = [weight(text) for text in divide("".join(parts).strip(), count)]
    share, longest = sum(sizes) / count, max(map(weight, parts))
    assert max(sizes) <= 2 * share + 2 * longest


@given(stories)
def test_sentences_are_slices_of_the_text(story: str) -> None:
    assert "".join(sentences(story)) == story


@given(stories)
def test_cuts_leave_something_to_say_on_both_sides(story: str) -> None:
    for cut in (*clause_cuts(story), *word_cuts(story)):
        assert any(map(str.isalnum, story[:cut]))
        assert any(map(str.isalnum, story[cut:]))


def test_more_shots_than_sentences_show_silent_images_of_what_was_told() -> None:
    assert divide("Robot.", 3) == ["Robot.", "", ""]
    assert divide("猫。狗。", 5) == ["猫。", "", "", "狗。", ""]


def test_a_long_sentence_is_cut_between_clauses_before_words() -> None:
    assert divide("他走到河边，看见一只小船，船上没有人。", 3) == ["他走到河边，", "看见一只小船，", "船上没有人。"]
    assert "终于" in "".join(divide("他终于看见光", 2)).replace("|", "")


def test_words_that_everybody_uses_are_not_cut() -> None:
    for count in (2, 3):
        joined = "|".join(divide("他终于看见了远处的灯塔", count))
        assert "终|于" not in joined
        assert "看|见" not in joined
        assert "灯|塔" not in joined


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        (
            "Dr. Lee paid $3.50 at 10 a.m. and left. Nobody saw her.",
            ["Dr. Lee paid $3.50 at 10 a.m. and left. ", "Nobody saw her."],
        ),
        ("“走吧。”他说。猫跟了上去。", ["“走吧。”他说。", "猫跟了上去。"]),
        ("“走吧。”猫跟了上去。", ["“走吧。”", "猫跟了上去。"]),
        ("真的吗？！……是的。", ["真的吗？！……", "是的。"]),
        ('Wait... what? "Yes!" she said. Done.', ["Wait... what? ", '"Yes!" she said. ', "Done."]),
        ("第一段\n第二段", ["第一段\n", "第二段"]),
        ("J. R. Tolkien wrote it. I know.", ["J. R. Tolkien wrote it. ", "I know."]),
    ],
)
def test_a_sentence_ends_behind_its_closing_marks_and_at_no_abbreviation(text: str, pieces: list[str]) -> None:
    assert sentences(text) == pieces
