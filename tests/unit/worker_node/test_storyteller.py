"""Titles, prompts and music of the offline storyboard."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.worker_node.stories import stories
from worker_node.providers.base import QuietRun, Scene, StoryRequest
from worker_node.providers.offline.lexicon import lexicon
from worker_node.providers.offline.storyteller import MUSIC, OfflineStoryteller

EXAMPLES = Path(__file__).parents[3] / "examples"
TELLER = OfflineStoryteller()


def tell(story: str, shots: int = 6, style: str = "") -> list[Scene]:
    return TELLER.tell(StoryRequest(story, shots, style), QuietRun()).scenes


@given(stories, st.integers(1, 60))
def test_every_scene_has_a_title_a_prompt_and_music(story: str, count: int) -> None:
    scenes = tell(story, count)
    assert len(scenes) == count
    for scene in scenes:
        assert 1 <= len(scene.title) <= 60
        assert scene.title == scene.title.strip()
        assert scene.prompt.strip()
        assert scene.bgm.strip()


@given(stories)
def test_the_same_story_gives_the_same_storyboard(story: str) -> None:
    assert tell(story) == OfflineStoryteller().tell(StoryRequest(story, 6), QuietRun()).scenes


@pytest.mark.parametrize("name", ["story.zh.txt", "story.en.txt", "story.mixed.txt"])
def test_the_examples_get_short_titles_that_all_differ(name: str) -> None:
    scenes = tell((EXAMPLES / name).read_text(encoding="utf-8"))
    titles = [scene.title for scene in scenes]
    assert len(set(titles)) == len(titles)
    assert all(len(title) <= (12 if not title.isascii() else 44) for title in titles)


def test_who_was_introduced_keeps_their_looks_in_every_prompt_that_shows_them() -> None:
    scenes = tell((EXAMPLES / "story.zh.txt").read_text(encoding="utf-8"))
    assert "橘色的猫" in scenes[0].prompt
    assert "橘色的猫" in scenes[3].prompt.partition("：")[2], "the story says only 猫 here"
    assert "橘色的猫" in scenes[5].prompt


def test_looks_that_the_story_does_not_name_are_drawn_once_for_the_story() -> None:
    story = "A girl walked to the river. The girl sat down. The girl sang."
    dresses = {scene.prompt.partition(": ")[2].partition(",")[0] for scene in tell(story, 3)}
    assert len(dresses) == 1
    assert "dress" in dresses.pop()
    others = {
        tell(f"A girl walked to the river on day {day}.", 1)[0].prompt.partition(": ")[2].partition(",")[0]
        for day in range(20)
    }
    assert len(others) > 1, "other stories, other girls"


def test_a_pronoun_or_a_name_means_who_was_introduced() -> None:
    scenes = tell("有个小女孩叫阿梅。一只狐狸在等。她笑了。阿梅跑进森林。", 4)
    assert "狐狸" in scenes[1].prompt
    assert "小女孩" in scenes[2].prompt.partition("：")[2]
    assert "小女孩" in scenes[3].prompt.partition("：")[2]
    assert "a girl" in tell("She opened the door. It was night.", 2)[0].prompt


def test_someone_whose_things_are_shown_is_not_shown_herself() -> None:
    prompt = tell("Mia found a key in her grandmother's attic.", 1)[0].prompt
    assert "old woman" not in prompt
    assert "grandmother," not in prompt


def test_place_and_time_stay_until_the_story_changes_them() -> None:
    scenes = tell("夜晚，男孩走进森林。他听见脚步声。他跑到海边。", 3)
    assert "夜晚" in scenes[1].prompt
    assert "森林里" in scenes[1].prompt.partition("：")[2]
    assert "海边" in scenes[2].prompt.partition("：")[2]
    assert "夜晚" in scenes[2].prompt


def test_rain_does_not_outlast_the_night() -> None:
    scenes = tell("一个下雨的夜里，小船迷失了方向。第二天清晨，阳光照在海面上。", 2)
    assert "下着雨" in scenes[0].prompt
    assert "下着雨" not in scenes[1].prompt
    assert "清晨" in scenes[1].prompt.partition("：")[2], "sunlight in the morning is still the morning"


def test_the_style_is_in_every_prompt() -> None:
    assert all("水彩风格" in scene.prompt for scene in tell("猫在睡觉。狗在跑。", 4, "水彩"))
    assert all("ink style" in scene.prompt for scene in tell("The cat slept. The dog ran.", 4, "ink"))


@pytest.mark.parametrize(
    ("story", "rain"),
    [
        ("清晨下着雨，渔夫起床了。阳光照在海面上。", "下着雨"),
        ("白天下着大雨。太阳出来了，孩子们跑到田野上。", "下着雨"),
        ("It rained all morning. Then sunlight fell on the garden.", "rain falling"),
    ],
)
def test_no_rain_falls_in_sunlight(story: str, rain: str) -> None:
    before, after = tell(story, 2)
    assert rain in before.prompt
    assert rain not in after.prompt


@pytest.mark.parametrize("story", ["白天下着雨。他没有雨伞，没有阳光。", "It rained. There was no sun that day."])
def test_rain_goes_on_where_no_sun_is_seen(story: str) -> None:
    assert all("下着雨" in scene.prompt or "rain falling" in scene.prompt for scene in tell(story, 2))


def test_lamplight_hangs_no_lanterns_up() -> None:
    assert "lantern" not in lexicon().concepts("厨房里，温暖的灯光", "subject")


@pytest.mark.parametrize(
    ("story", "mood"),
    [
        ("孩子们欢笑着庆祝，快乐极了。", "joyful"),
        ("他哭了，眼泪流下来，再也没有回来。", "sad"),
        ("怪物追赶他们，危险极了，他惊恐地逃跑。", "tense"),
        ("They escaped the monster in terror.", "tense"),
        ("The brave knight set out on a great adventure.", "heroic"),
    ],
)
def test_the_music_follows_the_mood(story: str, mood: str) -> None:
    assert tell(story, 1)[0].bgm in MUSIC[mood].values()


@pytest.mark.parametrize(
    ("text", "colours"),
    [
        ("a girl in a red dress and a black cat", {"girl": "red", "cat": "black"}),
        ("穿红裙子的女孩牵着一只白色的小狗", {"girl": "red", "dog": "white"}),
        ("boy in a long blue coat walks with a dog", {"boy": "blue"}),
        ("一个小女孩来了，她穿着红色的斗篷去看望外婆", {"girl": "red"}),
        ("A man with a red umbrella", {"umbrella": "red"}),
        ("橘猫", {"cat": "orange"}),
        ("红色的晚霞。女孩笑了", {}),
    ],
)
def test_a_colour_belongs_to_who_has_it(text: str, colours: dict[str, str]) -> None:
    assert lexicon().coloured(text) == colours


@pytest.mark.parametrize("text", ["他马上就来", "the sun rose over the hill", "他非常可爱", "白雪皑皑的海报"])
def test_words_that_look_like_things_are_not_mistaken_for_them(text: str) -> None:
    assert not {"horse", "flower"} & set(lexicon().concepts(text, "subject"))
    assert "sea" not in lexicon().concepts(text, "place")


def test_every_concept_can_be_said_and_every_word_is_found() -> None:
    data = json.loads(
        (Path(__file__).parents[3] / "worker_node/providers/offline/lexicon.json").read_text(encoding="utf-8")
    )
    for category, concepts in data.items():
        for concept, entry in concepts.items():
            assert set(entry) == {"zh", "en", "say"}, (category, concept)
            assert set(entry["say"]) == {"zh", "en"}
            if category == "ignored":
                continue
            for language in ("zh", "en"):
                said = entry["say"][language]
                assert concept in lexicon().concepts(said, category), f"{said!r} does not say {category}.{concept}"
                for word in entry[language]:
                    assert concept in {hit.concept for hit in lexicon().hits(word)}, f"{word!r} is not found alone"


def test_markup_is_in_no_title_narration_or_prompt() -> None:
    story = "# 灯塔\n**老人**住在<b>灯塔</b>里&amp;一只[猫](https://example.com/cat_1)陪着他。<br>`夜晚`下雨了。"
    scenes = tell(story, 3)
    assert (
        "".join(scene.narration for scene in scenes).replace("\n", "")
        == "灯塔老人住在灯塔里&一只猫陪着他。夜晚下雨了。"
    )
    for scene in scenes:
        for text in (scene.title, scene.narration, scene.prompt):
            assert not set("*#<>[]`") & set(text)
            assert "http" not in text


def test_an_address_is_whole_in_title_narration_and_prompt() -> None:
    for scene in tell("见https://example.com/a。他走了。", 1):
        assert "https://example.com/a" in scene.narration
        assert "https://example.com/a" in scene.prompt
        assert scene.title not in ("https", "Https", "见https")
