"""What reads a story takes time by the story's length, whatever stands in it. Processor time of this thread, the best of three."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.film.spec import FilmShot, FilmSpec
from service.film.subtitles import cues, text_metrics
from service.film.subtitles.fonts import language_of
from service.film.timeline import make_timeline
from worker_node.providers.base import QuietRun, StoryRequest
from worker_node.providers.offline import readings, speaker
from worker_node.providers.offline.markup import plain
from worker_node.providers.offline.storyteller import OfflineStoryteller

LENGTH = 1500
GROWTH, NOISE_S = 2.5, 0.005  # of twice the length
TRIES = 4
UNITS = {
    "combining marks": "\u0301",
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
    "sentences": "春天来了，河水解冻。小鸟在枝头歌唱！",
}


def _cues(text: str) -> object:
    seconds = 0.2 * len(text)
    pauses = [(at - 0.3, float(at)) for at in range(3, int(seconds), 3)]
    return cues.make_cues(text, 0.0, seconds, line_width=42, pauses=pauses)


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
    "storyteller": _tell,
    "speaker": lambda text: [readings.read(run.text, run.language) for run in speaker.runs(text, "zh")],
    "what is not spoken": lambda text: speaker.unread(text, str.isascii),
    "markup": plain,
    "language of the font": language_of,
}


@pytest.fixture
def _without_garbage_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def best_s(function: Callable[[str], object], text: str) -> float:
    times = []
    for _ in range(3):
        began = time.thread_time()
        function(text)
        times.append(time.thread_time() - began)
    return min(times)


@pytest.mark.usefixtures("_without_garbage_collection")
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("kind", UNITS)
def test_twice_the_text_takes_about_twice_the_time(name: str, kind: str) -> None:
    function, unit = FUNCTIONS[name], UNITS[kind]
    function("春天来了。")  # what is made once is made now
    for _ in range(TRIES):  # another process may have had the caches meanwhile
        short, long = (best_s(function, (unit * length)[:length]) for length in (LENGTH, 2 * LENGTH))
        if long <= GROWTH * short + NOISE_S:
            return
    assert long <= GROWTH * short + NOISE_S
