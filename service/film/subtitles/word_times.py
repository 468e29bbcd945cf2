"""When the words of a narration are heard, as a model node says, made fit for use: it may say anything."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from service.film.spec import Word
from service.film.subtitles.text_metrics import with_bounded_marks

_REACH = 60  # letters of the text that each letter of a word may skip
_ENOUGH = 0.5  # of the words' letters must be the text's, or they are of another one
_LATE_S = 1.0  # by which the last word may end behind the file
MAX_WORD = 100  # characters
MAX_S = 1e6


def read_words(given: object, text: str, seconds: float) -> list[Word]:
    """What is usable of a list of `[word, start_s, end_s]` for a narration of `text` that takes `seconds`: words of the text, in order.

    Nothing is, where the list has more words than the text has characters, or times that run back.
    """
    if not isinstance(given, list) or not 0 < len(given) <= len(text):
        return []
    found: list[Word] = []
    before = 0.0
    for each in given:
        word = _word(each)
        if word is None:
            continue
        if word.start < before or word.end > seconds + _LATE_S:
            return []
        before = word.start
        found.append(word._replace(end=min(word.end, seconds)))
    times = letter_times(text, found)
    return found if any(times) else []


def _word(given: object) -> Word | None:
    if not isinstance(given, list | tuple) or len(given) != 3:
        return None
    text, *times = given
    numbers = [float(time) for time in times if _is_time(time)]
    if not isinstance(text, str) or not 0 < len(text) <= MAX_WORD or len(numbers) != 2:
        return None
    start, end = numbers
    return Word(text, start, end) if start <= end else None


def _is_time(given: object) -> bool:
    return isinstance(given, int | float) and not isinstance(given, bool) and 0 <= given < MAX_S


Times = tuple[float, float]


def letter_times(text: str, words: Sequence[Word]) -> list[Times | None]:
    """For each of the text's letters and digits (`letters`) when it is said, None where no word says so. A word that the text does not
    have where it should be is left out, and all are where that is most of them."""
    bare = letters(text)
    times: list[Times | None] = [None] * len(bare)
    position = strange = 0
    for word in words:
        own = letters(word.text)
        at = bare.find(own, position, position + (_REACH + 1) * len(own)) if own else -1
        if at < 0:
            strange += len(own)
            continue
        step = (word.end - word.start) / len(own)
        for number in range(len(own)):
            times[at + number] = (word.start + number * step, word.start + (number + 1) * step)
        position = at + len(own)
    known = sum(time is not None for time in times)
    return times if known >= _ENOUGH * (known + strange) else [None] * len(bare)


def letters(text: str) -> str:
    """A text's letters and digits, however they are written: what words are compared by."""
    folded = unicodedata.normalize("NFKC", with_bounded_marks(text)).casefold()
    return "".join(filter(str.isalnum, folded))
