"""The face of the font follows the language of the whole story."""

from __future__ import annotations

import pytest

from service.film.subtitles.captions import Captions
from service.film.subtitles.fonts import font_family, language_of

STORIES = {
    "从前有一位老人，住在海边的灯塔里。": "zh-Hans",
    "從前有一位老人，住在海邊的燈塔裡。": "zh-Hant",
    "昔々、あるところに老人が住んでいました。東京都庁。": "ja",
    "東京駅前国会議事堂": "ja",
    "옛날 옛적에 한 노인이 (老人) 등대에 살았습니다.": "ko",
    "他对她说“ありがとう”，然后就转身离开了那座很远的城市里的车站广场。": "zh-Hans",
    "鮮の每日，大家都来吃吧": "zh-Hans",
    "Once upon a time.": "zh-Hans",
    "": "zh-Hans",
}


@pytest.mark.parametrize("story", STORIES)
def test_the_language_is_that_of_the_whole_story(story: str) -> None:
    assert language_of(story) == STORIES[story]


def test_a_line_of_han_characters_has_the_forms_of_the_storys_language() -> None:
    """直 and 骨 are written in each country in another way."""
    drawn = {language: Captions(640, 360, language=language).draw(("直骨海",)) for language in set(STORIES.values())}
    assert len({one.rgba.tobytes() for one in drawn.values()}) == len(drawn)


def test_players_of_the_file_take_the_same_face() -> None:
    assert {font_family(language)[-2:] for language in set(STORIES.values())} == {"SC", "TC", "JP", "KR"}
