"""What reads a text takes time by the text's length, whatever stands in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from common.user_text import without_paths
from service.film.spec import FilmShot, FilmSpec, Word
from service.film.subtitles import cues, text_metrics
from service.film.subtitles.fonts import language_of
from service.film.subtitles.word_times import letters
from service.film.timeline import make_timeline
from service.node.job_report import read_progress
from tests.support.growth import assert_time_doubles_at_most
from worker_node.providers import speaking
from worker_node.providers.base import QuietRun, StoryRequest
from worker_node.providers.kokoro import english
from worker_node.providers.offline import readings, speaker
from worker_node.providers.offline.markup import plain
from worker_node.providers.offline.storyteller import OfflineStoryteller

LENGTH = 20_000
TELLING, SORTED = "storyteller", "marks to be sorted"
UNITS = {
    "combining marks": "\u0301",
    SORTED: "\u0301\u0323",
    "marks on letters": "a\u0301\u0323 ",
    "full stops": "。",
    "punctuation": "，。！？…—；：",
    "an endless word": "abcdefghij",
    "an endless word of Han": "春天来了河水解冻",
    "blanks": " ",
    "line breaks": "\n",
    "joined emoji": "👩\u200d",
    "quotes by turns": "“说”",
    "open brackets": "([{（【",
    "digits and dots": "3.14,",
    "clothes": "a red dress and ",
    "abbreviations": "Mr. A. U.S. z. B. ",
    "numbers": "￥１，２３４．５０ 1 234 ",
    "addresses": "https://a.b/c@d.e ",
    "markup": "**[a](b)<b>`_x",
    "open markup": "<b [![a**",
    "Thai": "สวัสดีชาวโลก",
    "Devanagari": "क्षि",
    "no-break blanks": "a\u00a0»",
    "rules": "- = — ",
    "sentences": "春天来了，河水解冻。小鸟在枝头歌唱！",
}


def _cues(text: str) -> object:
    seconds = 0.2 * len(text)
    pauses = [(at - 0.3, float(at)) for at in range(3, int(seconds), 3)]
    return cues.make_cues(text, 0.0, seconds, line_width=42, pauses=pauses)


def _cues_by_words(text: str) -> object:
    words = [Word(character, 0.2 * at, 0.2 * at + 0.2) for at, character in enumerate(text)]
    return cues.make_cues(text, 0.0, 0.2 * len(text), line_width=42, words=words)


def _timeline(text: str) -> object:
    unused = Path("unused")
    return make_timeline(FilmSpec((FilmShot(1, image=unused, text=text),), unused, unused), [0.0], [0.0], 30)


def _tell(text: str) -> object:
    return OfflineStoryteller().tell(StoryRequest(f"春天来了。{text}", 6, ""), QuietRun())


FUNCTIONS: dict[str, Callable[[str], object]] = {
    "cleaning a narration": text_metrics.clean,
    "cutting it into pieces": lambda text: text_metrics.pieces(text, 42),
    "cues": _cues,
    "timeline": _timeline,
    TELLING: _tell,
    "speaker": lambda text: [readings.read(run.text, run.language) for run in speaker.runs(text, "zh")],
    "what is not spoken": lambda text: speaker.unread(text, str.isascii),
    "markup": plain,
    "a text for a speech server": lambda text: speaking.parts(speaking.spoken_text(text, "zh"), 200),
    "cues by words": _cues_by_words,
    "letters of a word": letters,
    "a job's progress": read_progress,
    "language of the font": language_of,
}


IN_SHORT = {"an endless word of Han", "quotes by turns", "abbreviations"}
SHORT = {"letters of a word", "a job's progress"}
AGAIN_BY_WORDS = {
    SORTED, "rules", "clothes", "no-break blanks", "numbers", "open markup", "full stops", "punctuation", "quotes by turns",
    "marks on letters", "abbreviations", "an endless word",
}  # fmt: skip
"""The dear ones that are cut by words only by `make soak`: by pauses they are cut with all tests."""


def _cases() -> Iterator[object]:
    """The storyteller reads a text many times over: of most kinds only by `make faults`."""
    for name in FUNCTIONS:
        for kind in UNITS:
            dear = name == TELLING and kind not in IN_SHORT
            again = (name == "cues by words" and kind in AGAIN_BY_WORDS) or (
                name in SHORT and kind not in IN_SHORT | {SORTED}
            )
            yield pytest.param(name, kind, marks=pytest.mark.faults if dear else pytest.mark.soak if again else ())


@pytest.mark.parametrize(("name", "kind"), list(_cases()))
def test_twice_the_text_takes_about_twice_the_time(name: str, kind: str) -> None:
    function = FUNCTIONS[name]
    function("春天来了。")  # what is made once is made now
    assert_time_doubles_at_most(function, UNITS[kind], LENGTH)


MARKUP = [
    "*",
    "**a",
    "*a ",
    "_a",
    "_",
    "`",
    "[",
    "[a](",
    "[a][",
    "<",
    "<b",
    "<!--",
    "<script>",
    "&",
    "&#",
    "# ",
    "> ",
    "|a",
    "~~a",
    "\\",
    "_a_b",
]


@pytest.mark.parametrize("unit", MARKUP)
def test_twice_the_markup_takes_about_twice_the_time(unit: str) -> None:
    assert_time_doubles_at_most(plain, unit, LENGTH)


@pytest.mark.parametrize("unit", ["/", "/a", "a/", "'/", "'/a", "x://", "/a.b", "/一"])
def test_twice_the_slashes_take_about_twice_the_time(unit: str) -> None:
    assert_time_doubles_at_most(without_paths, unit, LENGTH)


@pytest.mark.parametrize("unit", ["7", "1.", "1,", "12,"])
def test_twice_the_digits_take_about_twice_the_time(unit: str) -> None:
    assert_time_doubles_at_most(lambda text: readings.read(text, "zh"), unit, LENGTH)
    assert_time_doubles_at_most(lambda text: english._METRES.sub("", text), unit, LENGTH)
