"""What reads a text takes time by its length, of whatever odd characters it is made."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from common.hidden_credentials import without_credentials
from common.user_text import without_paths
from runtime import logging_setup
from service.film.subtitles import boundaries, cues, line_breaks, markup, subtitle_files, text_metrics, word_times
from service.music import search_terms
from service.node import model_json, responses
from tests.support.growth import assert_time_doubles_at_most
from tests.support.pathological_text import PATHOLOGICAL
from worker_node.providers import speaking
from worker_node.providers.base import Character, QuietRun, StoryRequest
from worker_node.providers.kokoro import mandarin, numerals, written
from worker_node.providers.offline import lexicon, readings, sentences, speaker, titles
from worker_node.providers.offline.storyteller import OfflineStoryteller
from worker_node.providers.storytelling import answers, batches, retold
from worker_node.providers.storytelling.cast import with_looks

LENGTH = 10_000
CAST = [Character("小明", "x", "a boy"), Character("a", "x", "a b")]


def _ends(text: str) -> object:
    return [boundaries.ends_sentence(text, at) for at, mark in enumerate(text) if mark in boundaries.SENTENCE_MARKS]


def _words(text: str) -> object:
    given = [[text[at : at + 3], float(at), at + 1.0] for at in range(0, len(text), 3)]
    return word_times.read_words(given, text, float(len(text)))


def _files(text: str) -> None:
    shown = [cues.Cue(0, 1, (text,))]
    subtitle_files.write_srt(Path("/dev/null"), shown)
    subtitle_files.write_ass(Path("/dev/null"), shown, 1280, 720)


def _logged(form: str) -> Callable[[str], object]:
    def log(text: str) -> object:
        written_to = io.StringIO()
        logging_setup.set_up_logging("INFO", form, written_to)
        logging.getLogger("a").info("%s", text)
        return written_to.getvalue()

    return log


def _json(text: str) -> object:
    try:
        return model_json.read_model_json(text)
    except ValueError:
        return None


def _titles(text: str) -> object:
    return [titles.title_candidates(text, language, lexicon.lexicon()) for language in ("zh", "en")]


def _spoken(text: str) -> object:
    return [readings.read(readings.half_width(text), language) for language in ("zh", "en")]


def _tell(shots: int) -> Callable[[str], object]:
    return lambda text: OfflineStoryteller().tell(StoryRequest(f"春天来了。{text}", shots), QuietRun())


FUNCTIONS: dict[str, Callable[[str], object]] = {
    "where sentences end": _ends,
    "what is never cut": boundaries.whole_spans,
    "cues": lambda text: cues.make_cues(text, 0, 600, line_width=40),
    "characters": lambda text: list(line_breaks.graphemes(text)),
    "lines": lambda text: line_breaks.parts(text, 40),
    "columns": line_breaks.columns,
    "what is shown": text_metrics.clean,
    "time to read": text_metrics.reading_s,
    "markup": markup.plain,
    "word times": _words,
    "subtitle files": _files,
    "paths": without_paths,
    "credentials": without_credentials,
    "a line of the log": _logged("text"),
    "an object of the log": _logged("json"),
    "a node's reason": lambda text: responses.reason_text(text, 5_000),
    "words of music": search_terms,
    "JSON of a model": _json,
    "scenes of a model": lambda text: answers.scenes_in(text, 6),
    "sentences": sentences.sentences,
    "clauses": sentences.clause_cuts,
    "words": sentences.word_cuts,
    "an excerpt": lambda text: sentences.shortened(text, len(text) - 100),
    "titles": _titles,
    "what a text shows": lambda text: lexicon.lexicon().hits(text),
    "colours": lambda text: lexicon.lexicon().coloured(text),
    "signs as they are said": _spoken,
    "addresses and units": readings.speakable,
    "languages": lambda text: speaker.runs(text, "zh"),
    "what is not spoken": lambda text: speaker.unread(text, str.isalpha),
    "numbers": numerals.in_characters,
    "written words": written.words,
    "Mandarin": mandarin.sounds,
    "a text for a speech server": lambda text: speaking.parts(speaking.spoken_text(text, "zh"), 300),
    "how long it takes to say": speaking.usual_seconds,
    "pieces for a model": batches.pieces,
    "whether it was retold": lambda text: retold.fault(text, "一段故事" + text),
    "looks": lambda text: with_looks(text, CAST, who=text, narration=text),
    "a story of six shots": _tell(6),
    "a story of sixty shots": _tell(60),
}
KINDS = list(PATHOLOGICAL)
PARTS = 4
FEW = 41  # one kind of so many is read with all tests


def _assert_grows_with_the_text(name: str, kinds: list[str]) -> None:
    function = FUNCTIONS[name]
    function("春天来了。Spring has come.")  # what is made once is made now
    for kind in kinds:
        try:
            assert_time_doubles_at_most(function, PATHOLOGICAL[kind], LENGTH)
        except AssertionError as error:
            raise AssertionError(f"{kind}: {error}") from error


@pytest.mark.parametrize("name", FUNCTIONS)
def test_twice_of_an_odd_text_takes_about_twice_the_time(name: str) -> None:
    """Each function over a few of them, other ones than the next."""
    first = list(FUNCTIONS).index(name)
    _assert_grows_with_the_text(name, KINDS[first::FEW])


@pytest.mark.soak
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", FUNCTIONS)
def test_twice_of_any_odd_text_takes_about_twice_the_time(name: str, part: int) -> None:
    _assert_grows_with_the_text(name, KINDS[part::PARTS])
