"""What a storyboard's music words and a piece's title have in common."""

from __future__ import annotations

import pytest

from service.music import search_terms


@pytest.mark.parametrize(
    ("wanted", "piece"),
    [
        ("calm piano", "Peaceful Morning"),
        ("舒缓的钢琴", "Soft piano"),
        ("宁静", "calm.mp3"),
        ("欢快的音乐", "Happy Ukulele"),
        ("mysterious", "神秘森林"),
        ("紧张悬疑", "dark chase"),
        ("温馨", "Love theme"),
        ("森林里的清晨", "清晨"),
        ("Epic orchestral", "史诗"),
        ("小提琴独奏", "violin solo"),
    ],
)
def test_the_same_mood_instrument_or_word_is_common_to_both_languages(wanted: str, piece: str) -> None:
    assert search_terms(wanted) & search_terms(piece)


@pytest.mark.parametrize(
    ("wanted", "piece"),
    [
        ("calm music", "happy music"),
        ("舒缓的背景音乐", "紧张的背景音乐"),
        ("sad bgm", "BGM of the joyful"),
        ("宁静", ""),
        ("", "calm"),
        ("calm", "12"),
        ("小提琴", "钢琴"),
    ],
)
def test_saying_that_it_is_music_is_nothing_in_common(wanted: str, piece: str) -> None:
    assert not search_terms(wanted) & search_terms(piece)


def test_more_in_common_counts_more() -> None:
    wanted = search_terms("calm piano in the forest")
    assert len(wanted & search_terms("Forest piano, peaceful")) == 3
    assert len(wanted & search_terms("piano")) == 1
